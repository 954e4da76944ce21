"""`resolve`, `shifts` and `/v1/oncall` (contract §4)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.helpers.plans import traced
from tests.helpers.world import World


@pytest.fixture
def rota(world: World) -> str:
    """The path of a schedule: a and b by day for April 2025, c all the time."""
    for id in "abcx":
        world.make("users", id=id, email=f"{id}@example.com")
    schedule = world.make("oncall/schedules", name="Rota", timezone="UTC")
    path = f"oncall/schedules/{schedule['id']}"
    world.make(
        f"{path}/layers",
        name="Daily",
        rotationType="daily",
        handoffTime="09:00",
        effectiveFrom="2025-04-01T09:00:00Z",
        effectiveUntil="2025-05-01T00:00:00Z",
        participantIds=["a", "b"],
    )
    world.make(
        f"{path}/layers",
        name="Always",
        rotationType="weekly",
        handoffTime="12:00",
        effectiveFrom="2025-03-31T12:00:00Z",
        participantIds=["c"],
    )
    return path


def override(world: World, path: str, start: str, end: str) -> str:
    body = {"userId": "x", "startsAt": start, "endsAt": end}
    id: str = world.make(f"{path}/overrides", **body)["id"]
    return id


def resolve(world: World, path: str, at: str) -> dict[str, Any]:
    answer = world.call("GET", f"{path}/resolve", at=at)
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json["data"]
    return found


def brief(target: dict[str, Any] | None) -> tuple[str, str, str] | None:
    if target is None:
        return None
    return target["userId"], target["startsAt"][5:16], target["endsAt"][5:16]


def test_resolve(world: World, rota: str) -> None:
    layers = world.call("GET", rota).json["data"]["layers"]
    daily, always = (la["id"] for la in layers)
    answer = resolve(world, rota, "2025-04-02T12:00:00.5+02:00")
    a_shift = {
        "userId": "b",
        "userName": "b@example.com",
        "layerId": daily,
        "overrideId": None,
        "startsAt": "2025-04-02T09:00:00.000Z",
        "endsAt": "2025-04-03T09:00:00.000Z",
    }
    assert answer == {
        "scheduleId": rota.rpartition("/")[2],
        "at": "2025-04-02T10:00:00.500Z",
        "scheduleOwner": a_shift,
        "pagingTargets": [
            a_shift,
            {
                "userId": "c",
                "userName": "c@example.com",
                "layerId": always,
                "overrideId": None,
                "startsAt": "2025-03-31T12:00:00.000Z",
                "endsAt": "2025-04-07T12:00:00.000Z",
            },
        ],
    }


def test_resolve_with_an_override(world: World, rota: str) -> None:
    id = override(world, rota, "2025-04-02T10:00:00Z", "2025-04-02T12:00:00Z")
    before = resolve(world, rota, "2025-04-02T09:30:00Z")["scheduleOwner"]
    assert brief(before) == ("b", "04-02T09:00", "04-02T10:00")
    during = resolve(world, rota, "2025-04-02T10:00:00Z")
    assert (during["scheduleOwner"]["layerId"], during["scheduleOwner"]["overrideId"]) == (None, id)
    assert [brief(target) for target in during["pagingTargets"]] == [
        ("x", "04-02T10:00", "04-02T12:00"),
        ("c", "03-31T12:00", "04-07T12:00"),
    ]
    after = resolve(world, rota, "2025-04-02T12:00:00Z")["scheduleOwner"]
    assert brief(after) == ("b", "04-02T12:00", "04-03T09:00")


def test_resolve_at_the_ends_of_a_layer(world: World, rota: str) -> None:
    last = resolve(world, rota, "2025-04-30T23:59:59.999Z")["scheduleOwner"]
    assert brief(last) == ("b", "04-30T09:00", "05-01T00:00")
    after = resolve(world, rota, "2025-05-01T00:00:00Z")
    assert [brief(target) for target in after["pagingTargets"]] == [
        ("c", "04-28T12:00", "05-05T12:00")
    ]
    nobody = resolve(world, rota, "2025-03-31T11:59:59Z")
    assert (nobody["scheduleOwner"], nobody["pagingTargets"]) == (None, [])


def test_resolve_is_about_now_unless_told(world: World) -> None:
    path = f"oncall/schedules/{world.made.schedule_id}"
    answer = world.call("GET", f"{path}/resolve").json["data"]
    assert answer["scheduleOwner"]["userId"] == world.made.user_id


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"at": "now"}, "at"),
        ({"at": ""}, "at"),
        ({"at": "2025-04-02T12:00:00"}, "at"),
        ({"at": "2025-04-02T12:00:00 02:00"}, "at"),
        ({"when": "2025-04-02T12:00:00Z"}, "when"),
    ],
)
def test_a_query_that_is_refused(
    world: World, rota: str, query: dict[str, str], field: str
) -> None:
    for path in (f"{rota}/resolve", "oncall"):
        answer = world.call("GET", path, **query)
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_every_schedule_at_once(world: World, rota: str) -> None:
    world.make("oncall/schedules", name="Empty", timezone="UTC")
    override(world, rota, "2025-04-02T10:00:00Z", "2025-04-02T12:00:00Z")
    found = world.call("GET", "oncall", at="2025-04-02T09:00:00Z").json["data"]
    assert [(s["schedule"]["name"], brief(s["scheduleOwner"])) for s in found] == [
        ("Empty", None),
        ("Primary on-call", None),
        ("Rota", ("b", "04-02T09:00", "04-02T10:00")),
    ]
    assert found[2]["schedule"] == {"id": rota.rpartition("/")[2], "name": "Rota"}
    now = world.call("GET", "oncall").json["data"]
    assert now[1]["scheduleOwner"]["userId"] == world.made.user_id


def shifts(world: World, path: str, start: str, end: str) -> list[tuple[str, str, str] | None]:
    answer = world.call("GET", f"{path}/shifts", **{"from": start, "to": end})
    assert answer.status_code == 200, answer.json
    return [brief(target) for target in answer.json["data"]]


def test_shifts(world: World, rota: str) -> None:
    override(world, rota, "2025-04-02T10:00:00Z", "2025-04-02T12:00:00Z")
    assert shifts(world, rota, "2025-03-31T00:00:00Z", "2025-04-03T00:00:00Z") == [
        ("c", "03-31T12:00", "04-01T09:00"),  # until the layer of lower position takes over
        ("a", "04-01T09:00", "04-02T09:00"),
        ("b", "04-02T09:00", "04-02T10:00"),
        ("x", "04-02T10:00", "04-02T12:00"),
        ("b", "04-02T12:00", "04-03T00:00"),  # cut to the window
    ]
    # Each shift on its own, also where one person hands over to themselves.
    assert shifts(world, rota, "2025-04-30T12:00:00Z", "2025-05-12T12:00:00Z") == [
        ("b", "04-30T12:00", "05-01T00:00"),
        ("c", "05-01T00:00", "05-05T12:00"),
        ("c", "05-05T12:00", "05-12T12:00"),
    ]
    assert shifts(world, rota, "2024-01-01T00:00:00Z", "2024-06-01T00:00:00Z") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"to": "2025-04-01T00:00:00Z"}, "from"),
        ({"from": "2025-04-01T00:00:00Z"}, "to"),
        ({"from": "2025-04-01T00:00:00Z", "to": "2025-04-01T00:00:00Z"}, "to"),
        ({"from": "2025-04-01T00:00:00Z", "to": "2026-04-02T00:00:00.001Z"}, "to"),
        ({"from": "2025-04-01T00:00:00Z", "to": "2025-04-02T00:00:00Z", "at": "x"}, "at"),
    ],
)
def test_a_window_that_is_refused(
    world: World, rota: str, query: dict[str, str], field: str
) -> None:
    answer = world.call("GET", f"{rota}/shifts", **query)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_a_year_of_days(world: World, rota: str) -> None:
    path = f"oncall/schedules/{world.made.schedule_id}"
    world.execute(
        "UPDATE schedule_layers"
        " SET rotation_length_days = 1, effective_from = '2020-01-01T00:00:00Z'"
    )
    found = shifts(world, path, "2024-01-01T09:00:00Z", "2025-01-01T09:00:00Z")
    assert len(found) == 366


@pytest.mark.sqlite_only("how it finds rows")
@pytest.mark.parametrize("at", ["2025-04-07T08:23:11Z", "2025-04-20T08:23:11Z"])
def test_who_owns_the_schedules_is_one_query_however_many_there_are(
    world: World, rota: str, at: str
) -> None:
    override(world, rota, "2025-04-07T00:00:00Z", "2025-04-08T00:00:00Z")
    for number in range(5):
        world.make("oncall/schedules", name=f"Empty {number}", timezone="UTC")
    with traced(world) as statements:
        everyone = world.call("GET", "oncall", at=at).json["data"]
    assert len(everyone) == 7
    assert len([text for text in statements if "schedule" in text]) == 1
    owners = {each["schedule"]["id"]: each["scheduleOwner"] for each in everyone}
    for id, owner in owners.items():
        assert owner == resolve(world, f"oncall/schedules/{id}", at)["scheduleOwner"]
