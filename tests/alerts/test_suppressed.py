"""Alerts about what is under maintenance, and what is left of them at its end (§6 and §10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from incident_service.alerts import suppressed
from incident_service.clock import format_instant
from incident_service.people.caller import Caller
from incident_service.status import maintenance
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import Tool, after, fire, resolved
from tests.helpers.world import World

Plan = Callable[..., Any]


@pytest.fixture
def plan(world: World) -> Plan:
    """Plan maintenance of the component, from an instant to another."""
    caller = Caller(world.made.org_id, "key", None, "org:admin")

    def plan(begin: float, end: float | None, **values: Any) -> Any:
        window = {
            "title": "Work",
            "component_ids": [world.made.component_id],
            "starts_at": format_instant(after(begin)),
            "ends_at": None if end is None else format_instant(after(end)),
            **values,
        }
        return write_at(after(-1), world.database, maintenance.create, caller, window)

    return plan


@pytest.fixture
def tool(world: World) -> Tool:
    return Tool(world, component_id=world.made.component_id)


def test_what_still_fires_at_the_end_is_routed_then(world: World, tool: Tool, plan: Plan) -> None:
    plan(0, 100)
    (answer, over, low) = tool.send(0, fire("a"), fire("b"), fire("c", severity="low", title="Low"))
    assert (answer["outcome"], answer["incident_id"]) == ("suppressed", None)
    assert over["outcome"] == low["outcome"] == "suppressed"
    tool.send(50, resolved("b"), fire("a", severity="critical"))
    assert tool.incidents() == []
    assert perform_at(world, after(99.999)) == []
    assert len(perform_at(world, after(100))) == 2  # and the message
    (incident,) = tool.incidents()
    assert (incident["severity"], incident["created_at"]) == (
        "critical",
        format_instant(after(100)),
    )
    assert [(alert["outcome"], alert["incident_id"]) for alert in tool.alerts()] == [
        ("incident", incident["id"]),
        ("suppressed", None),
        ("notification", None),
    ]


def test_before_and_after_the_window_alerts_are_routed(tool: Tool, plan: Plan) -> None:
    plan(10, 20)
    outcomes = [tool.send(n, fire(f"{n}"))[0]["outcome"] for n in (9.999, 10, 19.999, 20)]
    assert outcomes == ["incident", "suppressed", "suppressed", "incident"]


def test_a_window_of_other_components_or_that_suppresses_nothing_changes_nothing(
    world: World, tool: Tool, plan: Plan
) -> None:
    other = world.make("components", name="Other")["id"]
    plan(0, 100, component_ids=[other])
    plan(0, 100, suppresses_alerts=False)
    assert tool.send(1, fire("a"))[0]["outcome"] == "incident"


def test_what_another_window_suppresses_waits_for_its_end(
    world: World, tool: Tool, plan: Plan
) -> None:
    plan(0, 100)
    plan(50, 200)
    tool.send(0, fire("a"))
    perform_at(world, after(100))
    assert tool.incidents() == []
    perform_at(world, after(200))
    assert len(tool.incidents()) == 1


def test_an_alert_of_an_open_group_joins_it_at_the_end(
    world: World, tool: Tool, plan: Plan
) -> None:
    plan(10, 100)
    (before,) = tool.send(0, fire("a", group="g"))
    (during,) = tool.send(20, fire("b", group="g"))
    assert during["outcome"] == "suppressed"
    perform_at(world, after(100))
    assert [alert["incident_id"] for alert in tool.alerts()] == [before["incident_id"]] * 2


def test_many_are_released_in_several_writes_as_a_storm(
    world: World, tool: Tool, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressed, "RELEASED_A_WRITE", 10)
    plan(0, 100)
    tool.send(0, *[fire(f"{n}") for n in range(35)])
    assert len(perform_at(world, after(100))) == 4
    assert {alert["outcome"] for alert in tool.alerts()} == {"incident"}
    assert len(tool.incidents()) == 21


def test_what_a_deleted_integration_sent_does_not_hold_up_the_rest(
    world: World, tool: Tool, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressed, "RELEASED_A_WRITE", 10)
    plan(0, 100)
    tool.send(0, *[fire(f"{n}") for n in range(25)])
    other = Tool(world, component_id=world.made.component_id)
    other.send(1, fire("x"))
    world.execute("UPDATE integrations SET deleted_at = 'then' WHERE id = ?", tool.id)
    assert len(perform_at(world, after(100))) == 3
    assert {alert["status"] for alert in tool.alerts()} == {"resolved"}
    assert tool.incidents() == []
    assert [alert["outcome"] for alert in other.alerts()] == ["incident"]


@pytest.mark.parametrize("end", [100, None], ids=["with an end", "without an end"])
def test_what_is_suppressed_about_a_component_that_goes_is_routed_at_once(
    world: World, tool: Tool, plan: Plan, end: float | None
) -> None:
    plan(0, end)
    tool.send(0, fire("a"))
    real, world.database.clock = world.database.clock, lambda: after(1)
    assert world.call("DELETE", f"components/{world.made.component_id}").status_code == 204
    world.database.clock = real
    assert perform_at(world, after(1)) == [f"end_maintenance {world.made.org_id}"]
    (incident,) = tool.incidents()
    assert world.rows("SELECT * FROM incident_components") == []
    assert incident["escalation_policy_id"] is None


def test_a_component_that_goes_before_the_window_begins_suppresses_nothing(
    world: World, tool: Tool, plan: Plan
) -> None:
    plan(10, 100)
    (before,) = tool.send(0, fire("a", severity="low"))
    assert before["outcome"] == "notification"
    assert world.call("DELETE", f"components/{world.made.component_id}").status_code == 204
    (worse,) = tool.send(20, fire("a", severity="critical"))
    assert worse["outcome"] == "incident"


def test_the_oldest_about_a_component_are_released_first(
    world: World, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressed, "RELEASED_A_WRITE", 2)
    ids = sorted([world.made.component_id, world.make("components", name="Other")["id"]])
    plan(0, 100, component_ids=ids)
    second, first = Tool(world, component_id=ids[1]), Tool(world, component_id=ids[0])
    second.send(0, fire("d"), fire("e"))
    first.send(1, fire("a"), fire("b"), fire("c"))
    first.send(2, fire("a"))  # a row that changes may move
    perform_at(world, after(100))
    opened = world.rows("SELECT title FROM incidents ORDER BY sequential_id")
    assert [row["title"][0] for row in opened] == ["a", "b", "c", "d", "e"]
