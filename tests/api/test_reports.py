"""The report on incidents as clients read it: `/v1/reports/incidents` (contract §12)."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_service import clock, quickstart
from incident_service.clock import format_instant, parse_instant
from incident_service.reports import incidents
from tests.helpers.world import World

NOW = parse_instant("2026-11-25T12:00:00Z")  # a Wednesday, in week 48

NOTHING = {"median": None, "mean": None, "p90": None}


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def opened(world: World, at: datetime, **columns: Any) -> str:
    """Open an incident at an instant, and let its row say what became of it."""
    world.database.clock = lambda: at
    fields = {name: columns.pop(name) for name in ("severity", "componentIds") if name in columns}
    schedule = columns.pop("ownerScheduleId", world.made.schedule_id)
    target = {"ownerId": world.made.user_id, "ownerScheduleId": schedule}
    id: str = world.post(world.body(**target, **fields)).json["data"]["id"]
    for name, value in columns.items():
        world.execute(f"UPDATE incidents SET {name} = ? WHERE id = ?", value, id)
    return id


def after(at: datetime, seconds: float) -> str:
    return format_instant(at + timedelta(seconds=seconds))


def report(world: World, **query: str) -> dict[str, Any]:
    answer = world.call("GET", "reports/incidents", **query)
    assert answer.status_code == 200, answer.json
    data: dict[str, Any] = answer.json["data"]
    return data


def table(world: World, **query: str) -> Any:
    answer = world.call("GET", "reports/incidents.csv", **query)
    assert answer.status_code == 200, answer.json
    return answer


def test_a_report_without_an_incident_has_every_severity_and_week(world: World) -> None:
    same = {"count": 0, "acknowledge": NOTHING, "resolve": NOTHING}
    assert report(world, **{"from": "2026-11-16"}) == {
        **same,
        "bySeverity": [
            {**same, "severity": severity} for severity in ("critical", "high", "medium", "low")
        ],
        "byComponent": [],
        "bySchedule": [],
        "byWeek": [{**same, "week": "2026-W47"}, {**same, "week": "2026-W48"}],
    }


def test_the_figures_of_some_incidents(world: World) -> None:
    at = NOW - timedelta(hours=5)
    for seconds in (1, 2.0005, 10):
        acted = {"first_acknowledged_at": after(at, seconds), "resolved_at": after(at, 60)}
        opened(world, at, **acted, severity="low")
    opened(world, at, first_acknowledged_at=after(at, 4))
    found = report(world)
    assert found["count"] == 4
    assert found["acknowledge"] == {"median": 3.0, "mean": 4.25, "p90": 10.0}
    assert found["resolve"] == {"median": 60.0, "mean": 60.0, "p90": 60.0}
    by_severity = {part["severity"]: part for part in found["bySeverity"]}
    assert by_severity["low"]["acknowledge"] == {"median": 2.0, "mean": 4.333, "p90": 10.0}
    assert by_severity["critical"]["resolve"] == NOTHING
    assert [part["count"] for part in found["byWeek"]] == [0, 0, 0, 0, 4]


def test_components_and_schedules_stand_by_their_number_and_then_by_name(world: World) -> None:
    made = world.made
    alpha, beta = (world.make("components", name=name)["id"] for name in ("Alpha", "Beta"))
    other = world.make("oncall/schedules", name="Aardvark", timezone="UTC")["id"]
    opened(world, NOW, componentIds=[beta, alpha], ownerScheduleId=other)
    opened(world, NOW, componentIds=[made.component_id, alpha])
    opened(world, NOW, componentIds=[], ownerScheduleId=None)
    world.call("DELETE", f"components/{beta}")
    world.call("DELETE", f"oncall/schedules/{other}")
    found = report(world)
    names = {row["id"]: row["name"] for row in world.rows("SELECT id, name FROM components")}
    ranked = [(part["componentId"], part["count"]) for part in found["byComponent"]]
    assert ranked == [(alpha, 2), (beta, 1), (made.component_id, 1)]
    assert all(part["name"] == names[part["componentId"]] for part in found["byComponent"])
    schedules = [(part["scheduleId"], part["name"], part["count"]) for part in found["bySchedule"]]
    assert schedules[0] == (other, "Aardvark", 1)
    assert [id for id, *_ in schedules[1:]] == [made.schedule_id]
    assert found["count"] == 3


def test_weeks_are_those_of_the_organizations_zone(world: World) -> None:
    world.call("PATCH", "organization", {"timezone": "Pacific/Auckland"})
    opened(world, parse_instant("2026-11-22T10:59:59.999Z"))
    opened(world, parse_instant("2026-11-22T11:00:00Z"))  # midnight of Monday, 13 hours ahead
    found = report(world, **{"from": "2026-11-20"})
    assert [(part["week"], part["count"]) for part in found["byWeek"]] == [
        ("2026-W47", 1),
        ("2026-W48", 1),
    ]


def test_provisional_incidents_do_not_count_until_a_person_acts(world: World) -> None:
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    id = opened(world, NOW, is_provisional=1, integration_id=tool["id"])
    assert report(world)["count"] == 0
    assert world.call("POST", f"incidents/{id}/acknowledge").status_code == 200
    assert report(world)["count"] == 1


def test_an_incident_that_is_open_again_is_not_resolved(world: World) -> None:
    id = opened(world, NOW - timedelta(hours=2))
    world.database.clock = lambda: NOW - timedelta(hours=1)
    world.call("POST", f"incidents/{id}/acknowledge")
    assert world.call("POST", f"incidents/{id}/resolve").status_code == 200
    assert report(world)["resolve"]["median"] == 3600
    world.database.clock = lambda: NOW
    assert world.call("POST", f"incidents/{id}/reopen").status_code == 200
    found = report(world)
    assert (found["resolve"], found["acknowledge"]["median"]) == (NOTHING, 3600)
    assert world.call("POST", f"incidents/{id}/resolve").status_code == 200
    assert report(world)["resolve"]["median"] == 7200


@pytest.mark.parametrize(
    ("at", "query", "count"),
    [
        ("2026-11-20T00:00:00Z", {"from": "2026-11-20", "to": "2026-11-20"}, 1),
        ("2026-11-20T23:59:59.999Z", {"from": "2026-11-20", "to": "2026-11-20"}, 1),
        ("2026-11-21T00:00:00Z", {"from": "2026-11-20", "to": "2026-11-20"}, 0),
        ("2026-11-20T10:00:00Z", {"to": "2026-11-20T10:00:00Z"}, 1),
        ("2026-11-20T10:00:00.001Z", {"to": "2026-11-20T10:00:00.000999Z"}, 0),
        ("2026-11-20T10:00:00Z", {"from": "2026-11-20T11:00:00+01:00"}, 1),
        ("2026-11-20T10:00:00Z", {"from": "2026-11-20T10:00:00.0001Z"}, 0),
        ("2026-11-25T12:00:00Z", {}, 1),  # now
        ("2026-11-25T12:00:00.001Z", {"to": "2027-01-01"}, 0),  # to come
        ("2026-10-28T12:00:00.001Z", {}, 1),
        ("2026-10-28T12:00:00Z", {}, 0),
        ("2026-10-23T00:00:00Z", {"to": "2026-11-19"}, 1),  # 28 whole days
        ("2026-10-22T23:59:59.999Z", {"to": "2026-11-19"}, 0),
    ],
)
def test_windows(world: World, at: str, query: dict[str, str], count: int) -> None:
    opened(world, parse_instant(at))
    found = report(world, **query)
    assert found["count"] == sum(part["count"] for part in found["byWeek"]) == count


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"from": "2026-11-20", "to": "2026-11-19"}, {"to": ["Must not be before from."]}),
        ({"from": "2025-11-01"}, {"from": ["More than 366 days before now."]}),
        ({"from": "2024-01-01", "to": "2025-01-01"}, {"to": ["More than 366 days after from."]}),
        ({"from": "2026-11-26"}, {"from": ["Must not be in the future."]}),
        ({"from": "yesterday"}, {"from": ["Not an RFC 3339 date and time with an offset."]}),
        ({"scheduleId": "x"}, {"scheduleId": ["Unknown field."]}),
    ],
)
def test_windows_that_are_refused(
    world: World, query: dict[str, str], expected: dict[str, list[str]]
) -> None:
    answer = world.call("GET", "reports/incidents", **query)
    assert (answer.status_code, answer.json["errors"]) == (400, expected)


def test_a_leap_year_is_not_too_long(world: World) -> None:
    assert len(report(world, **{"from": "2024-01-01", "to": "2024-12-31"})["byWeek"]) == 53


@pytest.mark.parametrize("to", ["0001-01-01", "0001-01-01T00:00:00Z", "1969-12-31"])
def test_the_beginning_of_the_calendar_is_a_time_too(world: World, to: str) -> None:
    for zone in ("America/Los_Angeles", "Pacific/Auckland"):
        world.call("PATCH", "organization", {"timezone": zone})
        assert report(world, to=to)["count"] == 0


def test_members_read_it_and_other_organizations_do_not(
    world: World, member: str, other_org: quickstart.Provisioned
) -> None:
    opened(world, NOW)
    answer = world.call("GET", "reports/incidents", key=member)
    assert answer.json["data"]["count"] == 1
    answer = world.call("GET", "reports/incidents", key=other_org.key)
    assert answer.json["data"]["count"] == 0
    assert answer.json["data"]["byComponent"] == answer.json["data"]["bySchedule"] == []


def test_a_window_with_too_many_incidents_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incidents, "MAX_INCIDENTS", 2)
    for days in (2, 1):
        opened(world, NOW - timedelta(days=days))
    assert report(world)["count"] == 2
    opened(world, NOW, is_provisional=1)
    for path in ("reports/incidents", "reports/incidents.csv"):
        answer = world.call("GET", path)
        assert (answer.status_code, answer.json["code"]) == (400, "too_many_incidents")
        assert "shorter window" in answer.json["message"]


def test_the_weeks_as_a_table(world: World) -> None:
    at = NOW - timedelta(days=7)
    acted = {"first_acknowledged_at": after(at, 1.5), "resolved_at": after(at, 60)}
    opened(world, at, **acted)
    answer = table(world, **{"from": "2026-11-16"})
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="incidents.csv"'
    assert answer.data.startswith(b"\xef\xbb\xbfweek,count,")
    assert answer.data.count(b"\r\n") == answer.data.count(b"\n") == 3
    assert list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))) == [
        {
            "week": "2026-W47",
            "count": "1",
            "acknowledgeMedian": "1.5",
            "acknowledgeMean": "1.5",
            "acknowledgeP90": "1.5",
            "resolveMedian": "60.0",
            "resolveMean": "60.0",
            "resolveP90": "60.0",
        },
        {
            "week": "2026-W48",
            "count": "0",
            "acknowledgeMedian": "",
            "acknowledgeMean": "",
            "acknowledgeP90": "",
            "resolveMedian": "",
            "resolveMean": "",
            "resolveP90": "",
        },
    ]


def test_a_table_is_refused_as_the_report_is(world: World) -> None:
    answer = world.call("GET", "reports/incidents.csv", **{"from": "2026-11-26"})
    assert (answer.status_code, answer.json["code"]) == (400, "validation_error")


def test_the_description_has_an_example_of_the_report(world: World) -> None:
    described = world.client.get("/openapi.json").json
    content = described["paths"]["/v1/reports/incidents"]["get"]["responses"]["200"]["content"]
    shown = content["application/json"]
    example, found = shown["example"]["data"], report(world)
    assert example.keys() == found.keys()
    assert [*map(keys, example["bySeverity"])] == [*map(keys, found["bySeverity"])]
    assert example["byWeek"][0].keys() == found["byWeek"][0].keys()


def keys(part: dict[str, Any]) -> tuple[str, list[str]]:
    return part["severity"], sorted(part)
