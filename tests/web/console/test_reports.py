"""The page that looks back, `/reports`, and its tables as files (contract §11, §12)."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from incident_service.clock import format_instant
from incident_service.reports.window import Window
from incident_service.web.console import periods
from tests.helpers.console import as_member, signed_in, text_of
from tests.helpers.world import World
from tests.helpers.year import Sizes, fill

FEW = Sizes(incidents=120, people=4, schedules=3, components=3)


def shown(browser: FlaskClient, path: str = "/reports") -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return text_of(answer.text).replace("\N{NO-BREAK SPACE}", " ")


def reported(world: World, name: str, **query: str) -> Any:
    answer = world.call("GET", f"reports/{name}", **query)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


of_a_year = pytest.mark.sqlite_only("a year goes in as rows of the file")


@pytest.fixture
def year(world: World) -> World:
    """A world with incidents over the year up to now."""
    fill(world.file, world.made, world.database.clock(), FEW)
    return world


def test_the_page_is_a_room_for_every_member(world: World) -> None:
    page = as_member(world).get("/reports").text
    assert '<a href="/reports" aria-current="page">Reports</a>' in page


def test_a_page_without_incidents_says_what_would_be_there(world: World) -> None:
    page = shown(signed_in(world))
    assert "No incident opened in this time." in page
    assert "Here you see how many there were each week" in page


@of_a_year
def test_the_page_tells_what_the_reports_do(year: World) -> None:
    since = (year.database.clock() - timedelta(days=360)).date()
    page = shown(signed_in(year), f"/reports?from={since}")
    report = reported(year, "incidents", **{"from": str(since)})
    users = reported(year, "oncall", **{"from": str(since)})["users"]
    assert report["count"] > 100
    assert f"incidents {report['count']} " in page
    assert f"pages {sum(user['pages'] for user in users)} " in page
    week = max(report["byWeek"], key=lambda each: each["count"])
    assert f"The most in one week: {week['count']}," in page
    for each in (*report["byComponent"], *report["bySchedule"], *users):
        assert each["name"] in page


@of_a_year
def test_each_plot_has_its_table(year: World) -> None:
    page = signed_in(year).get("/reports").text
    plots = re.findall(r'<svg class="plot (\w+)"', page)
    assert plots == ["columns", "lines", "lines", "bars", "heat"]
    after = re.split(r'<svg class="plot ', page)[1:]
    acknowledge, resolve = after[1:3]
    assert "<table>" not in acknowledge  # one table has the times of both plots
    assert all("<table>" in each for each in (after[0], resolve, *after[3:]))


@of_a_year
def test_a_window_is_chosen_by_a_link_or_by_two_dates(year: World) -> None:
    browser = signed_in(year)
    month = year.database.clock().date().replace(day=1)
    page = browser.get(f"/reports?from={month}").text
    assert f'<a href="/reports?from={month}" aria-current="true">This month</a>' in page
    wide, narrow = (
        re.search(r"<dd>([\d,]+)</dd>", browser.get(f"/reports?from={since}").text)
        for since in (month - timedelta(days=300), month - timedelta(days=100))
    )
    assert wide is not None
    assert narrow is not None
    assert int(wide[1]) > int(narrow[1])


def test_the_form_shows_the_chosen_schedule_however_its_id_is_written(world: World) -> None:
    id = world.made.schedule_id
    page = signed_in(world).get(f"/reports?scheduleId={id.upper()}").text
    assert f'<option value="{id}" selected>' in page


@of_a_year
def test_a_schedule_is_chosen_for_being_on_call(year: World) -> None:
    schedule = next(
        each
        for each in reported(year, "incidents")["bySchedule"]
        if each["name"].startswith("Team")
    )
    id = schedule["scheduleId"]
    users = reported(year, "oncall", scheduleId=id)["users"]
    page = signed_in(year).get(f"/reports?scheduleId={id}").text
    assert f'<option value="{id}" selected>' in page
    (after,) = re.findall(r"By person</h3>(.*?)</table>", page, re.DOTALL)
    assert re.findall(r'<th scope="row"><bdi>([^<]*)</bdi>', after) == [u["name"] for u in users]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("from=2026-02-30", "From: "),
        ("from=2020-01-01", "From: More than 366 days before now."),
        ("from=2026-02-02&to=2026-02-01", "To: Must not be before from."),
        ("from=2999-01-01", "From: Must not be in the future."),
        ("scheduleId=x", "On call, of: "),
        ("unknown=1", "unknown: "),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_in_words(
    world: World, query: str, sentence: str
) -> None:
    for member in (signed_in(world), as_member(world)):
        answer = member.get(f"/reports?{query}")
        assert answer.status_code == 400
        assert sentence in text_of(answer.text)


def test_another_organizations_schedule_is_none(world: World, other_org: Any) -> None:
    answer = signed_in(world).get(f"/reports?scheduleId={other_org.schedule_id}")
    assert answer.status_code == 404


@of_a_year
def test_the_tables_as_files_are_those_of_the_api(year: World) -> None:
    browser = as_member(year)
    now = year.database.clock()
    first, last = (format_instant(now - timedelta(days=days)) for days in (90, 1))
    for name in ("incidents.csv", "oncall.csv"):
        query = {"from": first, "to": last}
        ours = browser.get(f"/reports/{name}", query_string=query)
        theirs = year.call("GET", f"reports/{name}", **query)
        assert ours.status_code == theirs.status_code == 200
        assert ours.data == theirs.data
        assert ours.headers["Content-Disposition"] == theirs.headers["Content-Disposition"]
        assert ours.headers["Content-Type"] == theirs.headers["Content-Type"]


def test_a_file_keeps_the_window_of_its_page(world: World) -> None:
    page = signed_in(world).get("/reports?from=2026-01-01&to=2026-02-01").text
    assert 'href="/reports/incidents.csv?from=2026-01-01&amp;to=2026-02-01"' in page
    assert 'href="/reports/oncall.csv?from=2026-01-01&amp;to=2026-02-01"' in page


@given(st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 1, 1)))
def test_every_period_is_one_that_reports_take(today: date) -> None:
    now = datetime.fromisoformat(f"{today}T23:59:59.999+00:00")
    for period in periods.periods(today):
        first, last = (
            datetime.fromisoformat(f"{day}T{time}+00:00") if day else None
            for day, time in ((period.first, "00:00:00"), (period.last, "23:59:59.999"))
        )
        window = Window.between(first, last, now=now)
        assert str((period.last or today).year) in periods.in_words(window)


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2026-11-02", "2026-11-30", "2–30 November 2026"),
        ("2026-10-31", "2026-11-01", "31 October – 1 November 2026"),
        ("2025-12-31", "2026-01-01", "31 December 2025 – 1 January 2026"),
        ("2026-11-30", "2026-11-30", "30 November 2026"),
    ],
)
def test_a_window_is_told_in_words(first: str, last: str, told: str) -> None:
    begins, ends = (datetime.fromisoformat(f"{day}T12:00:00+00:00") for day in (first, last))
    window = Window.between(begins, ends, now=ends + timedelta(days=1))
    assert periods.in_words(window) == told
