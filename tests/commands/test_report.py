"""`incident-service report`: both reports on a month, for a mail or a spreadsheet (contract §9)."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from incident_service import clock
from incident_service.cli import main
from incident_service.clock import parse_instant
from incident_service.commands.report import MonthReport
from incident_service.config import Settings
from incident_service.errors import NotFound, ValidationFailed
from tests.helpers.world import World

NOVEMBER = date(2030, 11, 1)


def run(world: World, *arguments: str) -> Result:
    variables = {
        "INCIDENT_SERVICE_DATABASE": Settings(database=world.database.where).database_variable
    }
    return CliRunner().invoke(main, ["report", *arguments], env=variables)


def report(world: World, month: date, now: str) -> MonthReport:
    with world.database.read() as db:
        return MonthReport.read(db, world.made.org_id, month, now=parse_instant(now))


def open_at(world: World, instant: str, **changes: Any) -> None:
    """Open an incident at an instant."""
    real, world.database.clock = world.database.clock, lambda: parse_instant(instant)
    try:
        assert world.post(world.body(**changes)).status_code == 201
    finally:
        world.database.clock = real


def this_month() -> str:
    return f"{clock.now():%Y-%m}"


def test_it_prints_what_the_api_answers(world: World) -> None:
    world.post()
    now = clock.now()
    result = run(world, "--org", world.made.org_id, "--month", this_month())
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    month = {"from": f"{now:%Y-%m}-01"}
    assert found["organization"] == world.made.org_id
    assert found["month"] == this_month()
    assert found["incidents"] == world.call("GET", "reports/incidents", **month).json["data"]
    assert found["incidents"]["count"] == 1
    by_api = world.call("GET", "reports/oncall", **month).json["data"]
    hours = [user.pop("hours") for user in (*found["oncall"]["users"], *by_api["users"])]
    assert [each.keys() for each in found["oncall"]["users"]] == [
        each.keys() for each in by_api["users"]
    ]
    assert hours[0] == pytest.approx(hours[1], abs=0.1)  # it is asked a moment later


def test_the_tables_open_in_a_spreadsheet(world: World) -> None:
    """Both in one file: UTF-8 with its mark, an empty line between, no formula from a name."""
    world.call("PATCH", f"users/{world.made.user_id}", {"firstName": "=Zoë", "lastName": "Ü"})
    arguments = ("--org", world.made.org_id, "--month", this_month(), "--format", "csv")
    result = run(world, *arguments)
    assert result.exit_code == 0
    text = result.stdout_bytes.decode("utf-8")
    assert text.startswith("\ufeffweek,count,")
    assert text.replace("\r\n", "").count("\n") == 0
    rows = list(csv.reader(io.StringIO(text, newline="")))
    between = rows.index([])
    assert {len(row) for row in rows[:between]} == {8}
    users = rows[between + 1 :]
    assert users[0][:3] == ["userId", "name", "hours"]
    assert [row[:2] for row in users[1:]] == [[world.made.user_id, "'=Zoë Ü"]]


@pytest.mark.parametrize(
    ("zone", "first", "last"),
    [
        ("UTC", "2030-11-01T00:00:00.000Z", "2030-11-30T23:59:59.999Z"),
        ("Asia/Tokyo", "2030-10-31T15:00:00.000Z", "2030-11-30T14:59:59.999Z"),
        ("America/New_York", "2030-11-01T04:00:00.000Z", "2030-12-01T04:59:59.999Z"),
    ],
)
def test_a_month_is_one_in_the_organizations_time_zone(
    world: World, zone: str, first: str, last: str
) -> None:
    assert world.call("PATCH", "organization", {"timezone": zone}).status_code == 200
    millisecond = timedelta(milliseconds=1)
    for at in (parse_instant(first) - millisecond, parse_instant(last) + millisecond):
        open_at(world, clock.format_instant(at))
    assert report(world, NOVEMBER, "2031-05-01T00:00:00Z").incidents.count == 0
    for instant in (first, last):
        open_at(world, instant)
    assert report(world, NOVEMBER, "2031-05-01T00:00:00Z").incidents.count == 2


def test_a_month_that_is_not_over_counts_up_to_now(world: World) -> None:
    (user,) = report(world, NOVEMBER, "2030-11-02T06:00:00Z").on_call.users
    assert user.hours == 30
    (user,) = report(world, NOVEMBER, "2030-12-24T00:00:00Z").on_call.users
    assert user.hours == 30 * 24


@pytest.mark.parametrize("month", ["2030-12", "2031-01", "9999-12"])
def test_a_month_that_has_not_begun_is_refused(world: World, month: str) -> None:
    begins = datetime.strptime(month, "%Y-%m").date()
    with pytest.raises(ValidationFailed) as caught:
        report(world, begins, "2030-11-30T23:59:59.999Z")
    assert caught.value.message == f"month: {month} has not begun yet."


@pytest.mark.parametrize(
    ("month", "sentence"),
    [
        ("2999-01", "month: 2999-01 has not begun yet."),
        ("0001-01", "month: 0001-01 is before 1970-01."),
        ("2026-13", "'2026-13' does not match the format '%Y-%m'."),
        ("November", "'November' does not match the format '%Y-%m'."),
    ],
)
def test_a_wrong_month_is_wrong_usage(world: World, month: str, sentence: str) -> None:
    result = run(world, "--org", world.made.org_id, "--month", month)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[-1].endswith(sentence)


def test_an_organization_that_is_not_there(world: World) -> None:
    result = run(world, "--org", "org_x", "--month", this_month())
    assert (result.exit_code, result.stdout) == (1, "")
    assert "org_x" in result.stderr
    with world.database.read() as db, pytest.raises(NotFound):
        MonthReport.read(db, "org_x", NOVEMBER, now=clock.now())
