"""Many alerts at once: a storm is one incident, and few messages (contract §10)."""

from __future__ import annotations

import pytest

from tests.helpers.duty import perform_at
from tests.helpers.monitoring import Tool, act, after, fire, paged, resolved, trail
from tests.helpers.rota import Rota
from tests.helpers.world import World

FIVE_MINUTES = 300


@pytest.fixture
def tool(world: World) -> Tool:
    return Tool(world, name="Prometheus")


def storms(tool: Tool) -> list[str]:
    return [incident["title"] for incident in tool.incidents() if incident["is_storm"]]


def test_after_twenty_incidents_all_others_join_one(world: World, tool: Tool) -> None:
    tool.send(0, *[fire(f"{n}") for n in range(20)])
    assert (len(tool.incidents()), storms(tool)) == (20, [])
    (first, worse, of_group) = tool.send(
        1, fire("x", severity="high"), fire("y", severity="critical"), fire("z", group="3")
    )
    *_, storm = tool.incidents()
    assert len(tool.incidents()) == 21
    assert storms(tool) == ["Alert storm: Prometheus"]
    assert first["incident_id"] == worse["incident_id"] == storm["id"]
    assert of_group["incident_id"] == tool.incidents()[3]["id"]  # its group is open
    assert (storm["severity"], storm["is_public"], storm["created_by"]) == ("critical", 0, tool.id)
    attached = {"alertIds": [first["id"], worse["id"]]}
    assert trail(world, storm["id"])[1] == ("alert_attached", attached)


def test_its_groups_go_on_joining_a_storm_when_it_is_over(tool: Tool) -> None:
    tool.send(0, *[fire(f"{n}") for n in range(21)])
    storm = tool.incidents()[-1]["id"]
    joined, alone = tool.send(2 * FIVE_MINUTES, fire("late", group="20"), fire("new"))
    assert joined["incident_id"] == storm
    assert alone["incident_id"] not in {storm, None}


def test_a_storm_begins_with_the_twentieth_incident_within_five_minutes(tool: Tool) -> None:
    for n in range(20):
        tool.send(n, fire(f"{n}"))
    tool.send(FIVE_MINUTES + 0.001, fire("x"))  # the first was opened longer ago
    assert storms(tool) == []
    assert len(tool.incidents()) == 21


def test_an_incident_of_exactly_five_minutes_ago_counts(tool: Tool) -> None:
    for n in range(20):
        tool.send(n, fire(f"{n}"))
    tool.send(FIVE_MINUTES, fire("x"))
    assert len(storms(tool)) == 1


def test_what_came_before_the_clock_was_set_back_makes_no_storm(world: World) -> None:
    tool = Tool(world)
    low = Tool(world, default_severity="low")
    for n in range(25):
        tool.send(3600 + n * FIVE_MINUTES, fire(f"{n}"))
        low.send(3600 + n * FIVE_MINUTES, fire(f"{n}"))
    perform_at(world, after(4 * 3600))
    tool.send(0, fire("x"))
    assert storms(tool) == []
    low.send(0, fire("x"))
    assert len(perform_at(world, after(0))) == 1


def test_other_integrations_have_no_storm(world: World, tool: Tool) -> None:
    tool.send(0, *[fire(f"{n}") for n in range(25)])
    other = Tool(world, name="Other")
    other.send(1, fire("a"), fire("b"))
    assert len(other.incidents()) == 2


def test_a_storm_that_is_resolved_is_not_joined(world: World, tool: Tool) -> None:
    tool.send(0, *[fire(f"{n}") for n in range(21)])
    storm = tool.incidents()[-1]["id"]
    for value in ("identified", "monitoring", "resolved"):
        act(world, 1, "PATCH", f"incidents/{storm}/status", status=value)
    (answer,) = tool.send(2, fire("x"))
    assert answer["incident_id"] != storm
    assert len(storms(tool)) == 2


def test_a_storm_resolves_five_minutes_after_its_alerts(world: World, tool: Tool) -> None:
    """Else the next alert of the storm would open another."""
    tool.send(0, *[fire(f"{n}") for n in range(25)])
    tool.send(1, *[resolved(f"{n}") for n in range(25)])
    perform_at(world, after(FIVE_MINUTES + 0.999))
    assert [incident["status"] for incident in tool.incidents()] == [
        *["resolved"] * 20,
        "investigating",
    ]
    perform_at(world, after(FIVE_MINUTES + 1))
    assert {incident["status"] for incident in tool.incidents()} == {"resolved"}


def test_a_storm_resolves_no_earlier_than_its_integration_says(world: World) -> None:
    tool = Tool(world, resolve_after_seconds=FIVE_MINUTES + 60)
    tool.send(0, *[fire(f"{n}") for n in range(21)])
    tool.send(1, resolved("20"))
    perform_at(world, after(FIVE_MINUTES + 60))
    assert tool.incidents()[-1]["status"] == "investigating"
    perform_at(world, after(FIVE_MINUTES + 61))
    assert tool.incidents()[-1]["status"] == "resolved"


@pytest.mark.parametrize("resolve_after_seconds", [0, 1])
def test_an_alert_that_flaps_for_ten_minutes_pages_a_handful_of_times(
    rota: Rota, resolve_after_seconds: int
) -> None:
    """Also where each incident resolves at once: then it is a storm, and one incident."""
    world = rota.world
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": rota.policy(["b"])})
    tool = Tool(world, resolve_after_seconds=resolve_after_seconds)
    for seconds in range(0, 600, 4):
        tool.send(seconds, fire("a"))
        tool.send(seconds + 2, resolved("a"))
        perform_at(world, after(seconds + 3))
    assert len(tool.incidents()) == 21
    assert len(storms(tool)) == 1


def test_an_alert_that_is_an_incident_confirms_a_storm_that_perhaps_is_one(world: World) -> None:
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
    tool = Tool(world, routing_policy_id=routing)
    tool.send(0, *[fire(f"{n}", severity="high") for n in range(22)])
    (joins,) = tool.send(1, fire("x", severity="critical"))
    *_, storm = tool.incidents()
    assert (joins["incident_id"], joins["outcome"]) == (storm["id"], "incident")
    assert [incident["is_provisional"] for incident in tool.incidents()] == [1] * 20 + [0]


def test_a_storm_of_five_thousand_alerts_pages_a_person_a_handful_of_times(rota: Rota) -> None:
    world = rota.world
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": rota.policy(["b"])})
    tool = Tool(world)
    for n in range(25):
        tool.send(n, *[fire(f"{200 * n + k}") for k in range(200)])
    assert len(tool.alerts()) == 5000
    assert len(tool.incidents()) == 21
    assert len(paged(world, 60)) == 21


def test_messages_are_bounded_too(rota: Rota) -> None:
    world = rota.world
    tool = Tool(world, default_severity="low")

    def told(seconds: float) -> list[bool]:
        """Return which messages fall due: whether each tells of a storm."""
        due = perform_at(world, after(seconds))
        storm = {alert["id"]: bool(alert["is_storm"]) for alert in tool.alerts()}
        return [storm[each.removeprefix("notify ")] for each in due]

    tool.send(0, *[fire(f"{n}") for n in range(15)])
    assert told(0) == [False] * 15
    tool.send(1, *[fire(f"{n}") for n in range(15, 40)])
    assert told(1) == [False] * 5 + [True]
    tool.send(FIVE_MINUTES, fire("x"))
    assert told(FIVE_MINUTES) == []
    tool.send(FIVE_MINUTES + 0.001, *[fire(f"{n}") for n in range(40, 60)])
    assert told(FIVE_MINUTES + 0.001) == [False] * 14 + [True]
    assert {alert["outcome"] for alert in tool.alerts()} == {"notification"}
    assert tool.incidents() == []
