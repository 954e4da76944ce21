"""`/v1/users/{id}/notification-rules` (contract §8), and the rule that chooses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service import quickstart
from incident_service.paging.notification_rules import EMAIL, Method, at_once, choose
from incident_service.severity import SEVERITIES
from tests.helpers.plans import traced, walks
from tests.helpers.world import World

PATH = "users/member/notification-rules"
METHODS = "users/member/contact-methods"
EVERY: list[str] = [*SEVERITIES]


@pytest.fixture
def phone(world: World, member: str) -> str:
    """A contact method of the member."""
    return add_method(world, "phone")


def add_method(world: World, label: str, path: str = METHODS) -> str:
    id: str = world.make(path, label=label, url=f"https://example.com/{label}")["id"]
    return id


def rule(id: str | None, severities: list[str] = EVERY, delay: int = 0) -> dict[str, Any]:
    return {"contactMethodId": id, "severities": severities, "delayMinutes": delay}


def put(world: World, *rules: Any, **more: Any) -> Any:
    return world.call("PUT", PATH, {"rules": [*rules], **more})


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


@pytest.fixture
def mail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let users be paged by email too."""
    settings = world.app.extensions["incident_service.settings"]
    with_mail = replace(settings, smtp_url="smtp://localhost?from=a@example.com")
    monkeypatch.setitem(world.app.extensions, "incident_service.settings", with_mail)


def test_the_default_is_every_method_for_every_severity_at_once(world: World, member: str) -> None:
    default = {"rules": [], "resolvedNotice": True, "isDefault": True}
    assert world.call("GET", PATH).json["data"] == default
    ids = [add_method(world, label) for label in ("phone", "chat")]
    default["rules"] = [rule(id) for id in ids]
    assert world.call("GET", PATH).json["data"] == default


def test_the_default_has_the_email_address_if_there_is_a_mail_server(
    world: World, phone: str, mail: None
) -> None:
    assert world.call("GET", PATH).json["data"]["rules"] == [rule(phone), rule(None)]


def test_setting_changing_and_going_back(world: World, phone: str) -> None:
    chat = add_method(world, "chat")
    rules = [
        rule(chat, ["low", "critical"], 60),
        rule(phone, ["critical", "high"]),
        rule(phone, ["critical", "high"]),
        rule(phone, ["medium"], 5),
        rule(None, ["low"]),
    ]
    whole = {"rules": rules, "resolvedNotice": False, "isDefault": False}
    answer = put(world, *rules, resolvedNotice=False)
    assert (answer.status_code, answer.json["data"]) == (200, whole)
    assert world.call("GET", PATH).json["data"] == whole
    add_method(world, "new")  # it is in no rule
    assert world.call("GET", PATH).json["data"] == whole

    answer = put(world, {"contactMethodId": phone.upper(), "severities": EVERY})
    changed = {"rules": [rule(phone)], "resolvedNotice": True, "isDefault": False}
    assert answer.json["data"] == changed
    short = {"severities": EVERY, "delayMinutes": None}  # null is as if it were left out
    assert put(world, short, rule(phone), resolvedNotice=None).json["data"] == {
        **changed,
        "rules": [rule(None), rule(phone)],
    }

    for _ in range(2):
        answer = world.call("DELETE", PATH)
        assert (answer.status_code, answer.data) == (204, b"")
    assert world.call("GET", PATH).json["data"]["isDefault"] is True
    assert world.rows("SELECT * FROM notification_rules") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "rules"),
        ({"rules": None}, "rules"),
        ({"rules": "x"}, "rules"),
        ({"rules": [rule(None)] * 51}, "rules"),
        ({"rules": [rule(None, [])]}, "rules"),
        ({"rules": [rule(None, ["low", "low"])]}, "rules"),
        ({"rules": [rule(None, ["worse"])]}, "rules"),
        ({"rules": [{"contactMethodId": None}]}, "rules"),
        ({"rules": [rule("no-uuid")]}, "rules"),
        ({"rules": [rule(None, delay=-1)]}, "rules"),
        ({"rules": [rule(None, delay=61)]}, "rules"),
        ({"rules": [{**rule(None), "delayMinutes": 1.5}]}, "rules"),
        ({"rules": [{**rule(None), "delayMinutes": "5"}]}, "rules"),
        ({"rules": [{**rule(None), "delayMinutes": True}]}, "rules"),
        ({"rules": [{**rule(None), "delay": 5}]}, "rules"),
        ({"rules": [rule(None)], "resolvedNotice": "yes"}, "resolvedNotice"),
        ({"rules": [rule(None)], "isDefault": False}, "isDefault"),
    ],
)
def test_a_body_that_will_not_do(
    world: World, member: str, mail: None, body: dict[str, Any], field: str
) -> None:
    answer = world.call("PUT", PATH, body)
    assert code(answer) == (400, "validation_error")
    assert list(answer.json["errors"]) == [field]
    assert world.call("GET", PATH).json["data"]["isDefault"] is True


def test_there_may_be_fifty(world: World, member: str, mail: None) -> None:
    assert len(put(world, *[rule(None)] * 50).json["data"]["rules"]) == 50


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ([["critical", "high", "medium"]], "low"),
        ([["low"], ["high"]], "critical and medium"),
        ([], "critical, high, medium and low"),
    ],
)
def test_no_severity_may_be_left_without_a_rule(
    world: World, phone: str, severities: list[list[str]], said: str
) -> None:
    answer = put(world, *[rule(phone, each, 5) for each in severities])
    assert code(answer) == (400, "severity_without_rule")
    assert f" {said} incidents" in answer.json["message"]
    assert world.call("GET", PATH).json["data"]["isDefault"] is True


def test_email_counts_if_there_is_a_mail_server(
    world: World, phone: str, request: pytest.FixtureRequest
) -> None:
    rules = [rule(None), rule(phone, ["critical", "high", "medium"])]
    refused = put(world, *rules)
    assert code(refused) == (400, "severity_without_rule")
    assert "One by email does not count, for there is no mail server." in refused.json["message"]
    request.getfixturevalue("mail")
    assert "mail" not in put(world, rules[1]).json["message"]
    assert put(world, *rules).status_code == 200


def test_a_contact_method_must_be_the_user_s(world: World, phone: str) -> None:
    world.make("users", id="other", email="other@example.com")
    of_other = add_method(world, "x", "users/other/contact-methods")
    for id in (of_other, world.made.component_id):
        answer = put(world, rule(phone), rule(id))
        assert code(answer) == (400, "invalid_contact_method_id")
        assert id in answer.json["message"]
    assert code(put(world, rule(of_other, ["low"]))) == (400, "invalid_contact_method_id")


def test_a_member_manages_those_of_its_own_user_and_reads_others(
    world: World, phone: str, member: str
) -> None:
    body = {"rules": [rule(phone)]}
    assert world.call("PUT", PATH, body, key=member).status_code == 200
    assert world.call("DELETE", PATH, key=member).status_code == 204
    world.make("users", id="other", email="other@example.com")
    path = "users/other/notification-rules"
    assert world.call("GET", path, key=member).json["data"]["isDefault"] is True
    robot = world.make("api-keys", name="robot", role="org:member")["key"]
    for method, which, sent, key in [
        ("PUT", path, {"nonsense": 1}, member),
        ("DELETE", path, ..., member),
        ("PUT", PATH, body, robot),
        ("DELETE", PATH, ..., robot),
    ]:
        assert code(world.call(method, which, sent, key=key)) == (403, "forbidden")


def test_what_is_not_there(world: World, phone: str, other_org: quickstart.Provisioned) -> None:
    put(world, rule(phone))
    for path, key in [("users/nobody/notification-rules", None), (PATH, other_org.key)]:
        for method, body in [("GET", ...), ("PUT", {"rules": [rule(phone)]}), ("DELETE", ...)]:
            assert code(world.call(method, path, body, key=key)) == (404, "not_found")
    assert world.call("GET", PATH).json["data"]["isDefault"] is False


def test_deleting_a_contact_method_takes_it_out(world: World, phone: str) -> None:
    chat, spare = add_method(world, "chat"), add_method(world, "spare")
    put(world, rule(chat, ["high"], 5), rule(phone), rule(chat, ["low"]))
    assert world.call("DELETE", f"{METHODS}/{chat}").status_code == 204
    assert world.call("GET", PATH).json["data"]["rules"] == [rule(phone)]
    answer = world.call("DELETE", f"{METHODS}/{phone}")
    assert code(answer) == (400, "severity_without_rule")
    put(world, rule(phone, ["critical", "high"]), rule(spare, ["low", "medium"]))
    answer = world.call("DELETE", f"{METHODS}/{spare}")
    assert code(answer) == (400, "severity_without_rule")
    assert "medium and low" in answer.json["message"]
    assert len(world.call("GET", METHODS).json["data"]) == 2
    world.call("DELETE", PATH)
    assert world.call("DELETE", f"{METHODS}/{phone}").status_code == 204


def test_deleting_a_contact_method_is_not_refused_for_the_lack_of_a_mail_server(
    world: World, phone: str, mail: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    spare = add_method(world, "spare")
    put(world, rule(phone, ["critical"]), rule(spare, ["critical"]), rule(None))
    settings = replace(world.app.extensions["incident_service.settings"], smtp_url="")
    monkeypatch.setitem(world.app.extensions, "incident_service.settings", settings)
    assert world.call("DELETE", f"{METHODS}/{spare}").status_code == 204
    assert code(world.call("DELETE", f"{METHODS}/{phone}")) == (400, "severity_without_rule")


def test_deleting_a_user_deletes_their_rules(world: World, phone: str) -> None:
    put(world, rule(phone))
    assert world.call("DELETE", "users/member").status_code == 204
    for table in ("notification_rules", "notification_settings", "contact_methods"):
        assert world.rows(f"SELECT * FROM {table}") == []


def test_the_audit_log_shows_what_changed(world: World, phone: str) -> None:
    put(world, rule(phone), resolvedNotice=False)
    put(world, rule(phone), resolvedNotice=False)  # changes nothing
    world.call("DELETE", PATH)
    events = world.call("GET", "audit-events", resourceType="notification_rules").json["data"]
    deleted, changed = events["auditEvents"]
    assert (changed["action"], changed["resourceId"]) == ("changed", "member")
    assert changed["before"] == {"resolvedNotice": True, "isDefault": True}
    assert changed["after"] == {"resolvedNotice": False, "isDefault": False}
    assert (deleted["action"], deleted["after"]) == ("deleted", None)
    assert deleted["before"] == {"rules": [rule(phone)], **changed["after"]}


@pytest.mark.sqlite_only("how it finds rows")
def test_they_are_found_by_indexes(world: World, phone: str) -> None:
    spare = add_method(world, "spare")
    with traced(world) as statements:
        put(world, rule(phone), rule(spare))
        world.call("DELETE", f"{METHODS}/{spare}")
        world.call("GET", PATH)
        world.call("DELETE", PATH)
    found = [text for text in statements if text.split()[0] in ("SELECT", "UPDATE", "DELETE")]
    assert len([text for text in found if "notification_" in text]) > 5
    assert [walk for text in found for walk in walks(world, text)] == []


OWN = [Method("phone", "https://example.com/phone"), Method("chat", "slack://x"), EMAIL]

RULES = st.lists(
    st.fixed_dictionaries(
        {
            "contact_method_id": st.sampled_from(["phone", "chat", "gone", None]),
            "severities": st.lists(st.sampled_from(EVERY), unique=True, min_size=1),
            "delay_minutes": st.sampled_from([0, 1, 5, 60]),
        }
    ),
    max_size=8,
)


@given(RULES, st.sampled_from(EVERY), st.lists(st.sampled_from(OWN), unique=True))
def test_who_is_paged_by_what_and_when(
    rules: list[dict[str, Any]], severity: str, methods: list[Method]
) -> None:
    """Against every minute, method and rule looked at in turn."""
    expected = [
        (minute, method.id)
        for minute in range(61)
        for method in methods
        if any(
            each["delay_minutes"] == minute
            and each["contact_method_id"] == method.id
            and severity in each["severities"]
            for each in rules
        )
    ]
    chosen = choose(rules, severity, methods)
    as_pairs = [(method.delay_minutes, method.id) for method in chosen]
    assert {method._replace(delay_minutes=0) for method in chosen} <= set(methods)
    if not expected:
        assert chosen == methods  # nobody is forgotten
    else:
        assert len(as_pairs) == len(expected)
        assert set(as_pairs) == set(expected)
    assert [minute for minute, _ in as_pairs] == sorted(minute for minute, _ in as_pairs)
    now = {id for minute, id in as_pairs if minute == 0}
    soon = at_once(chosen)
    assert {method.id for method in soon} == (now or {id for _, id in as_pairs})
    assert len(soon) == len({method.id for method in soon})
    assert all(method.delay_minutes == 0 for method in soon)
