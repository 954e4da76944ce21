"""`GET /v1/reports/oncall`, and the same as a table (contract §12)."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from incident_service import clock, quickstart
from incident_service.clock import parse_instant
from tests.helpers.world import World

NOW = "2025-04-10T12:00:00Z"
WEEK = {"from": "2025-03-31", "to": "2025-04-06"}


@pytest.fixture(autouse=True)
def _now(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be a Thursday in April, and nobody own the schedule that the world has."""
    monkeypatch.setattr(clock, "now", lambda: parse_instant(NOW))
    monkeypatch.setattr(world.database, "clock", clock.now)
    world.execute("DELETE FROM schedule_layers")


def person(world: World, id: str, name: str) -> None:
    world.make("users", id=id, email=f"{id}@example.com", firstName=name)


def schedule(world: World, *people: str, name: str = "Rota", zone: str = "Europe/Berlin") -> str:
    id: str = world.make("oncall/schedules", name=name, timezone=zone)["id"]
    world.make(
        f"oncall/schedules/{id}/layers",
        name="Layer",
        rotationType="daily",
        handoffTime="09:00",
        effectiveFrom="2025-03-01T08:00:00Z",
        participantIds=[*people],
    )
    return id


def users(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.call("GET", "reports/oncall", **query)
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["data"]["users"]
    return found


def test_a_week_of_two_people(world: World) -> None:
    person(world, "ada", "Ada")
    person(world, "ben", "Ben")
    schedule(world, "ada", "ben")
    no_pages = {"pages": 0, "nightPages": 0, "acknowledged": 0, "acknowledgeMedian": None}
    # The clocks in Berlin are 2 hours ahead: Ben is on call until 7:00 on Monday by UTC, and Ada at
    # its end. The weekend is from 22:00 on Friday to 22:00 on Sunday by UTC.
    ada = {"userId": "ada", "name": "Ada", "hours": 89, "nightHours": 31, "weekendHours": 24}
    ben = {"userId": "ben", "name": "Ben", "hours": 79, "nightHours": 32, "weekendHours": 24}
    assert users(world, **WEEK) == [{**ada, **no_pages}, {**ben, **no_pages}]


def test_the_night_in_which_clocks_change_is_an_hour_shorter(world: World) -> None:
    person(world, "ada", "Ada")
    schedule(world, "ada")
    (ada,) = users(world, **{"from": "2025-03-29T12:00:00Z", "to": "2025-03-30T11:59:59.999Z"})
    assert (ada["hours"], ada["nightHours"], ada["weekendHours"]) == (24.0, 8.0, 24.0)


def test_nothing_that_is_to_come_counts(world: World) -> None:
    person(world, "ada", "Ada")
    schedule(world, "ada")
    (ada,) = users(world, **{"from": "2025-04-10", "to": "2025-04-12"})
    assert ada["hours"] == 12.0
    (ada,) = users(world)
    assert ada["hours"] == 28 * 24.0


def test_who_owns_two_schedules_at_once_has_both_counted(world: World) -> None:
    person(world, "ada", "Ada")
    one, two = schedule(world, "ada"), schedule(world, "ada", name="Other", zone="Asia/Tokyo")
    (both,) = users(world, **WEEK)
    parts = [users(world, scheduleId=id, **WEEK)[0] for id in (one, two.upper())]
    for figure in ("hours", "nightHours", "weekendHours"):
        assert both[figure] == sum(part[figure] for part in parts)


def test_another_zone_counts_from_when_the_schedule_has_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(world, "ada", "Ada")
    id = schedule(world, "ada", zone="UTC")
    before = users(world, **WEEK)
    body = {"name": "Rota", "timezone": "Asia/Tokyo"}
    assert world.call("PUT", f"oncall/schedules/{id}", body).status_code == 200
    assert users(world, **WEEK) == before
    tomorrow = parse_instant("2025-04-11T12:00:00Z")
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    (ada,) = users(world, **{"from": "2025-04-10T00:00:00Z", "to": "2025-04-11T11:59:59.999Z"})
    # 0:00-7:00 by UTC, then from noon on by Tokyo's clock, where 13:00-22:00 UTC is night.
    assert (ada["hours"], ada["nightHours"]) == (36.0, 16.0)


def test_a_deleted_schedule_counts_up_to_its_deletion_and_people_keep_their_names(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    person(world, "ada", "Ada")
    id = schedule(world, "ada")
    world.call("DELETE", f"oncall/schedules/{id}")
    assert world.call("DELETE", "users/ada").status_code == 204
    monkeypatch.setattr(clock, "now", lambda: parse_instant("2025-04-20T12:00:00Z"))
    (ada,) = users(world, **{"from": "2025-04-10"})
    assert (ada["userId"], ada["name"], ada["hours"]) == ("ada", "Ada", 12.0)
    for gone in (id, "01a22ca6-2531-7335-ba69-dafbbbb7af26"):
        answer = world.call("GET", "reports/oncall", scheduleId=gone)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_who_is_on_call_more_comes_first_then_by_name(world: World) -> None:
    for id, name in (("z", "Ada"), ("b", "Ben"), ("c", "Ben"), ("d", "Cy")):
        person(world, id, name)
    schedule(world, "c", name="1")
    schedule(world, "b", name="2")
    schedule(world, "z", name="3")
    schedule(world, "d", name="4")
    schedule(world, "d", name="5")
    assert [user["userId"] for user in users(world, **WEEK)] == ["d", "z", "b", "c"]


def test_who_acknowledged_first_and_how_soon(world: World) -> None:
    person(world, "ada", "Ada")
    made = [world.post().json["data"]["id"] for _ in range(3)]
    for seconds, id in enumerate(made, 1):
        world.execute(
            "UPDATE incidents SET created_at = '2025-04-01T00:00:00.000Z', first_acknowledged_at ="
            " ?, first_acknowledged_by = 'ada', is_provisional = ? WHERE id = ?",
            f"2025-04-01T00:00:0{seconds}.500Z", seconds == 3, id,
        )  # fmt: skip
    (ada,) = users(world, **WEEK)
    assert (ada["acknowledged"], ada["acknowledgeMedian"], ada["hours"]) == (2, 2.0, 0.0)


def test_the_table_for_spreadsheets_has_the_users(world: World) -> None:
    person(world, "ada", "=cmd()")
    schedule(world, "ada")
    answer = world.call("GET", "reports/oncall.csv", **WEEK)
    assert answer.content_type == "text/csv; charset=utf-8"
    header, row = csv.reader(io.StringIO(answer.data.decode("utf-8-sig")))
    assert header == [*users(world, **WEEK)[0]]
    assert row == ["ada", "'=cmd()", "168.0", "63.0", "48.0", "0", "0", "0", ""]


@pytest.mark.parametrize("path", ["reports/oncall", "reports/oncall.csv"])
def test_members_read_it_and_what_it_does_not_know_is_refused(
    world: World, member: str, other_org: quickstart.Provisioned, path: str
) -> None:
    assert world.call("GET", path, key=member).status_code == 200
    assert world.client.get(f"/v1/{path}").status_code == 401
    answer = world.call("GET", path, scheduleId=other_org.schedule_id)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    for query in (
        {"userId": "ada"},
        {"from": "yesterday"},
        {"scheduleId": "7"},
        {"from": "2024-01-01"},
        {"from": "2025-04-02", "to": "2025-04-01"},
    ):
        answer = world.call("GET", path, **query)
        assert (answer.status_code, answer.json["code"]) == (400, "validation_error"), query
