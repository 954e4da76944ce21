"""Alerts that are over, and the incidents that resolve with them, by chosen time (§10)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.alerts import over, reading
from incident_service.clock import format_instant
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import Tool, act, after, fire, paged, resolved, trail
from tests.helpers.world import World


@pytest.fixture
def tool(world: World) -> Tool:
    return Tool(world, name="Prometheus")


def status(tool: Tool) -> list[str]:
    return [incident["status"] for incident in tool.incidents()]


def test_an_incident_resolves_a_while_after_its_last_alert(world: World, tool: Tool) -> None:
    (answer, _) = tool.send(0, fire("a", group="g"), fire("b", group="g"))
    tool.send(10, resolved("a"))
    assert perform_at(world, after(1000)) == []
    tool.send(1000, resolved("b"))
    assert perform_at(world, after(1059.999)) == []
    assert perform_at(world, after(1060)) == [f"resolve_incident {answer['incident_id']}"]
    incident = world.call("GET", f"incidents/{answer['incident_id']}").json["data"]
    at = format_instant(after(1060))
    assert (incident["status"], incident["resolvedAt"], incident["updatedAt"]) == (
        "resolved",
        at,
        at,
    )
    assert [
        (entry["status"], entry["changedAt"], entry["changedBy"], entry["resolutionNote"])
        for entry in incident["statusHistory"][1:]
    ] == [
        ("identified", at, tool.id, None),
        ("monitoring", at, tool.id, None),
        ("resolved", at, tool.id, over.NOTE),
    ]
    (update,) = world.call("GET", f"incidents/{answer['incident_id']}/updates").json["data"][
        "updates"
    ]
    assert (update["visibility"], update["body"], update["statusChange"], update["postedBy"]) == (
        "internal",
        None,
        "resolved",
        {"id": tool.id, "name": "Prometheus"},
    )
    assert [event["event"] for event in incident["auditTrail"]] == [
        "incident_opened",
        "alert_attached",
        "alert_resolved",
        "alert_resolved",
        "status_changed",
        "status_changed",
        "status_changed",
        "update_posted",
    ]
    assert paged(world, 2000) == []


def test_with_no_while_it_resolves_in_the_same_write(world: World) -> None:
    tool = Tool(world, resolve_after_seconds=0)
    tool.send(0, fire("a"))
    tool.send(1, resolved("a"))
    (incident,) = tool.incidents()
    assert (incident["status"], incident["resolved_at"]) == ("resolved", format_instant(after(1)))
    assert perform_at(world, after(100)) == []


def test_of_many_that_resolve_at_once_some_are_left_to_the_next_writes(world: World) -> None:
    tool = Tool(world, resolve_after_seconds=0)
    for minutes in range(3):
        keys = [f"{minutes}.{n}" for n in range(19)]
        tool.send(minutes * 301, *[fire(key) for key in keys])
    keys = [alert["dedup_key"] for alert in tool.alerts()]
    tool.send(1000, *[resolved(key) for key in keys], fire("later"))
    assert status(tool).count("resolved") == over.RESOLVED_IN_WRITE
    assert len(perform_at(world, after(1000))) == 57 - over.RESOLVED_IN_WRITE
    assert status(tool) == ["resolved"] * 57 + ["investigating"]


def test_one_that_is_left_to_the_next_writes_stays_open_if_its_alert_fires_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(over, "RESOLVED_IN_WRITE", 1)
    tool = Tool(world, resolve_after_seconds=0)
    _, second = tool.send(0, fire("a"), fire("b"))
    tool.send(1, resolved("a"), resolved("b"))
    assert status(tool) == ["resolved", "investigating"]
    (again,) = tool.send(1, fire("b"))
    assert again["incident_id"] == second["incident_id"]
    assert perform_at(world, after(100)) == []
    assert status(tool) == ["resolved", "investigating"]


def test_what_fires_in_the_delivery_that_resolves_the_rest_keeps_it_open(world: World) -> None:
    tool = Tool(world, resolve_after_seconds=0)
    tool.send(0, fire("a", group="g"))
    tool.send(1, resolved("a"), fire("b", group="g"))
    assert status(tool) == ["investigating"]


def test_an_alert_that_fires_again_before_keeps_it_open(world: World, tool: Tool) -> None:
    tool.send(0, fire("a"))
    tool.send(1, resolved("a"))
    tool.send(60.999, fire("a"))
    assert perform_at(world, after(61)) == []
    assert status(tool) == ["investigating"]
    tool.send(100, resolved("a"))
    assert perform_at(world, after(159.999)) == []
    assert len(perform_at(world, after(160))) == 1
    assert status(tool) == ["resolved"]


def test_a_flapping_alert_opens_one_incident(world: World, tool: Tool) -> None:
    for seconds in range(0, 600, 2):
        tool.send(seconds, fire("a"))
        assert perform_at(world, after(seconds)) == []
        tool.send(seconds + 1, resolved("a"))
        assert perform_at(world, after(seconds + 1)) == []
    assert status(tool) == ["investigating"]
    assert len(tool.alerts()) == 300
    assert len(perform_at(world, after(659))) == 1
    assert status(tool) == ["resolved"]


def test_it_stays_open_if_its_integration_resolves_nothing(world: World) -> None:
    tool = Tool(world, auto_resolve=False)
    (answer,) = tool.send(0, fire("a"))
    tool.send(1, resolved("a"))
    assert perform_at(world, after(10_000)) == []
    assert status(tool) == ["investigating"]
    assert trail(world, answer["incident_id"])[-1][0] == "alert_resolved"


def test_it_stays_open_if_the_integration_is_told_so_meanwhile(world: World, tool: Tool) -> None:
    tool.send(0, fire("a"))
    tool.send(1, resolved("a"))
    act(world, 2, "PATCH", f"integrations/inbound/{tool.id}", autoResolve=False)
    assert len(perform_at(world, after(61))) == 1
    assert status(tool) == ["investigating"]


def test_what_was_over_meanwhile_resolves_once_its_integration_resolves_again(
    world: World, tool: Tool
) -> None:
    tool.send(0, fire("a"), fire("b"))
    (ours,) = tool.send(0, fire("c"))
    act(world, 1, "PATCH", f"incidents/{ours['incident_id']}", title="Ours")
    tool.send(1, resolved("a"), resolved("c"))
    act(world, 2, "PATCH", f"integrations/inbound/{tool.id}", autoResolve=False)
    assert len(perform_at(world, after(100))) == 1
    act(world, 200, "PATCH", f"integrations/inbound/{tool.id}", autoResolve=True)
    assert perform_at(world, after(259.999)) == []
    assert len(perform_at(world, after(260))) == 1
    assert status(tool) == ["resolved", "investigating", "investigating"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "", {"title": "Real"}),
        ("PATCH", "/status", {"status": "identified"}),
        ("POST", "/handoff", {"targetUserId": "ada"}),
        ("POST", "/responders", {"userIds": ["ada"]}),
        ("PUT", "/components", {"componentIds": []}),
        ("POST", "/updates", {"visibility": "internal", "body": "Looking."}),
    ],
)
@pytest.mark.parametrize("seconds", [1, 3], ids=["before", "while it waits"])
def test_what_a_person_works_on_is_left_to_people(
    world: World, method: str, path: str, body: dict[str, Any], seconds: int
) -> None:
    world.make("users", id="ada", email="ada@example.com")
    tool = Tool(world, component_id=world.made.component_id)
    (answer,) = tool.send(0, fire("a"))
    if seconds == 3:
        tool.send(2, resolved("a"))
    act(world, seconds, method, f"incidents/{answer['incident_id']}{path}", **body)
    if seconds == 1:
        tool.send(2, resolved("a"))
    perform_at(world, after(10_000))
    assert status(tool) != ["resolved"]
    assert "alert_resolved" in dict(trail(world, answer["incident_id"]))


@pytest.mark.parametrize(
    "acts",
    [
        {"acknowledge": {}},
        {"acknowledge": {}, "unacknowledge": {}},
        {"snooze": {"minutes": 5}},
    ],
    ids=" ".join,
)
def test_acknowledging_alone_leaves_it_to_its_alerts(
    world: World, tool: Tool, acts: dict[str, Any]
) -> None:
    (answer,) = tool.send(0, fire("a"))
    for name, body in acts.items():
        act(world, 1, "POST", f"incidents/{answer['incident_id']}/{name}", **body)
    tool.send(2, resolved("a"))
    perform_at(world, after(62))
    assert status(tool) == ["resolved"]


def test_a_reopened_incident_takes_its_alerts_in_again_and_is_left_to_people(
    world: World, tool: Tool
) -> None:
    (first, second) = tool.send(0, fire("a"), fire("b"))
    tool.send(1, resolved("a"), resolved("b"))
    perform_at(world, after(61))
    assert status(tool) == ["resolved", "resolved"]
    (later,) = tool.send(62, fire("b"))  # b has another incident by now
    for answer in (first, second):
        act(world, 63, "POST", f"incidents/{answer['incident_id']}/reopen")
    (again, there) = tool.send(64, fire("a"), fire("b"))
    assert again["incident_id"] == first["incident_id"]
    assert there["incident_id"] == later["incident_id"]
    tool.send(65, resolved("a"), resolved("b"))
    perform_at(world, after(1000))
    assert status(tool) == ["investigating", "investigating", "resolved"]


def test_an_incident_that_a_person_resolved_meanwhile_stays_as_it_is(
    world: World, tool: Tool
) -> None:
    (answer,) = tool.send(0, fire("a"))
    tool.send(1, resolved("a"))
    for value in ("identified", "monitoring", "resolved"):
        act(world, 2, "PATCH", f"incidents/{answer['incident_id']}/status", status=value)
    before = trail(world, answer["incident_id"])
    perform_at(world, after(61))
    assert trail(world, answer["incident_id"]) == before


def test_a_person_resolves_an_alert(world: World, tool: Tool) -> None:
    (answer,) = tool.send(0, fire("a"))
    caller = Caller(world.made.org_id, "key", None, "org:member")
    for seconds in (1, 2):
        write_at(after(seconds), world.database, reading.resolve, caller, answer["id"])
    (alert,) = tool.alerts()
    assert (alert["status"], alert["resolved_at"]) == ("resolved", format_instant(after(1)))
    assert [event for event, _ in trail(world, answer["incident_id"])].count("alert_resolved") == 1
    perform_at(world, after(61))
    assert status(tool) == ["resolved"]


def test_all_alerts_of_a_deleted_integration_resolve(
    world: World, tool: Tool, other_org: quickstart.Provisioned
) -> None:
    other = Tool(world, other_org.org_id, name="Prometheus")
    other.send(0, fire("a"))
    tool.send(0, *[fire(f"{n}", group="g") for n in range(7)])
    done = [
        write_at(after(n), world.database, over.resolve_all_of, world.made.org_id, tool.id, limit=3)
        for n in range(4)
    ]
    assert done == [True, True, False, False]
    assert {alert["status"] for alert in tool.alerts()} == {"resolved"}
    world.execute("UPDATE integrations SET deleted_at = '2026' WHERE id = ?", tool.id)
    perform_at(world, after(62))
    assert status(tool) == ["resolved"]
    assert [alert["status"] for alert in other.alerts()] == ["firing"]


def test_deleting_an_integration_resolves_all_of_it_in_writes_that_are_short(
    world: World,
) -> None:
    tool = Tool(world, resolve_after_seconds=0)
    for part in range(30):
        tool.send(part * 301, *[fire(f"{part}.{n}") for n in range(10)])
    assert world.call("DELETE", f"integrations/inbound/{tool.id}").status_code == 204
    left = [alert["status"] for alert in tool.alerts()].count("firing")
    assert left == 300 - over.RESOLVED_A_WRITE
    assert status(tool).count("resolved") == over.RESOLVED_IN_WRITE
    perform_at(world, datetime.now(UTC) + timedelta(minutes=1))
    assert {alert["status"] for alert in tool.alerts()} == {"resolved"}
    assert {*status(tool)} == {"resolved"}


def test_a_clock_that_is_set_back_turns_no_incident_back(world: World) -> None:
    tool = Tool(world, resolve_after_seconds=0)
    tool.send(100, fire("a"))
    tool.send(50, resolved("a"))
    (incident,) = tool.incidents()
    assert incident["resolved_at"] == format_instant(after(100))
