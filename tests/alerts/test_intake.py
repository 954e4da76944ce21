"""What becomes of alerts that come in, by chosen time (contract §10)."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.alerts import intake
from incident_service.alerts.incoming import Link
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.severity import SEVERITIES
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import (
    Tool,
    acknowledge,
    act,
    after,
    fire,
    paged,
    resolved,
    trail,
)
from tests.helpers.plans import scans, traced
from tests.helpers.rota import Rota
from tests.helpers.world import World


def instant(seconds: float) -> str:
    return format_instant(after(seconds))


def events(world: World, incident_id: str) -> list[str]:
    return [event for event, _ in trail(world, incident_id)]


@pytest.fixture
def tool(world: World) -> Tool:
    return Tool(world, name="Prometheus")


# Once


def test_an_alert_that_fires_again_is_the_same(world: World, tool: Tool) -> None:
    first = fire("db", title="db is down", description="No answer.", attributes={"host": "a"})
    again = fire("db", title="db is still down", attributes={"host": "b"})
    (answer,) = tool.send(0, first)
    assert tool.send(30, again) == [answer]
    (alert,) = tool.alerts()
    assert answer == {
        "id": alert["id"],
        "dedup_key": "db",
        "status": "firing",
        "outcome": "incident",
        "incident_id": alert["incident_id"],
    }
    assert (alert["count"], alert["first_at"], alert["last_at"]) == (2, instant(0), instant(30))
    assert (alert["title"], alert["description"]) == ("db is still down", None)
    assert json.loads(alert["attributes"]) == {"host": "b"}
    assert len(tool.incidents()) == 1
    assert events(world, alert["incident_id"]) == ["incident_opened", "alert_attached"]


def test_an_alert_counts_once_in_a_delivery(tool: Tool) -> None:
    tool.send(0, fire("db", title="first"), fire("db", title="second"))
    tool.send(1, fire("db"), fire("db"), fire("db", title="last"))
    (alert,) = tool.alerts()
    assert (alert["count"], alert["title"]) == (2, "last")


def test_an_alert_that_came_earlier_in_a_delivery_does_not_count_again(
    world: World, tool: Tool
) -> None:
    (answer,) = tool.send(0, fire("db"))

    def go_on(db: Connection, *, now: Any) -> Any:
        before = [answer["id"]]
        return intake.take_in(db, tool.row(), [fire("db"), fire("x")], now=now, counted=before)

    write_at(after(1), world.database, go_on)
    assert [alert["count"] for alert in tool.alerts()] == [1, 1]


def test_the_same_alert_from_two_replicas_at_once_is_one(world: World, tool: Tool) -> None:
    """Both deliveries share a transaction and its instant."""

    def twice(db: Connection, *, now: Any) -> Any:
        return [intake.take_in(db, tool.row(), [fire("db")], now=now) for _ in range(2)]

    first, second = write_at(after(0), world.database, twice)
    assert first == second
    (alert,) = tool.alerts()
    assert alert["count"] == 2
    assert len(tool.incidents()) == 1


def test_an_equal_dedup_key_of_another_integration_is_another_alert(
    world: World, tool: Tool
) -> None:
    other = Tool(world, name="Other")
    tool.send(0, fire("db"))
    other.send(0, fire("db"))
    other.send(1, resolved("db"))
    assert [alert["status"] for alert in tool.alerts()] == ["firing"]
    assert [alert["status"] for alert in other.alerts()] == ["resolved"]
    assert len(tool.incidents()) == len(other.incidents()) == 1


def test_an_equal_key_of_another_organization_is_another_alert(
    world: World, tool: Tool, other_org: quickstart.Provisioned
) -> None:
    theirs = Tool(world, other_org.org_id, name="Prometheus")
    tool.send(0, fire("db"))
    theirs.send(0, fire("db"), resolved("db"))
    (ours,) = tool.alerts()
    (alert,) = theirs.alerts()
    assert (ours["status"], alert["status"]) == ("firing", "resolved")
    (incident,) = theirs.incidents()
    assert (incident["org_id"], incident["sequential_id"]) == (other_org.org_id, 1)


def test_an_alert_that_fires_after_it_was_over_is_another_one(tool: Tool) -> None:
    tool.send(0, fire("db"))
    tool.send(1, resolved("db"))
    tool.send(2, fire("db"))
    first, second = tool.alerts()
    assert (first["status"], first["resolved_at"]) == ("resolved", instant(1))
    assert (second["status"], second["count"]) == ("firing", 1)
    assert first["incident_id"] == second["incident_id"]


def test_all_of_it_in_one_body(tool: Tool) -> None:
    answers = tool.send(0, fire("db"), resolved("db"), fire("db"))
    first, second = tool.alerts()
    assert [answer["status"] for answer in answers] == ["firing", "resolved", "firing"]
    assert [answer["id"] for answer in answers] == [first["id"], first["id"], second["id"]]
    assert len(tool.incidents()) == 1


def test_what_ends_and_begins_again_in_one_body_joins_the_incident_of_its_group(
    tool: Tool,
) -> None:
    (first,) = tool.send(0, fire("db", group="g"))
    _, again = tool.send(1, resolved("db"), fire("db", group="g"))
    assert again["id"] != first["id"]
    assert again["incident_id"] == first["incident_id"]


@pytest.mark.parametrize("seed", range(10))
def test_any_deliveries_open_one_incident_a_group(tool: Tool, seed: int) -> None:
    """Within the minute in which no incident resolves, against a simple model."""
    rnd = random.Random(seed)
    firing: set[str] = set()
    groups: set[str] = set()
    for second in range(8):
        body = []
        for _ in range(rnd.randint(1, 4)):
            key, group = rnd.choice("ab"), rnd.choice("GH")
            if rnd.random() < 0.5:
                body.append(resolved(key))
                firing.discard(key)
                continue
            body.append(fire(key, group=group, severity=rnd.choice(["high", "critical"])))
            if key not in firing:
                firing.add(key)
                groups.add(group)
        tool.send(second, *body)
    assert len(tool.incidents()) == len(groups)
    fires = {alert["dedup_key"] for alert in tool.alerts() if alert["status"] == "firing"}
    assert fires == firing


def test_what_is_not_open_can_be_resolved_and_acknowledged(tool: Tool) -> None:
    nothing = {"id": None, "status": "resolved", "outcome": None, "incident_id": None}
    assert tool.send(0, resolved("x"), acknowledge("y")) == [
        {**nothing, "dedup_key": "x"},
        {**nothing, "dedup_key": "y"},
    ]
    assert tool.alerts() == tool.incidents() == []


def test_a_clock_that_is_set_back_turns_no_alert_back(tool: Tool) -> None:
    tool.send(100, fire("db"))
    tool.send(50, fire("db"))
    tool.send(40, resolved("db"))
    (alert,) = tool.alerts()
    assert alert["first_at"] == alert["last_at"] == alert["resolved_at"] == instant(100)


def test_an_alert_without_a_title_is_called_after_its_integration(tool: Tool) -> None:
    tool.send(0, fire("db", title=""))
    assert tool.alerts()[0]["title"] == tool.incidents()[0]["title"] == "Prometheus"


# The incident


def test_the_incident_that_an_alert_opens(world: World, tool: Tool) -> None:
    alert = fire(
        "db",
        title="x" * 200,
        severity="PAGE",
        description="No answer.",
        attributes={"host": "a", "team": "db"},
        links=[Link("Runbook", "https://wiki.example.com/db"), Link("", "https://example.com/g")],
    )
    tool.send(0, alert)
    (incident,) = tool.incidents()
    assert incident["title"] == "x" * 99 + "…"
    assert incident["description"] == (
        "No answer.\n\nhost: a\nteam: db\n\n"
        "Runbook: https://wiki.example.com/db\nhttps://example.com/g"
    )
    assert (incident["severity"], incident["created_by"]) == ("critical", tool.id)
    assert (incident["is_public"], incident["is_provisional"], incident["is_storm"]) == (0, 0, 0)
    (row,) = tool.alerts()
    assert trail(world, incident["id"])[1] == ("alert_attached", {"alertIds": [row["id"]]})
    shown = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert (shown["isProvisional"], shown["isPublic"]) == (False, False)
    assert {event["actorId"] for event in shown["auditTrail"]} == {tool.id}


def test_alerts_of_a_group_share_an_incident(world: World, tool: Tool) -> None:
    first, second = tool.send(0, fire("a", group="g"), fire("b", group="g"))
    (third,) = tool.send(1, fire("c", group="g"))
    (other,) = tool.send(2, fire("d", group="h"))
    assert first["incident_id"] == second["incident_id"] == third["incident_id"]
    assert other["incident_id"] != first["incident_id"]
    attached = [details for event, details in trail(world, first["incident_id"])[1:]]
    assert attached == [{"alertIds": [first["id"], second["id"]]}, {"alertIds": [third["id"]]}]


def test_the_trail_names_the_first_fifty_alerts_of_a_write(world: World, tool: Tool) -> None:
    answers = tool.send(0, *[fire(f"{n}", group="g") for n in range(60)])
    ids = [answer["id"] for answer in answers]
    assert trail(world, answers[0]["incident_id"])[1:] == [
        ("alert_attached", {"alertIds": ids[:50], "more": 10})
    ]


def test_a_group_whose_incident_is_resolved_opens_another(world: World, tool: Tool) -> None:
    (first,) = tool.send(0, fire("a", group="g"))
    for status in ("identified", "monitoring", "resolved"):
        act(world, 1, "PATCH", f"incidents/{first['incident_id']}/status", status=status)
    (second,) = tool.send(2, fire("b", group="g"))
    assert second["incident_id"] != first["incident_id"]
    (third,) = tool.send(3, fire("c", group="g"))
    assert third["incident_id"] == second["incident_id"]


def test_what_fires_again_after_a_person_resolved_its_incident_opens_another(
    world: World, tool: Tool
) -> None:
    """Otherwise a tool that never says that it is over would be heard once, and never again."""
    (first,) = tool.send(0, fire("a"))
    for status in ("identified", "monitoring", "resolved"):
        act(world, 1, "PATCH", f"incidents/{first['incident_id']}/status", status=status)
    (second,) = tool.send(3600, fire("a"))
    assert second["id"] != first["id"]
    assert second["incident_id"] != first["incident_id"]
    assert [alert["status"] for alert in tool.alerts()] == ["resolved", "firing"]
    assert events(world, first["incident_id"])[-1] == "alert_resolved"


# Public


@pytest.mark.parametrize(
    ("changes", "is_public"),
    [
        ({"publicTitle": "Slow"}, True),
        ({"publicTitle": "Slow", "isPublic": True}, True),
        ({"publicTitle": "Slow", "isPublic": False}, False),
        ({"publicTitle": None}, False),
        ({"title": "Slow"}, False),
        ({"isPublic": True}, True),
        ({"isPublic": None}, False),
    ],
)
def test_what_alerts_opened_is_public_once_a_person_says_so(
    world: World, tool: Tool, changes: dict[str, Any], is_public: bool
) -> None:
    (answer,) = tool.send(0, fire("a"))
    incident = act(world, 1, "PATCH", f"incidents/{answer['incident_id']}", **changes)
    assert incident["isPublic"] is is_public
    edited = [details for event, details in trail(world, incident["id"])][2:]
    changed = edited[0]["after"] if edited else {}
    assert changed.get("isPublic", False) is is_public


def test_a_cleared_is_public_is_false_for_what_alerts_opened_and_true_for_the_rest(
    world: World, tool: Tool
) -> None:
    (answer,) = tool.send(0, fire("a"))
    path = f"incidents/{answer['incident_id']}"
    act(world, 1, "PATCH", path, publicTitle="Slow")
    assert act(world, 2, "PATCH", path, isPublic=None)["isPublic"] is False
    ours = f"incidents/{world.post().json['data']['id']}"
    act(world, 3, "PATCH", ours, isPublic=False, publicTitle="Slow")
    assert act(world, 4, "PATCH", ours, publicTitle="Slower")["isPublic"] is False
    assert act(world, 5, "PATCH", ours, isPublic=None)["isPublic"] is True


# Severity


def test_a_worse_alert_of_the_group_raises_the_severity(world: World, tool: Tool) -> None:
    (answer,) = tool.send(0, fire("a", group="g", severity="high"))
    tool.send(1, fire("b", group="g", severity="critical"), fire("c", group="g", severity="low"))
    (incident,) = tool.incidents()
    assert (incident["severity"], incident["updated_at"]) == ("critical", instant(1))
    edited = {"before": {"severity": "high"}, "after": {"severity": "critical"}}
    assert trail(world, answer["incident_id"])[-1] == ("incident_edited", edited)


def test_an_alert_that_comes_back_worse_raises_the_severity_and_it_never_falls(
    tool: Tool,
) -> None:
    for seconds, severity in enumerate(["high", "critical", "low"]):
        tool.send(seconds, fire("a", severity=severity))
    assert tool.alerts()[0]["severity"] == tool.incidents()[0]["severity"] == "critical"


def test_a_notification_that_comes_back_worse_opens_an_incident(world: World, tool: Tool) -> None:
    (before,) = tool.send(0, fire("a", severity="low"))
    (same,) = tool.send(1, fire("a", severity="medium"))
    (worse,) = tool.send(2, fire("a", severity="high"))
    assert (before["outcome"], same["outcome"], worse["outcome"]) == (
        "notification",
        "notification",
        "incident",
    )
    (alert,) = tool.alerts()
    (incident,) = tool.incidents()
    assert (alert["incident_id"], alert["count"]) == (incident["id"], 3)


def test_only_a_worse_alert_pages_the_owner_of_an_acknowledged_incident_again(
    rota: Rota,
) -> None:
    world = rota.world
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": rota.policy(["b"], ["c"])})
    tool = Tool(world)
    (answer,) = tool.send(0, fire("a", group="g", severity="high"))
    assert paged(world, 0) == ["b/1"]
    act(world, 1, "POST", f"incidents/{answer['incident_id']}/acknowledge")
    world.execute("DELETE FROM deliveries")
    tool.send(2, fire("b", group="g", severity="high"), fire("a", group="g", severity="high"))
    assert paged(world, 2) == []
    tool.send(3, fire("c", group="g", severity="critical"))
    assert paged(world, 3) == ["b/owner"]
    assert paged(world, 100_000) == []
    (incident,) = tool.incidents()
    assert incident["acknowledged_at"] == instant(1)


def test_a_worse_alert_pages_nobody_more_while_nobody_has_acknowledged(rota: Rota) -> None:
    world = rota.world
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": rota.policy(["b"])})
    tool = Tool(world)
    tool.send(0, fire("a", group="g", severity="high"))
    assert paged(world, 0) == ["b/1"]
    world.execute("DELETE FROM deliveries")
    tool.send(1, fire("b", group="g", severity="critical"))
    assert paged(world, 1) == []


# Acknowledging by a tool


def test_a_tool_can_acknowledge(rota: Rota) -> None:
    world = rota.world
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": rota.policy(["b"], ["c"])})
    tool = Tool(world, name="PagerDuty")
    tool.send(0, fire("a"))
    assert paged(world, 0) == ["b/1"]
    (answer,) = tool.send(1, acknowledge("a"))
    assert (answer["status"], answer["outcome"]) == ("firing", "incident")
    (incident,) = tool.incidents()
    assert (incident["acknowledged_at"], incident["acknowledged_by"]) == (instant(1), tool.id)
    assert paged(world, 100_000) == []


# Whom


def test_the_rules_policy_comes_first_then_the_components_then_the_default(rota: Rota) -> None:
    world = rota.world
    of_rule, of_component, default = (rota.policy([user]) for user in "abc")
    component = world.make("components", name="Search", escalationPolicyId=of_component)["id"]
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": default})
    rules = [
        {"severity": "critical", "outcome": "incident", "escalationPolicyId": of_rule},
        {"severity": "high", "outcome": "incident", "escalationPolicyId": None},
        {"severity": "medium", "outcome": "drop", "escalationPolicyId": of_rule},
        {"severity": "low", "outcome": "drop", "escalationPolicyId": None},
    ]
    routing = world.make("routing/policies", name="Mine", rules=rules)["id"]
    tool = Tool(world, routing_policy_id=routing)
    about = {"component": "search"}
    tool.send(0, fire("1", severity="critical", attributes=about))
    tool.send(0, fire("2", severity="high", attributes=about))
    tool.send(0, fire("3", severity="high"))
    tool.send(0, fire("4", severity="medium"), fire("5", severity="low"))
    found = [(row["escalation_policy_id"], row["owner_id"]) for row in tool.incidents()]
    assert found == [(of_rule, "a"), (of_component, "b"), (default, "c")]
    assert [alert["outcome"] for alert in tool.alerts()][3:] == ["drop", "drop"]
    assert [alert["component_id"] for alert in tool.alerts()][:3] == [component, component, None]


def test_the_first_schedule_of_the_policy_gives_the_owner(rota: Rota) -> None:
    world = rota.world
    policy = rota.policy(["b"], rota.schedule, rota.make_schedule("Second", "c"))
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": policy})
    tool = Tool(world)
    tool.send(0, fire("a"))
    (incident,) = tool.incidents()
    assert (incident["owner_id"], incident["owner_schedule_id"]) == ("a", rota.schedule)


def test_without_anybody_on_call_the_first_user_of_the_first_layer_is_the_owner(
    rota: Rota,
) -> None:
    world = rota.world
    policy = rota.policy(["c", "b"], rota.make_schedule("Nobody"))
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": policy})
    tool = Tool(world)
    tool.send(0, fire("a"))
    (incident,) = tool.incidents()
    assert (incident["owner_id"], incident["owner_schedule_id"]) == ("c", None)


def test_without_any_policy_the_admins_are_paged(rota: Rota) -> None:
    world = rota.world
    tool = Tool(world)
    rota.reach(world.made.user_id)
    tool.send(0, fire("a"))
    (incident,) = tool.incidents()
    assert (incident["owner_id"], incident["escalation_policy_id"]) == (None, None)
    assert paged(world, 0) == [f"{world.made.user_id}/owner"]


def test_a_schedule_that_cannot_be_resolved_keeps_no_alert_out(rota: Rota) -> None:
    world = rota.world
    policy = rota.policy(rota.schedule, ["c"])
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": policy})
    world.execute("UPDATE schedules SET timezone = 'No/Where' WHERE name = 'Rota'")
    tool = Tool(world)
    tool.send(0, fire("a"))
    (incident,) = tool.incidents()
    assert (incident["owner_id"], incident["escalation_policy_id"]) == (None, policy)


# Components


@pytest.mark.sqlite_only("how it finds rows")
def test_what_an_alert_costs_does_not_grow_with_names_or_selectors(world: World) -> None:
    names = [world.make("components", name=f"C{n}", aliases=[f"alias {n}"])["id"] for n in range(9)]
    rules = [{"severity": severity, "outcome": "drop"} for severity in SEVERITIES]
    routing = world.make("routing/policies", name="None", rules=rules)["id"]
    matchers = [{"key": "service", "value": "other"}]
    tool = Tool(world, selectors=[{"matchers": matchers, "routing_policy_id": routing}] * 5)
    with traced(world) as statements:
        tool.send(0, *(fire(f"{n}", attributes={"service": "ALIAS 3"}) for n in range(5)))
    assert {alert["component_id"] for alert in tool.alerts()} == {names[3]}
    found = [text for text in statements if "component_names" in text]
    assert [scans(world, text) for text in found] == [[]]
    assert not [text for text in statements if "aliases" in text and "LIMIT" not in text]
    found = [text for text in statements if "FROM integration_selectors" in text]
    assert len(found) == 2  # that of the tool, as a test reads it, and that of the write
    with traced(world) as again:
        tool.send(1, *(fire(f"{n}", attributes={"service": "alias 3"}) for n in range(5)))
    assert not [text for text in again if "component_names" in text]
    found = [text for text in again if "FROM integration_selectors" in text]
    assert len(found) == 1


def test_a_component_is_found_by_the_names_that_it_has_now(world: World) -> None:
    component = world.make("components", name="Old", aliases=["first", "FIRST", "old"])["id"]
    tool = Tool(world)

    def about(service: str) -> str | None:
        tool.send(0, fire(f"{service}{len(tool.alerts())}", attributes={"service": service}))
        found: str | None = tool.alerts()[-1]["component_id"]
        return found

    assert [about("old"), about("first")] == [component, component]
    world.call("PATCH", f"components/{component}", {"name": "New"})
    world.call("PATCH", f"components/{component}", {"description": "Other"})
    assert [about("OLD"), about("new"), about("first")] == [component] * 3
    world.call("PATCH", f"components/{component}", {"aliases": None})
    assert [about("old"), about("new"), about("first")] == [None, component, None]


def test_the_component_that_an_alert_is_about(world: World) -> None:
    api = world.make("components", name="API", aliases=["gateway", "Straße"])["id"]
    other = world.make("components", name="Gateway", aliases=["API"])["id"]
    own = world.make("components", name="Own")["id"]
    tool = Tool(world, component_id=own)

    def about(**attributes: str) -> str:
        key = json.dumps(attributes)
        tool.send(0, fire(key, attributes=attributes, severity="low"))
        found: str = tool.alerts()[-1]["component_id"]
        return found

    assert about(component="api") == api  # of several, the oldest
    assert about(component="GATEWAY") == api
    assert about(service="STRASSE") == api
    assert about(component="unknown", service="gateway") == api
    assert about(component="own", service="gateway") == own
    assert about(Component="gateway") == api
    assert about(component="unknown") == own
    assert about(host="api") == own
    world.call("DELETE", f"components/{api}")
    assert about(component="api", n="2") == other


# Provisional


@pytest.fixture
def provisional(world: World) -> Tool:
    rules = [
        {"severity": severity, "outcome": "provisional_page", "escalationPolicyId": None}
        for severity in ("critical", "high", "medium", "low")
    ]
    routing = world.make("routing/policies", name="Perhaps", rules=rules)["id"]
    return Tool(world, routing_policy_id=routing, component_id=world.made.component_id)


def test_a_provisional_incident_is_left_out_until_a_person_acts(
    world: World, provisional: Tool
) -> None:
    (answer,) = provisional.send(0, fire("a", severity="critical"))
    id = answer["incident_id"]
    assert answer["outcome"] == "provisional_page"
    world.execute("UPDATE incidents SET is_public = 1")
    world.make(
        "status-pages",
        slug="one",
        title="One",
        published=True,
        componentIds=[world.made.component_id],
    )

    def listed(**query: str) -> list[str]:
        found = world.call("GET", "incidents", **query).json["data"]["incidents"]
        return [incident["id"] for incident in found]

    def levels() -> tuple[str, str]:
        component = world.call("GET", f"components/{world.made.component_id}").json["data"]
        page = world.client.get("/status/one.json").json["data"]
        return component["operationalStatus"], page["status"]

    assert listed() == listed(provisional="false") == listed(severity="critical") == []
    assert listed(provisional="true") == listed(provisional="true", status="investigating") == [id]
    assert world.call("GET", f"incidents/{id}").json["data"]["isProvisional"] is True
    assert levels() == ("operational", "operational")
    act(world, 1, "POST", f"incidents/{id}/acknowledge")
    shown = world.call("GET", f"incidents/{id}").json["data"]
    assert (shown["isProvisional"], shown["sequentialId"]) == (False, 1)
    assert events(world, id)[2:] == ["incident_confirmed", "incident_acknowledged"]
    assert listed() == [id]
    assert levels() == ("major_outage", "major_outage")


@pytest.mark.parametrize(
    ("method", "path", "body", "event"),
    [
        ("PATCH", "", {"title": "Real"}, "incident_edited"),
        ("PATCH", "/status", {"status": "identified"}, "status_changed"),
        ("POST", "/acknowledge", {}, "incident_acknowledged"),
        ("POST", "/snooze", {"minutes": 5}, "incident_acknowledged"),
        ("POST", "/resolve", {}, "status_changed"),
        ("POST", "/responders", {"userIds": ["ada"]}, "responder_added"),
        ("POST", "/handoff", {"targetUserId": "ada"}, "incident_handed_off"),
        ("PUT", "/components", {"componentIds": []}, "components_changed"),
        ("POST", "/updates", {"visibility": "internal", "body": "Looking."}, "update_posted"),
    ],
)
def test_each_act_of_a_person_confirms_once_and_before_the_act(
    world: World, provisional: Tool, method: str, path: str, body: dict[str, Any], event: str
) -> None:
    world.make("users", id="ada", email="ada@example.com")
    (answer,) = provisional.send(0, fire("a"))
    id = answer["incident_id"]
    act(world, 1, method, f"incidents/{id}{path}", **body)
    found = events(world, id)
    assert found.count("incident_confirmed") == 1
    assert found.index("incident_confirmed") == found.index(event) - 1
    act(world, 2, "PATCH", f"incidents/{id}", title="Again")
    assert events(world, id).count("incident_confirmed") == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"title": "A"}),
        ("PATCH", "", {"isPublic": False, "publicTitle": None}),
        ("POST", "/unacknowledge", {}),
        ("PUT", "/components", {"componentIds": ["its own"]}),
    ],
)
def test_an_act_of_a_person_that_changes_nothing_confirms_and_leaves_it_to_its_alerts(
    world: World, provisional: Tool, method: str, path: str, body: dict[str, Any]
) -> None:
    if "componentIds" in body:
        body = {"componentIds": [world.made.component_id]}
    (answer,) = provisional.send(0, fire("a", title="A"))
    act(world, 1, method, f"incidents/{answer['incident_id']}{path}", **body)
    (incident,) = provisional.incidents()
    assert (incident["is_provisional"], incident["is_left_to_people"]) == (0, 0)
    assert events(world, answer["incident_id"])[2:] == ["incident_confirmed"]


@pytest.mark.parametrize("ended", [False, True], ids=["open", "resolved"])
def test_a_person_who_acknowledges_what_a_tool_acknowledged_confirms_it(
    world: World, provisional: Tool, ended: bool
) -> None:
    (answer,) = provisional.send(0, fire("a"))
    provisional.send(1, acknowledge("a"))
    if ended:
        provisional.send(2, resolved("a"))
        perform_at(world, after(62))
    act(world, 100, "POST", f"incidents/{answer['incident_id']}/acknowledge")
    (incident,) = provisional.incidents()
    assert incident["status"] == ("resolved" if ended else "investigating")
    assert (incident["is_provisional"], incident["acknowledged_by"]) == (0, provisional.id)
    assert events(world, answer["incident_id"]).count("incident_acknowledged") == 1
    assert events(world, answer["incident_id"])[-1] == "incident_confirmed"


@pytest.fixture
def mixed(world: World) -> Tool:
    """A tool whose critical alerts open an incident, and whose high ones perhaps do."""
    rules = [
        {"severity": severity, "outcome": outcome, "escalationPolicyId": None}
        for severity, outcome in (
            ("critical", "incident"),
            ("high", "provisional_page"),
            ("medium", "notification"),
            ("low", "drop"),
        )
    ]
    routing = world.make("routing/policies", name="Mixed", rules=rules)["id"]
    return Tool(world, routing_policy_id=routing)


def test_an_alert_whose_rule_is_an_incident_confirms_the_one_that_it_joins(
    world: World, mixed: Tool
) -> None:
    (first,) = mixed.send(0, fire("a", group="g", severity="high"))
    (low, joins, later) = mixed.send(
        1,
        fire("b", group="g", severity="low"),
        fire("c", group="g", severity="critical"),
        fire("d", group="g", severity="high"),
    )
    outcomes = [answer["outcome"] for answer in (first, low, joins, later)]
    assert outcomes == ["provisional_page", "provisional_page", "incident", "incident"]
    (incident,) = mixed.incidents()
    assert (incident["is_provisional"], incident["is_left_to_people"]) == (0, 0)
    assert events(world, incident["id"]) == [
        "incident_opened",
        "alert_attached",
        "incident_confirmed",
        "alert_attached",
        "incident_edited",
    ]
    shown = world.call("GET", f"incidents/{incident['id']}").json["data"]
    assert {event["actorId"] for event in shown["auditTrail"]} == {mixed.id}


def test_it_confirms_also_what_was_opened_in_the_same_delivery(world: World, mixed: Tool) -> None:
    mixed.send(0, fire("a", group="g", severity="high"), fire("b", group="g", severity="critical"))
    (incident,) = mixed.incidents()
    assert incident["is_provisional"] == 0
    assert events(world, incident["id"]).count("incident_confirmed") == 1


@pytest.mark.parametrize("group", ["g", "another"])
def test_a_known_alert_whose_rule_becomes_an_incident_confirms_its_own(
    world: World, mixed: Tool, group: str
) -> None:
    mixed.send(0, fire("a", group="g", severity="high"))
    (same,) = mixed.send(1, fire("a", group=group, severity="high"))
    (worse,) = mixed.send(2, fire("a", group=group, severity="critical"))
    assert (same["outcome"], worse["outcome"]) == ("provisional_page", "incident")
    (alert,) = mixed.alerts()
    (incident,) = mixed.incidents()
    assert (alert["outcome"], incident["is_provisional"]) == ("incident", 0)
    assert events(world, incident["id"])[2:] == ["incident_confirmed", "incident_edited"]


def test_a_known_alert_that_another_group_now_claims_joins_the_open_incident_of_its_own(
    mixed: Tool,
) -> None:
    (first,) = mixed.send(0, fire("a", group="g", severity="low"))
    (opened,) = mixed.send(1, fire("b", group="g", severity="critical"))
    (worse,) = mixed.send(2, fire("a", group="another", severity="critical"))
    assert first["incident_id"] is None
    assert worse["incident_id"] == opened["incident_id"]


def test_what_a_tool_does_confirms_nothing(provisional: Tool) -> None:
    provisional.send(0, fire("a", group="g", severity="low"))
    provisional.send(1, fire("b", group="g", severity="critical"))
    provisional.send(2, acknowledge("a"))
    (incident,) = provisional.incidents()
    assert (incident["is_provisional"], incident["severity"]) == (1, "critical")
    assert [alert["outcome"] for alert in provisional.alerts()] == ["provisional_page"] * 2
