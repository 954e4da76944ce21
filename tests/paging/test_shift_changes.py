"""`shift_changed`: whenever a schedule's owner becomes somebody else (contract §8)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_service.clock import format_instant
from incident_service.paging import event_wording
from incident_service.paging.page import ShiftMessage
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import act
from tests.helpers.rota import START, Rota
from tests.helpers.subscribed import delivered, subscribe, waiting
from tests.helpers.world import World

WEEK = timedelta(days=7)

HOUR = {"startsAt": "2025-04-03T12:00:00Z", "endsAt": "2025-04-03T13:00:00Z"}


def stand_at(world: World, at: datetime) -> None:
    """Let what is written from now on be written at an instant."""
    world.database.clock = lambda: at


class Watched:
    """A schedule whose subscribers are told of its shifts."""

    def __init__(self, rota: Rota) -> None:
        self.rota = rota
        self.world = rota.world
        self.schedule = rota.make_schedule("Payments", "ab")
        self.id = subscribe(self.world, "shift_changed", scheduleIds=[self.schedule])
        self.look(START)

    def look(self, at: datetime) -> list[tuple[str | None, str | None]]:
        """Perform what is due; return who is told to be relieved by whom. What follows is later."""
        stand_at(self.world, at)
        perform_at(self.world, at)
        rows = self.world.rows("SELECT details FROM deliveries WHERE kind = 'event' ORDER BY id")
        self.world.execute("DELETE FROM deliveries")
        details = [json.loads(row["details"]) for row in rows]
        return [(each["before"], each["after"]) for each in details]

    def edit(self, seconds: float, method: str, path: str, **body: Any) -> dict[str, Any]:
        return act(self.world, seconds, method, f"oncall/schedules/{self.schedule}{path}", **body)

    def due_at(self) -> str:
        (task,) = self.world.rows("SELECT due_at FROM tasks WHERE kind = 'watch_schedule'")
        return str(task["due_at"])

    def layer(self) -> dict[str, Any]:
        schedule = self.world.call("GET", f"oncall/schedules/{self.schedule}").json["data"]
        layer: dict[str, Any] = schedule["layers"][0]
        return layer


@pytest.fixture
def watched(rota: Rota) -> Watched:
    stand_at(rota.world, START)
    return Watched(rota)


def test_a_new_subscription_is_told_nothing(watched: Watched) -> None:
    assert watched.look(START + timedelta(minutes=1)) == []


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_nor_is_one_that_comes_after_a_time_without_any(watched: Watched, method: str) -> None:
    world = watched.world
    other = {"events": ["incident_opened"]} if method == "PATCH" else None
    assert world.call(method, f"subscriptions/{watched.id}", other).status_code < 300
    assert watched.look(START + timedelta(seconds=1)) == []
    watched.edit(
        60, "POST", "/overrides", userId="c", **{**HOUR, "startsAt": "2025-04-02T10:01:00Z"}
    )
    stand_at(world, START + timedelta(minutes=2))
    if other:
        world.call("PATCH", f"subscriptions/{watched.id}", {"events": ["shift_changed"]})
    else:
        subscribe(world, "shift_changed")
    assert watched.look(START + timedelta(minutes=2)) == []


def test_each_handoff_is_told_at_its_hour(watched: Watched) -> None:
    assert watched.look(START + WEEK - timedelta(milliseconds=1)) == []
    assert watched.look(START + WEEK) == [("a", "b")]
    assert watched.look(START + WEEK) == []
    assert watched.look(START + 2 * WEEK) == [("b", "a")]


def test_what_passed_while_the_service_was_down_is_not_told(watched: Watched) -> None:
    assert watched.look(START + 5 * WEEK) == [("a", "b")]
    assert watched.look(START + 7 * WEEK) == []


def test_an_override_is_told_when_it_begins_and_when_it_ends(watched: Watched) -> None:
    hours = {"startsAt": "2025-04-02T12:00:00Z", "endsAt": "2025-04-02T13:00:00.0005Z"}
    made = watched.edit(60, "POST", "/overrides", userId="c", **hours)
    noon = START + timedelta(hours=2)
    assert watched.look(noon - timedelta(seconds=1)) == []
    assert watched.look(noon) == [("a", "c")]
    assert watched.look(noon + timedelta(hours=1)) == []
    assert watched.look(noon + timedelta(hours=1, milliseconds=1)) == [("c", "a")]
    assert made["userId"] == "c"


def test_an_edit_is_told_at_once(watched: Watched) -> None:
    layer = watched.layer()
    changed = {
        name: layer[name] for name in ("name", "rotationType", "handoffTime", "effectiveFrom")
    }
    path = f"/layers/{layer['id']}"
    watched.edit(60, "PUT", path, **changed, participantIds=["b", "a"])
    assert watched.look(START + timedelta(seconds=60)) == [("a", "b")]
    watched.edit(120, "PUT", path, **{**changed, "name": "Same"}, participantIds=["b", "a"])
    assert watched.look(START + timedelta(seconds=120)) == []


def test_nobody_any_more_and_somebody_again(watched: Watched) -> None:
    path = f"oncall/schedules/{watched.schedule}/layers"
    stand_at(watched.world, START + timedelta(minutes=1))
    answer = watched.world.call("DELETE", f"{path}/{watched.layer()['id']}")
    assert answer.status_code == 204
    assert watched.look(START + timedelta(minutes=1)) == [("a", None)]
    layer = {"name": "L", "rotationType": "daily", "handoffTime": "10:00", "participantIds": ["c"]}
    watched.world.make(path, **layer, effectiveFrom=format_instant(START + WEEK))
    assert watched.look(START + timedelta(days=1)) == []
    assert watched.look(START + WEEK) == [(None, "c")]


def test_a_schedule_made_later_is_watched_by_a_subscription_to_all(rota: Rota) -> None:
    world = rota.world
    stand_at(world, START)
    subscribe(world, "shift_changed")
    perform_at(world, START)
    id = rota.make_schedule("New", "ab")
    perform_at(world, START)
    perform_at(world, START + WEEK)
    rows = world.rows("SELECT details FROM deliveries WHERE kind = 'event'")
    assert id in [json.loads(row["details"])["scheduleId"] for row in rows]


def test_what_nobody_subscribes_to_any_more_is_not_watched(watched: Watched) -> None:
    world = watched.world
    assert world.call("DELETE", f"subscriptions/{watched.id}").status_code == 204
    assert watched.look(START + WEEK) == []
    assert world.rows("SELECT * FROM watched_schedules") == []
    assert world.rows("SELECT * FROM tasks WHERE kind = 'watch_schedule'") == []
    watched.edit(60, "PUT", "", name="Other", timezone="UTC")
    assert world.rows("SELECT * FROM tasks WHERE kind = 'watch_schedule'") == []


def test_a_deleted_schedule_is_not_watched(watched: Watched) -> None:
    answer = watched.world.call("DELETE", f"oncall/schedules/{watched.schedule}")
    assert answer.status_code == 204
    assert watched.look(START + 100 * 52 * WEEK) == []
    assert watched.world.rows("SELECT * FROM watched_schedules") == []


def test_severities_and_components_are_about_incidents_alone(watched: Watched) -> None:
    other = subscribe(
        watched.world,
        "shift_changed",
        severities=["low"],
        componentIds=[watched.world.made.component_id],
    )
    perform_at(watched.world, START + timedelta(seconds=1))
    perform_at(watched.world, START + WEEK)
    assert waiting(watched.world, other)[:1] == ["shift_changed"]


def test_many_schedules_at_one_instant(rota: Rota) -> None:
    stand_at(rota.world, START)
    for n in range(50):
        rota.make_schedule(f"Schedule {n}", "ab")
    subscribe(rota.world, "shift_changed")
    perform_at(rota.world, START)
    assert perform_at(rota.world, START + WEEK - timedelta(milliseconds=1)) == []
    assert len(perform_at(rota.world, START + WEEK)) == 51  # and that of the rota
    assert len(waiting(rota.world)) == 50


def test_a_message_says_who_it_is_who_it_was_and_until_when(watched: Watched) -> None:
    watched.world.call("PATCH", "users/b", {"firstName": "Ben", "lastName": "Blue"})
    perform_at(watched.world, START + WEEK)
    (message,) = delivered(watched.world)
    assert isinstance(message, ShiftMessage)
    assert message.before is not None and message.after is not None
    assert (message.title, message.timezone) == ("Payments", "UTC")
    assert (message.before, message.after) == (("a", "a@example.com"), ("b", "Ben Blue"))
    assert message.until == "2025-04-16T10:00:00.000Z"
    assert event_wording.shift_sentence(message) == (
        "Ben Blue is on call now, until 2025-04-16 10:00 (UTC). Before: a@example.com."
    )


@pytest.mark.parametrize(
    "edit",
    [
        lambda it: it.edit(60, "PUT", "", name="Other", timezone="Asia/Tokyo"),
        lambda it: it.edit(60, "PUT", "/layers/order", layerIds=[it.layer()["id"]]),
        lambda it: it.edit(60, "POST", "/overrides", userId="c", **HOUR),
        lambda it: it.edit(60, "POST", "/overrides/bulk", overrides=[{"userId": "c", **HOUR}]),
    ],
    ids=["schedule", "order", "override", "overrides"],
)
def test_each_edit_lets_it_be_looked_at_now(
    watched: Watched, edit: Callable[[Watched], object]
) -> None:
    edit(watched)
    assert watched.due_at() == format_instant(START + timedelta(seconds=60))


def test_so_does_a_change_of_an_override_and_its_deletion(watched: Watched) -> None:
    made = watched.edit(60, "POST", "/overrides", userId="c", **HOUR)
    watched.edit(120, "PATCH", f"/overrides/{made['id']}", userId="b")
    assert watched.due_at() == format_instant(START + timedelta(seconds=120))
    stand_at(watched.world, START + timedelta(seconds=180))
    path = f"oncall/schedules/{watched.schedule}/overrides/{made['id']}"
    assert watched.world.call("DELETE", path).status_code == 204
    assert watched.due_at() == format_instant(START + timedelta(seconds=180))
