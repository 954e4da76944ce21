"""The link in a page that acknowledges without a key (contract §8)."""

from __future__ import annotations

import html
import logging
import re
import time
from base64 import b64encode
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

import pytest

from incident_service import clock
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import Busy
from incident_service.incidents import lifecycle
from incident_service.paging import acknowledge_links, firing
from incident_service.people.caller import Caller
from incident_service.store import audit
from tests.helpers.clocks import write_at
from tests.helpers.plans import traced, walks
from tests.helpers.rota import Rota, at
from tests.helpers.world import World

DAYS_7 = timedelta(days=7)
BUTTON = '<form method="post">\n<button type="submit">Acknowledge</button>'


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    opened: dict[str, Any] = world.post().json["data"]
    return opened


def link(world: World, incident: dict[str, Any], **changes: Any) -> str:
    values = {
        "org_id": world.made.org_id,
        "incident_id": incident["id"],
        "user_id": world.made.user_id,
        "now": clock.now(),
        **changes,
    }
    user = values["org_id"], values["incident_id"], values["user_id"]
    tokens = write_at(values["now"], world.database, acknowledge_links.renew, [user])
    return f"/a/{tokens[user]}"


def state(world: World) -> list[Any]:
    return [
        world.rows("SELECT * FROM incidents"),
        world.rows("SELECT * FROM audit_events"),
        world.rows("SELECT * FROM status_history"),
    ]


def words(answer: Any) -> str:
    """Return the page's text as a person reads it."""
    (main,) = re.findall("<main[^>]*>(.*)</main>", answer.text, re.DOTALL)
    return " ".join(html.unescape(re.sub("<[^>]*>", "", main)).split())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(world: World, incident: dict[str, Any], method: str) -> None:
    before = state(world)
    for _ in range(3):
        answer = world.client.open(link(world, incident), method=method)
        assert answer.status_code == 200
        assert answer.content_type == "text/html; charset=utf-8"
    assert state(world) == before


def test_the_page_says_what_it_is_about(world: World, incident: dict[str, Any]) -> None:
    page = world.client.get(link(world, incident))
    said = words(page)
    at = incident["createdAt"]
    for part in ("#1", incident["title"], "critical", "investigating", at[11:16]):
        assert part in said
    assert '<html lang="en">' in page.text
    assert [page.text.count(tag) for tag in ("<h1>", "<main", "<form")] == [1, 1, 5]
    assert BUTTON in page.text


def test_the_button_acknowledges_as_the_user(world: World, incident: dict[str, Any]) -> None:
    ben = world.make("users", email="ben@example.com", firstName="Ben", lastName="Ng")["id"]
    answer = world.client.post(link(world, incident, user_id=ben))
    assert answer.status_code == 200
    assert "You have acknowledged this incident" in words(answer)
    assert BUTTON not in answer.text
    found = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert (found["acknowledgedBy"], found["status"]) == (ben, "investigating")
    assert found["acknowledgedAt"] == found["updatedAt"]
    last = found["auditTrail"][-1]
    assert (last["event"], last["actorId"]) == ("incident_acknowledged", ben)
    assert last["details"] == {"via": "link"}


def test_a_second_time_says_who_has_it_and_changes_nothing(
    world: World, incident: dict[str, Any]
) -> None:
    ben = world.make("users", email="ben@example.com", firstName="Ben", lastName="Ng")["id"]
    world.client.post(link(world, incident, user_id=ben))
    before = state(world)
    for method in ("POST", "GET"):
        again = words(world.client.open(link(world, incident, user_id=ben), method=method))
        assert "You have acknowledged this incident" in again
        other = world.client.open(link(world, incident), method=method)
        assert other.status_code == 200
        assert "Ben Ng has acknowledged this incident" in words(other)
        assert BUTTON not in other.text
    assert state(world) == before


def test_who_has_it_may_have_no_name(world: World, incident: dict[str, Any]) -> None:
    for by in ("a-key-or-a-deleted-user", "<b>&"):
        world.execute(
            "UPDATE incidents SET acknowledged_at = ?, acknowledged_by = ?",
            incident["createdAt"],
            by,
        )
        assert f"{by} has acknowledged" in words(world.client.get(link(world, incident)))


def test_a_key_that_has_it_is_called_by_its_name(world: World, incident: dict[str, Any]) -> None:
    robot = world.make("api-keys", name="deploy bot", role="org:member")
    world.call("POST", "incidents/1/acknowledge", key=robot["key"])
    path = link(world, incident)
    assert "deploy bot has acknowledged" in words(world.client.get(path))
    world.call("DELETE", f"api-keys/{robot['id']}")
    assert "deploy bot has acknowledged" in words(world.client.get(path))


def test_a_link_acknowledges_again_after_a_hand_off(world: World, incident: dict[str, Any]) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    path = link(world, incident, user_id=ben)
    world.call("POST", f"incidents/{incident['id']}/acknowledge")
    world.call("POST", f"incidents/{incident['id']}/handoff", {"targetUserId": ben})
    assert "<form" in world.client.get(path).text
    assert "You have acknowledged" in words(world.client.post(path))


def test_a_resolved_incident(world: World, incident: dict[str, Any]) -> None:
    for status in ("identified", "monitoring", "resolved"):
        world.call("PATCH", f"incidents/{incident['id']}/status", {"status": status})
    before = state(world)
    for method in ("GET", "POST"):
        answer = world.client.open(link(world, incident), method=method)
        assert (answer.status_code, "<form" in answer.text) == (200, False)
        assert "it was resolved" in words(answer)
    assert state(world) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_link_that_leads_nowhere(world: World, incident: dict[str, Any], method: str) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    eve = world.make("users", email="eve@example.com")["id"]
    good, before = link(world, incident), state(world)
    expired = link(world, incident, user_id=ben, now=clock.now() - DAYS_7)
    gone = link(world, incident, user_id=eve)
    assert world.call("DELETE", f"users/{eve}").status_code == 204
    wrong = {
        "/a": "not valid",
        "/a/": "not valid",
        "/a/x": "not valid",
        f"{good}/": "not valid",
        f"{good}.": "not valid",
        f"{good}a": "not valid",
        f"/a/x/{good[3:]}": "not valid",
        good[:-1]: "not valid",
        f"/a/{good[3:].swapcase()}": "not valid",
        "/a/%00%ff": "not valid",
        "/a/" + "x" * 22: "not valid",
        "/ack": "not valid",
        "/ack/x": "not valid",
        expired: "expired",
        gone: "no longer there",
    }
    for path, said in wrong.items():
        answer = world.client.open(path, method=method)
        assert (answer.status_code, answer.mimetype) == (404, "text/html"), path
        assert answer.headers["Cache-Control"] == "no-store"
        if method != "HEAD":
            assert said in words(answer), path
    assert state(world) == before


def test_a_user_who_is_deleted_since(world: World, incident: dict[str, Any]) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    path = link(world, incident, user_id=ben)
    assert world.client.get(path).status_code == 200
    assert world.call("DELETE", f"users/{ben}").status_code == 204
    before = state(world)
    assert world.client.get(path).status_code == world.client.post(path).status_code == 404
    assert state(world) == before


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "</title></bdi><h1>",
        "{{ 7 * 7 }}{% include 'base.html' %}",
        "&lt;b&gt;",
        "\u202egnp.exe\u2066 \u05d0",
        "x" * 100,
    ],
)
def test_hostile_text_is_shown_as_it_is(world: World, hostile: str) -> None:
    ben = world.make("users", email="ben@example.com", firstName=hostile)["id"]
    incident = world.post(world.body(title=hostile)).json["data"]
    plain = hostile.replace("\u202e", "").replace("\u2066", "")
    shown = f"<bdi>{html.escape(plain).replace('&#x27;', '&#39;').replace('&quot;', '&#34;')}</bdi>"
    page = world.client.get(link(world, incident, user_id=ben))
    assert page.text.count(shown) == 2  # the title and the name
    assert page.text.count(hostile) == (2 if shown == f"<bdi>{hostile}</bdi>" else 0)
    world.client.post(link(world, incident, user_id=ben))
    assert f"{shown} has" in " ".join(world.client.get(link(world, incident)).text.split())


def test_the_headers_keep_the_page_to_itself(world: World, incident: dict[str, Any]) -> None:
    for path in (link(world, incident), "/a/wrong", "/ack/wrong"):
        for method in ("GET", "HEAD", "POST"):
            headers = world.client.open(path, method=method).headers
            assert headers["Cache-Control"] == "no-store"
            assert headers["Referrer-Policy"] == "no-referrer"
            assert headers["X-Robots-Tag"] == "noindex"
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert "Set-Cookie" not in headers
            policy = dict(
                part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; ")
            )
            assert policy.pop("style-src").startswith("'sha256-")
            assert policy == {
                "default-src": "'none'",
                "form-action": "'self'",
                "frame-ancestors": "'none'",
                "base-uri": "'none'",
            }


def test_the_page_loads_nothing(world: World, incident: dict[str, Any]) -> None:
    for path in (link(world, incident), "/a/wrong", "/ack/wrong"):
        text = world.client.get(path).text
        assert not re.search(
            r"(?i)\b(src|href|action|style)\s*=|url\(|@import|https?:|<script", text
        )


def test_the_style_is_the_one_that_the_policy_allows(
    world: World, incident: dict[str, Any]
) -> None:
    page = world.client.get(link(world, incident))
    (style,) = re.findall("<style>(.*?)</style>", page.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["Content-Security-Policy"]


def test_the_log_never_has_the_token(
    world: World,
    incident: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    path = link(world, incident)
    world.client.get(path)
    world.client.get(f"{path}x")
    world.client.delete(path)
    monkeypatch.setattr(lifecycle, "acknowledge", lambda *_, **__: 1 / 0)
    assert world.client.post(path).status_code == 500
    formatter = logging.Formatter()
    for record in caplog.records:
        text = formatter.format(record) + repr(record.__dict__)
        assert path[3:] not in text
    assert {r.__dict__["route"] for r in caplog.records if r.message == "request"} == {
        "/a/<path:token>", None,
    }  # fmt: skip


def test_a_failure_is_a_page_too(
    world: World, incident: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> Any:
        def work(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(lifecycle, "acknowledge", work)
        return world.client.post(link(world, incident))

    busy = fail(Busy("secret path"))
    assert (busy.status_code, busy.headers["Retry-After"]) == (503, "1")
    crash = fail(RuntimeError("secret path"))
    assert crash.status_code == 500
    for answer in (busy, crash):
        assert answer.mimetype == "text/html"
        assert "secret" not in answer.text
        assert answer.headers["X-Request-Id"] in words(answer)


def test_other_methods_are_refused(world: World, incident: dict[str, Any]) -> None:
    before = state(world)
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH"):
        answer = world.client.open(link(world, incident), method=method)
        assert (answer.status_code, answer.json["code"]) == (405, "method_not_allowed")
    assert state(world) == before


def press(world: World, path: str, status: str) -> Any:
    return world.client.post(path, data={"status": status})


def test_the_other_button_moves_it_on_to_the_next_status(
    world: World, incident: dict[str, Any]
) -> None:
    ben = world.make("users", email="ben@example.com", firstName="Ben")["id"]
    path = link(world, incident, user_id=ben)
    for status, label in (
        ("identified", "Mark as identified"),
        ("monitoring", "Mark as monitoring"),
        ("resolved", "Resolve"),
    ):
        button = f'name="status" value="{status}">{label}</button>'
        assert button in world.client.get(path).text
        assert press(world, path, status).status_code == 200
    found = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert [(each["status"], each["changedBy"]) for each in found["statusHistory"][1:]] == [
        (status, ben) for status in lifecycle.STATUSES[1:]
    ]
    assert found["acknowledgedAt"] is None
    updates = world.call("GET", f"incidents/{incident['id']}/updates").json["data"]["updates"]
    assert {update["postedBy"]["name"] for update in updates} == {"Ben"}
    assert "<form" not in world.client.get(path).text


@pytest.mark.parametrize("status", ["investigating", "monitoring", "", "x" * 4000])
def test_a_status_that_cannot_follow_changes_nothing(
    world: World, incident: dict[str, Any], status: str
) -> None:
    before = state(world)
    answer = press(world, link(world, incident), status)
    assert answer.status_code == 200
    assert "Nothing was changed: the incident is investigating by now." in words(answer)
    assert state(world) == before


def test_a_second_click_does_not_go_a_step_too_far(world: World, incident: dict[str, Any]) -> None:
    path = link(world, incident)
    press(world, path, "identified")
    before = state(world)
    assert "the incident is identified by now" in words(press(world, path, "identified"))
    assert state(world) == before


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"{", 200),
        ("text/plain", b"x" * 100_000, 413),
        ("application/x-www-form-urlencoded", b"other=1", 200),
        ("application/x-www-form-urlencoded", b"\xff\x00%", 200),
        ("application/x-www-form-urlencoded", b"status=" + b"x" * 100_000, 413),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"x" * 100_000, 413),
        ("multipart/form-data", b"x", 200),
    ],
)
def test_a_body_that_is_no_form(
    world: World, incident: dict[str, Any], content_type: str, body: bytes, status: int
) -> None:
    before = state(world)
    path = link(world, incident)
    answer = world.client.post(path, data=body, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (status, "text/html")
    assert (state(world) == before) == (status != 200)


def test_the_page_tells_what_a_responder_needs(world: World, incident: dict[str, Any]) -> None:
    path = f"incidents/{incident['id']}"
    words_12 = [f"Update {n}." for n in range(1, 13)]
    for body in words_12:
        world.make(f"{path}/updates", visibility="internal", body=body)
    world.make(f"{path}/updates", visibility="internal", body="é" * 501)
    said = words(world.client.get(link(world, incident)))
    assert incident["description"] in said
    assert "Affected components Payments API" in said
    assert ("é" * 500 + "…" in said, "é" * 501 in said) == (True, False)
    assert [body for body in words_12 if body in said] == words_12[3:]
    assert "And 3 earlier updates." in said
    assert "just now by Ada Admin" in said and ", internal" in said
    assert "You own this incident." in said


def test_a_redacted_update_is_shown_without_its_text(
    world: World, incident: dict[str, Any]
) -> None:
    path = f"incidents/{incident['id']}/updates"
    update = world.make(path, visibility="internal", body="hunter2")
    world.call("POST", f"{path}/{update['id']}/redact")
    said = words(world.client.get(link(world, incident)))
    assert ("The text was redacted." in said, "hunter2" in said) == (True, False)


def test_a_long_description_is_folded(world: World) -> None:
    incident = world.post(world.body(description="d" * 10_000)).json["data"]
    page = world.client.get(link(world, incident)).text
    assert "<summary>Show all 10,000 characters</summary>" in page
    assert page.count("d" * 10_000) == 1
    assert f"{'d' * 500}…" in page


def page_event(world: World, incident: dict[str, Any], user_id: str, **details: Any) -> None:
    event: audit.Event = "page_failed" if "reason" in details else "page_sent"
    given = {"org_id": world.made.org_id, "id": incident["id"]}
    write_at(
        parse_instant("2025-04-07T08:23:11.000Z"),
        world.database,
        lambda db, now: audit.append(
            db,
            given,
            event,
            {"userId": user_id, **details},
            actor_id=None,
            at=format_instant(now),
        ),
    )


def test_the_page_tells_who_else_was_paged(world: World, incident: dict[str, Any]) -> None:
    ids = [world.make("users", email=f"{n}@example.com", firstName=f"P{n}")["id"] for n in "abcd"]
    page_event(world, incident, ids[0], reason="timed out")
    page_event(world, incident, ids[0])
    page_event(world, incident, ids[1], reason="404 Not <Found>")
    page_event(world, incident, ids[2], notice="acknowledged")
    page_event(world, incident, world.made.user_id)
    world.execute(
        """
        INSERT INTO deliveries (org_id, id, incident_id, user_id, receiver, created_at, due_at)
        VALUES (?, 'd', ?, ?, 'mail', 'x', 'x')
        """,
        world.made.org_id,
        incident["id"],
        ids[3],
    )
    said = words(world.client.get(link(world, incident))).partition("Who else was paged")[2]
    assert re.search(r"Pa page sent .*, \d+ \w+ \d{4}, \d\d:\d\d UTC Pb", said)
    assert "Pb not reached: 404 Not <Found>" in said
    assert "Pd page on its way" in said
    assert "Pc" not in said
    assert said.count("page sent") == 1


def test_the_page_is_bounded(world: World, incident: dict[str, Any]) -> None:
    for n in range(12):
        page_event(world, incident, f"gone-{n}")
    said = words(world.client.get(link(world, incident)))
    assert [n for n in range(12) if f"gone-{n} page sent" in said] == list(range(10))
    assert "And 2 more people." in said


@pytest.fixture
def escalating(rota: Rota) -> str:
    """The path of a's link to an incident whose next layers are b and c."""
    id = rota.open(rota.policy(["a"], ["b"], ["c"]))
    write_at(at(0), rota.world.database, firing.fire_due, [rota.caller.org_id], by_email=False)
    return link(rota.world, {"id": id}, user_id="a")


def last_event(world: World) -> tuple[str, str | None, dict[str, Any]]:
    event = world.call("GET", "incidents/1").json["data"]["auditTrail"][-1]
    return event["event"], event["actorId"], event["details"]


def test_a_button_pages_the_next_layer_once(rota: Rota, escalating: str) -> None:
    world = rota.world
    page = world.client.get(escalating).text
    (value,) = re.findall('name="escalate-from" value="([^"]*)">Page layer 2 now', page)
    answer = world.client.post(escalating, data={"escalate-from": value})
    assert "You have paged the next layer" in words(answer)
    details = {"position": 2, "userIds": ["b"], "via": "link"}
    assert last_event(world) == ("layer_escalated", "a", details)
    before = state(world)
    again = world.client.post(escalating, data={"escalate-from": value})
    assert "Nothing was changed: the next layer was paged already" in words(again)
    assert state(world) == before
    for answer in (again, world.client.post(escalating, data={"escalate-from": "0.2"})):
        left = "Page layer 3 now" in words(answer)
    assert not left


def test_buttons_snooze(rota: Rota, escalating: str) -> None:
    world = rota.world
    page = world.client.get(escalating).text
    assert re.findall('name="minutes" value="([^"]*)"', page) == ["30", "60", "240", "720"]
    answer = world.client.post(escalating, data={"minutes": "60"})
    assert "You have snoozed this incident until" in words(answer)
    event, actor, details = last_event(world)
    assert (event, actor, details["minutes"], details["via"]) == (
        "incident_snoozed", "a", 60, "link",
    )  # fmt: skip
    assert "This incident is snoozed until" in words(world.client.get(escalating))


@pytest.mark.parametrize("minutes", ["5", "-1", "x", "", "6" * 400])
def test_a_snooze_that_no_button_offers(rota: Rota, escalating: str, minutes: str) -> None:
    before = state(rota.world)
    answer = rota.world.client.post(escalating, data={"minutes": minutes})
    assert (answer.status_code, "Nothing was changed" in words(answer)) == (400, True)
    assert state(rota.world) == before


def test_a_form_of_two_buttons(rota: Rota, escalating: str) -> None:
    before = state(rota.world)
    for form in (
        {"minutes": "30", "escalate-from": "0.1"},
        {"status": "resolved", "minutes": "30"},
        {"status": "resolved", "escalate-from": "0.1"},
    ):
        assert rota.world.client.post(escalating, data=form).status_code == 400
    assert state(rota.world) == before


def test_a_button_resolves_from_any_status(rota: Rota, escalating: str) -> None:
    answer = press(rota.world, escalating, "resolved")
    assert "You have resolved this incident" in words(answer)
    found = rota.world.call("GET", "incidents/1").json["data"]
    changes = [e["details"] for e in found["auditTrail"] if e["event"] == "status_changed"]
    assert [(change["after"], change["via"]) for change in changes] == [
        (status, "link") for status in lifecycle.STATUSES[1:]
    ]
    again = words(press(rota.world, escalating, "resolved"))
    assert "Nothing was changed: the incident is resolved by now" in again
    for form in ({"minutes": "30"}, {"escalate-from": "0.1"}):
        said = words(rota.world.client.post(escalating, data=form))
        assert "Nothing was changed: the incident is resolved by now" in said


def test_alerts_are_shown_with_their_links(world: World) -> None:
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    links = [
        {"text": "Graph", "href": "https://graphs.example.com/d/1?a=b&c=d"},
        {"text": "Bad", "href": "javascript:alert(1)"},
    ]
    sent = {"title": "Disk <full>", "severity": "critical", "links": links}
    assert world.client.post(f"/in/{tool['token']}", json=sent).status_code == 202
    (opened,) = world.rows("SELECT id FROM incidents")
    page = world.client.get(link(world, opened))
    assert '<a href="https://graphs.example.com/d/1?a=b&amp;c=d"' in page.text
    assert 'href="javascript' not in page.text
    assert "Disk <full> critical, firing, since just now Graph:" in words(page)


def statements(found: list[str]) -> list[str]:
    frame = re.compile(r"\s*(PRAGMA|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)")
    return [text for text in found if not frame.match(text)]


@pytest.mark.sqlite_only("how it finds rows")
def test_how_many_statements_it_takes(world: World, incident: dict[str, Any]) -> None:
    path = link(world, incident)
    for n in range(30):
        world.make(f"incidents/{incident['id']}/updates", visibility="internal", body=f"{n}")
        page_event(world, incident, f"gone-{n}")
    with traced(world) as asked:
        world.client.get(path)
    assert len(statements(asked)) <= 14
    assert [walk for text in statements(asked) for walk in walks(world, text)] == []
    with traced(world) as asked:
        world.client.post(path)
    assert len(statements(asked)) <= 26  # what a trigger watches is traced twice
    under_the_lock = asked[asked.index("BEGIN IMMEDIATE") : asked.index("COMMIT")]
    reads = [text for text in under_the_lock if text.lstrip().startswith("SELECT")]
    tables = [re.findall(r"FROM (\w+)", text)[0] for text in reads]
    assert tables == ["users", "incidents", "subscriptions"]
    for wrong in ("/a/" + "x" * 22, "/a/x", "/ack/1x.y"):
        with traced(world) as asked:
            world.client.get(wrong)
            world.client.post(wrong)
        assert len(statements(asked)) <= 2, wrong
        assert not [text for text in asked if re.match(r"\s*(INSERT|UPDATE|DELETE|BEGIN I)", text)]


@pytest.mark.sqlite_only("the file")
def test_a_click_that_waits_for_an_edit_is_dated_after_it(
    world: World, incident: dict[str, Any]
) -> None:
    path, id = link(world, incident), incident["id"]
    caller = Caller(world.made.org_id, "key", world.made.user_id, "org:admin")
    began, turns = clock.now(), count(30)
    world.database.clock = lambda: began + timedelta(seconds=next(turns))
    with ThreadPoolExecutor(1) as pool:

        def edit_while_the_click_waits(db: Connection, *, now: datetime) -> Future[Any]:
            click = pool.submit(world.app.test_client().post, path)
            while not world.file._writer._waiting:
                assert not click.done()
                time.sleep(0.001)
            lifecycle.edit(db, caller, id, {"title": "Edited"}, now=now)
            return click

        assert world.database.write(None, edit_while_the_click_waits).result().status_code == 200
    found = world.call("GET", f"incidents/{id}").json["data"]
    assert [(event["event"], event["at"]) for event in found["auditTrail"][-2:]] == [
        ("incident_edited", format_instant(began + timedelta(seconds=30))),
        ("incident_acknowledged", format_instant(began + timedelta(seconds=31))),
    ]
    assert found["acknowledgedAt"] == found["updatedAt"] == found["auditTrail"][-1]["at"]
