"""Inbound integrations: the tools that send alerts (contract §10)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from incident_service import resources
from incident_service.alerts.kinds import KINDS
from incident_service.quickstart import Provisioned
from tests.helpers.world import World

PATH = "integrations/inbound"


def path(made: dict[str, Any], *more: str) -> str:
    return "/".join((PATH, made["id"], *more))


def routing(world: World, name: str = "Payments", key: str | None = None) -> str:
    sent = [
        {"severity": severity, "outcome": "drop"}
        for severity in ("critical", "high", "medium", "low")
    ]
    answer = world.call("POST", "routing/policies", {"name": name, "rules": sent}, key=key)
    return str(answer.json["data"]["id"])


def send(world: World, token: str, body: Any = None) -> Any:
    return world.client.post(f"/in/{token}", json={"title": "Down"} if body is None else body)


def selector(policy_id: str, **matchers: str) -> dict[str, Any]:
    return {
        "matchers": [{"key": key, "value": value} for key, value in matchers.items()],
        "routingPolicyId": policy_id,
    }


def test_one_with_nothing_said_has_the_defaults(world: World) -> None:
    answer = world.call("POST", PATH, {"name": "Prometheus", "kind": "alertmanager"})
    made = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/{path(made)}"
    token = made.pop("token")
    assert re.fullmatch("[0-9a-f]{32}", token)
    assert made.pop("url") == f"http://127.0.0.1:8000/in/{token}"
    assert made["createdAt"] == made["updatedAt"]
    assert {name: made[name] for name in made if name not in ("id", "createdAt", "updatedAt")} == {
        "orgId": world.made.org_id,
        "name": "Prometheus",
        "kind": "alertmanager",
        "componentId": None,
        "routingPolicyId": None,
        "selectors": [],
        "defaultSeverity": "high",
        "severityMap": {},
        "autoResolve": True,
        "resolveAfterSeconds": 60,
        "mapping": None,
        "everySeconds": None,
        "graceSeconds": None,
        "lastReceivedAt": None,
    }
    assert world.call("GET", path(made)).json["data"] == made
    assert world.call("GET", PATH).json["data"] == {"integrations": [made]}


def test_everything_comes_back_exactly_as_sent(world: World) -> None:
    sent = {
        "name": "Ours",
        "kind": "generic",
        "componentId": world.made.component_id,
        "routingPolicyId": routing(world),
        "defaultSeverity": "low",
        "severityMap": {"Zulu": "high", "alpha": "critical", "Übel": "low"},
        "autoResolve": False,
        "resolveAfterSeconds": 0,
        "mapping": {"title": "labels.summary", "alerts": "items[?open]", "dedupKey": "id"},
    }
    made = world.make(PATH, **sent)
    found = world.call("GET", path(made))
    assert {name: found.json["data"][name] for name in sent} == sent
    for name in ("severityMap", "mapping"):
        assert json.dumps(sent[name]) in json.dumps(json.loads(found.text))  # in the same order


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_made(world: World, kind: str) -> None:
    more = {"everySeconds": 300} if kind == "heartbeat" else {}
    assert world.make(PATH, name=kind, kind=kind, **more)["kind"] == kind


def test_a_heartbeat_has_a_period(world: World) -> None:
    made = world.make(PATH, name="Backup", kind="heartbeat", everySeconds=86_400)
    assert (made["everySeconds"], made["graceSeconds"]) == (86_400, 60)
    changed = world.call("PATCH", path(made), {"everySeconds": 60, "graceSeconds": 0})
    assert changed.json["data"]["everySeconds"] == 60
    assert changed.json["data"]["graceSeconds"] == 0
    cleared = world.call("PATCH", path(made), {"graceSeconds": None}).json["data"]
    assert cleared["graceSeconds"] == 60
    answer = world.call("PATCH", path(made), {"everySeconds": None})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["everySeconds"])


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("heartbeat", {}, "everySeconds"),
        ("heartbeat", {"everySeconds": None}, "everySeconds"),
        ("heartbeat", {"everySeconds": 59}, "everySeconds"),
        ("heartbeat", {"everySeconds": 2_592_001}, "everySeconds"),
        ("heartbeat", {"everySeconds": 60, "graceSeconds": 86_401}, "graceSeconds"),
        ("heartbeat", {"everySeconds": 60, "mapping": {"title": "a"}}, "mapping"),
        ("generic", {"everySeconds": 60}, "everySeconds"),
        ("generic", {"graceSeconds": 60}, "graceSeconds"),
        ("grafana", {"mapping": {}}, "mapping"),
        ("nagios", {}, "kind"),
        (None, {}, "kind"),
        ("generic", {"name": " "}, "name"),
        ("generic", {"defaultSeverity": "worst"}, "defaultSeverity"),
        ("generic", {"severityMap": {"bad": "worst"}}, "severityMap"),
        ("generic", {"severityMap": {"": "low"}}, "severityMap"),
        ("generic", {"severityMap": {"x" * 256: "low"}}, "severityMap"),
        ("generic", {"severityMap": {str(n): "low" for n in range(101)}}, "severityMap"),
        ("generic", {"severityMap": {"bad": "low", "BAD": "high"}}, "severityMap"),
        ("generic", {"severityMap": ["bad"]}, "severityMap"),
        ("generic", {"autoResolve": "yes"}, "autoResolve"),
        ("generic", {"resolveAfterSeconds": -1}, "resolveAfterSeconds"),
        ("generic", {"resolveAfterSeconds": 3601}, "resolveAfterSeconds"),
        ("generic", {"resolveAfterSeconds": 1.5}, "resolveAfterSeconds"),
        ("generic", {"mapping": {"title": "a["}}, "mapping"),
        ("generic", {"mapping": {"title": ""}}, "mapping"),
        ("generic", {"mapping": {"colour": "a"}}, "mapping"),
        ("generic", {"mapping": {"title": 1}}, "mapping"),
        ("generic", {"componentId": "x"}, "componentId"),
        ("generic", {"selectors": []}, "selectors"),
        ("generic", {"token": "x"}, "token"),
    ],
)
def test_what_makes_no_sense_is_refused(
    world: World, kind: str | None, changes: dict[str, Any], field: str
) -> None:
    answer = world.call("POST", PATH, {"name": "Tool", "kind": kind, **changes})
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
    if changes and kind in ("generic", "grafana"):
        made = world.make(PATH, name="Other", kind=kind)
        answer = world.call("PATCH", path(made), changes)
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_a_wrong_expression_is_named(world: World) -> None:
    sent = {"name": "Tool", "kind": "generic", "mapping": {"title": "a", "link": "b["}}
    answer = world.call("POST", PATH, sent)
    assert answer.json["message"].startswith("mapping: link: ")


def test_the_kind_cannot_change(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    answer = world.call("PATCH", path(made), {"kind": "grafana"})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["kind"])


def test_a_change_leaves_the_rest_and_null_sets_the_default(world: World) -> None:
    sent = {
        "componentId": world.made.component_id,
        "routingPolicyId": routing(world),
        "defaultSeverity": "low",
        "severityMap": {"bad": "high"},
        "autoResolve": False,
        "resolveAfterSeconds": 5,
        "mapping": {"title": "a"},
    }
    made = world.make(PATH, name="Tool", kind="generic", **sent)
    changed = world.call("PATCH", path(made), {"name": "Other"}).json["data"]
    assert changed["name"] == "Other"
    assert {name: changed[name] for name in sent} == sent
    cleared = world.call("PATCH", path(made), dict.fromkeys(sent)).json["data"]
    assert {name: cleared[name] for name in sent} == {
        "componentId": None,
        "routingPolicyId": None,
        "defaultSeverity": "high",
        "severityMap": {},
        "autoResolve": True,
        "resolveAfterSeconds": 60,
        "mapping": None,
    }
    answer = world.call("PATCH", path(made), {"name": None})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["name"])
    assert world.call("PATCH", path(made), {}).json["data"] == cleared


def test_what_it_names_must_be_the_organizations(world: World, other_org: Provisioned) -> None:
    made = world.make(PATH, name="Other", kind="generic")
    theirs = routing(world, key=other_org.key)
    for field, id, code in (
        ("componentId", other_org.component_id, "invalid_component_id"),
        ("routingPolicyId", theirs, "invalid_routing_policy_id"),
    ):
        for method, to, sent in (
            ("POST", PATH, {"name": "Tool", "kind": "generic", field: id}),
            ("PATCH", path(made), {field: id}),
        ):
            answer = world.call(method, to, sent)
            assert (answer.status_code, answer.json["code"]) == (400, code)
            assert id in answer.json["message"]
    answer = world.call("PUT", path(made, "selectors"), {"selectors": [selector(theirs, a="b")]})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_routing_policy_id")
    assert "selectors[0]" in answer.json["message"]
    assert world.call("GET", path(made)).json["data"]["selectors"] == []


def test_a_component_that_goes_is_named_no_more(world: World) -> None:
    component = world.make("components", name="Gone")["id"]
    made = world.make(PATH, name="Tool", kind="generic", componentId=component)
    assert world.call("DELETE", f"components/{component}").status_code == 204
    assert world.call("GET", path(made)).json["data"]["componentId"] is None


def trial(world: World, made: dict[str, Any]) -> Any:
    answer = world.call("POST", path(made, "test"))
    assert answer.status_code == 200
    return answer.json["data"]


def test_a_mapping_is_tried_on_the_latest_whole_body(world: World) -> None:
    mapping = {"alerts": "found", "title": "what", "dedupKey": "id"}
    made = world.make(PATH, name="Tool", kind="generic", mapping=mapping)
    tried = trial(world, made)
    assert tried["alerts"] == []
    assert "our sample" in tried["remarks"][0]
    assert tried["remarks"][1].startswith("alerts: Not a list or an object.")
    send(world, made["token"], {"found": [{"what": "Down", "id": "a"}, {"id": "b"}]})
    send(world, made["token"], {"found": "x" * 9000})  # only its beginning is kept
    world.client.post(f"/in/{made['token']}", data="no JSON")
    tried = trial(world, made)
    assert [alert["dedupKey"] for alert in tried["alerts"]] == ["a", "b"]
    assert "of the latest receipt" in tried["remarks"][0]
    world.call("PATCH", path(made), {"mapping": {**mapping, "dedupKey": "what"}})
    assert trial(world, made)["alerts"][0]["dedupKey"] == "Down"


def test_all_selectors_together_have_a_thousand_matchers(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    policy_id = routing(world)
    twenty = selector(policy_id, **{f"k{n}": "v" for n in range(20)})
    answer = world.call("PUT", path(made, "selectors"), {"selectors": [twenty] * 50})
    assert answer.status_code == 200
    more = [*[twenty] * 50, selector(policy_id, a="b")]
    answer = world.call("PUT", path(made, "selectors"), {"selectors": more})
    assert (answer.status_code, answer.json["code"]) == (400, "validation_error")
    assert "selectors" in answer.json["message"]


def test_selectors_come_back_exactly_as_sent(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    first, second = routing(world, "A"), routing(world, "B")
    sent = [
        selector(second, Team="Zahlungen", alpha="1"),
        selector(first, team="a"),
        selector(second, team="a"),
    ]
    answer = world.call("PUT", path(made, "selectors"), {"selectors": sent})
    assert answer.status_code == 200
    assert answer.json["data"]["selectors"] == sent
    assert answer.json["data"]["name"] == "Tool"
    assert world.call("GET", path(made)).json["data"]["selectors"] == sent
    (listed,) = world.call("GET", PATH).json["data"]["integrations"]
    assert listed["selectors"] == sent
    answer = world.call("PUT", path(made, "selectors"), {"selectors": []})
    assert answer.json["data"]["selectors"] == []


MATCHER = {"key": "team", "value": "a"}


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"selectors": None},
        {"selectors": [{}]},
        {"selectors": [{"matchers": [], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [MATCHER] * 21, "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [MATCHER]}]},
        {"selectors": [{"matchers": [MATCHER], "routingPolicyId": None}]},
        {"selectors": [{"matchers": [MATCHER], "routingPolicyId": "x"}]},
        {"selectors": [{"matchers": [{**MATCHER, "key": ""}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [{**MATCHER, "value": ""}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [{**MATCHER, "value": None}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [{**MATCHER, "key": "x" * 256}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [{**MATCHER, "op": "="}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [{**MATCHER, "key": "severity"}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [{**MATCHER, "key": "Severity"}], "routingPolicyId": "{id}"}]},
        {"selectors": [{"matchers": [MATCHER], "routingPolicyId": "{id}"}] * 101},
    ],
)
def test_selectors_that_make_no_sense_are_refused(world: World, sent: dict[str, Any]) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    body = json.loads(json.dumps(sent).replace("{id}", routing(world)))
    answer = world.call("PUT", path(made, "selectors"), body)
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["selectors"])


def test_a_name_is_taken_once(world: World, other_org: Provisioned) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    other = world.make(PATH, name="Other", kind="grafana")
    answer = world.call("POST", PATH, {"name": "Tool", "kind": "grafana"})
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    answer = world.call("PATCH", path(other), {"name": "Tool"})
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    theirs = {"name": "Tool", "kind": "generic"}
    assert world.call("POST", PATH, theirs, key=other_org.key).status_code == 201
    assert world.call("DELETE", path(made)).status_code == 204
    assert world.call("PATCH", path(other), {"name": "Tool"}).status_code == 200


def test_there_are_only_so_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(resources.MAX_THINGS, "integrations", 1)
    world.make(PATH, name="Tool", kind="generic")
    answer = world.call("POST", PATH, {"name": "Other", "kind": "generic"})
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_integrations")


def test_a_new_token_ends_the_old_one(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    answer = world.call("POST", path(made, "rotate-token"))
    rotated = answer.json["data"]
    assert answer.status_code == 200
    assert rotated["id"] == made["id"]
    assert rotated["token"] != made["token"]
    assert rotated["url"].endswith(f"/in/{rotated['token']}")
    assert send(world, made["token"]).status_code == 401
    assert send(world, rotated["token"]).status_code == 202


def test_the_token_is_kept_nowhere(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    assert send(world, made["token"], {"title": made["token"]}).status_code == 202
    for table in ("integrations", "receipts"):
        assert made["token"] not in str(world.rows(f"SELECT * FROM {table}"))


def test_a_deleted_one_takes_nothing_and_its_alerts_are_resolved(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    (alert,) = send(world, made["token"]).json["data"]["alerts"]
    assert world.call("DELETE", path(made)).status_code == 204
    assert world.call("GET", f"alerts/{alert['id']}").json["data"]["status"] == "resolved"
    assert send(world, made["token"]).status_code == 401
    for method, to, sent in (
        ("GET", path(made), ...),
        ("PATCH", path(made), {}),
        ("DELETE", path(made), ...),
        ("PUT", path(made, "selectors"), {"selectors": []}),
        ("POST", path(made, "rotate-token"), ...),
        ("POST", path(made, "test"), ...),
        ("GET", path(made, "receipts"), ...),
    ):
        assert world.call(method, to, sent).status_code == 404
    assert world.call("GET", PATH).json["data"] == {"integrations": []}


def test_those_alerts_of_a_deleted_one_that_are_too_many_are_resolved_soon(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    for part in range(3):
        sent = [{"title": f"{part} {n}", "severity": "low"} for n in range(200)]
        assert send(world, made["token"], sent).status_code == 202
    world.call("DELETE", path(made))
    counts = world.rows("SELECT status, count(*) AS n FROM alerts GROUP BY status ORDER BY status")
    assert [(row["status"], row["n"]) for row in counts] == [("firing", 400), ("resolved", 200)]
    (task,) = world.rows("SELECT * FROM tasks WHERE kind = 'resolve_alerts'")
    assert task["subject_id"] == made["id"]


def test_members_read_alone_and_no_receipts(world: World, member: str) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    assert world.call("GET", PATH, key=member).status_code == 200
    assert world.call("GET", path(made), key=member).status_code == 200
    for method, to, sent in (
        ("POST", PATH, {"name": "Other", "kind": "generic"}),
        ("PATCH", path(made), {"name": "Other"}),
        ("DELETE", path(made), ...),
        ("PUT", path(made, "selectors"), {"selectors": []}),
        ("POST", path(made, "rotate-token"), ...),
        ("POST", path(made, "test"), ...),
        ("GET", path(made, "receipts"), ...),
    ):
        assert world.call(method, to, sent, key=member).status_code == 403


def test_another_organization_sees_none_of_it(world: World, other_org: Provisioned) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    listed = world.call("GET", PATH, key=other_org.key).json["data"]["integrations"]
    assert listed == []
    for method, to, sent in (
        ("GET", path(made), ...),
        ("PATCH", path(made), {"name": "Other"}),
        ("DELETE", path(made), ...),
        ("PUT", path(made, "selectors"), {"selectors": []}),
        ("POST", path(made, "rotate-token"), ...),
        ("POST", path(made, "test"), ...),
        ("GET", path(made, "receipts"), ...),
    ):
        assert world.call(method, to, sent, key=other_org.key).status_code == 404
    assert send(world, made["token"]).status_code == 202
    assert world.rows("SELECT DISTINCT org_id FROM alerts") == [{"org_id": world.made.org_id}]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "heartbeat"])
def test_a_test_shows_what_would_happen_and_keeps_nothing(world: World, kind: str) -> None:
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": world.made.policy_id})
    made = world.make(PATH, name="Tool", kind=kind)
    answer = world.call("POST", path(made, "test"))
    assert answer.status_code == 200
    alert, *_ = answer.json["data"]["alerts"]
    assert (alert["id"], alert["incidentId"]) == (None, None)
    assert alert["status"] == "firing"
    assert alert["outcome"] in ("incident", "notification")
    for table in ("alerts", "incidents", "receipts", "tasks", "deliveries"):
        assert world.rows(f"SELECT 1 FROM {table}") == []
    assert world.call("GET", path(made)).json["data"]["lastReceivedAt"] is None
    assert world.post().json["data"]["sequentialId"] == 1


def test_a_test_names_what_it_would_join(world: World) -> None:
    made = world.make(PATH, name="Tool", kind="generic")
    (first,) = world.call("POST", path(made, "test")).json["data"]["alerts"]
    key = first["dedupKey"]
    (sent,) = send(
        world, made["token"], {"title": "Down", "dedupKey": key, "severity": "critical"}
    ).json["data"]["alerts"]
    (again,) = world.call("POST", path(made, "test")).json["data"]["alerts"]
    assert (again["id"], again["incidentId"]) == (sent["id"], sent["incidentId"])
    (count,) = world.rows("SELECT count FROM alerts")
    assert count == {"count": 1}


def test_a_test_of_a_heartbeat_is_no_sign_of_life(world: World) -> None:
    made = world.make(PATH, name="Backup", kind="heartbeat", everySeconds=60)
    answer = world.call("POST", path(made, "test"))
    assert (answer.status_code, answer.json["data"]) == (200, {"alerts": [], "remarks": []})
    assert world.rows("SELECT 1 FROM tasks") == []
