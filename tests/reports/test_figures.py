"""The pure parts of reports: figures, weeks, windows and tables."""

from __future__ import annotations

import csv
import io
from dataclasses import astuple
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incident_service.clock import parse_instant, time_zones
from incident_service.errors import ValidationFailed
from incident_service.reports import weeks
from incident_service.reports.figures import Figures
from incident_service.reports.tables import Cell, csv_text
from incident_service.reports.window import LONGEST, USUAL, Window
from tests.helpers import report_oracle

MILLISECOND = timedelta(milliseconds=1)
NOW = parse_instant("2026-11-30T12:00:00Z")

durations = st.lists(st.integers(0, 10**11), max_size=60)
instants = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)
zones = st.sampled_from(sorted(time_zones())).map(ZoneInfo)


@given(durations)
@example([1, 2])
@example(list(range(10)))
@example(list(range(11)))
def test_figures_are_those_of_the_oracle(found: list[int]) -> None:
    assert astuple(Figures.of(sorted(found))) == report_oracle.figures(found)


@pytest.mark.parametrize(
    ("ordered", "expected"),
    [
        ([], (None, None, None)),
        ([1], (0.001, 0.001, 0.001)),
        ([1, 2], (0.002, 0.002, 0.002)),  # 1.5 ms are rounded up
        ([1000, 2000, 9000], (2.0, 4.0, 9.0)),
        ([n * 1000 for n in range(1, 11)], (5.5, 5.5, 9.0)),
        ([n * 1000 for n in range(1, 12)], (6.0, 6.0, 10.0)),
    ],
)
def test_figures(ordered: list[int], expected: tuple[float | None, ...]) -> None:
    assert astuple(Figures.of(ordered)) == expected


@given(instants, st.timedeltas(timedelta(0), timedelta(days=40)), zones)
def test_weeks_are_those_of_every_instant(
    start: datetime, length: timedelta, zone: ZoneInfo
) -> None:
    last = start + length // MILLISECOND * MILLISECOND
    found = [
        weeks.name(monday) for monday in weeks.mondays(Window(start, last + MILLISECOND), zone)
    ]
    assert found == report_oracle.weeks_between(start, last, zone)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), zones)
@example(date(2018, 11, 4), ZoneInfo("America/Sao_Paulo"))  # begins at one o'clock
@example(date(2018, 2, 18), ZoneInfo("America/Sao_Paulo"))  # an hour comes twice before it
@example(date(2011, 12, 31), ZoneInfo("Pacific/Apia"))  # the day before it never was
def test_a_day_begins_with_its_first_instant(day: date, zone: ZoneInfo) -> None:
    begins = weeks.begins_at(day, zone)
    assert begins.astimezone(zone).date() >= day
    assert (begins - MILLISECOND).astimezone(zone).date() < day


@pytest.mark.parametrize(
    ("first", "last", "start", "end"),
    [
        (None, None, NOW - USUAL + MILLISECOND, NOW + MILLISECOND),
        (None, NOW + timedelta(days=9), NOW - USUAL + MILLISECOND, NOW + MILLISECOND),
        (NOW, NOW, NOW, NOW + MILLISECOND),
        (NOW - LONGEST, None, NOW - LONGEST, NOW + MILLISECOND),
    ],
)
def test_windows(
    first: datetime | None, last: datetime | None, start: datetime, end: datetime
) -> None:
    assert Window.between(first, last, now=NOW) == Window(start, end)


@given(st.none() | instants, st.none() | instants, instants)
def test_a_window_is_neither_empty_nor_too_long_nor_to_come(
    first: datetime | None, last: datetime | None, now: datetime
) -> None:
    try:
        window = Window.between(first, last, now=now)
    except ValidationFailed as error:
        assert error.errors.keys() <= {"from", "to"}
        assert first is not None
        assert first > now or first > (last or now) or (last or now) - first > LONGEST
    else:
        assert window.start < window.end <= now + MILLISECOND
        assert window.end - window.start <= LONGEST + MILLISECOND


FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\tx", "\rx", " =1", "\n=1", "\u00a0=1",
    "\u3000@x", "\ufeff=1", "\u200b=1", "＝1", "＋1", "－1", "＠x", " ＝1", "﹦1", "﹣1", "−1",
    '=cmd|"/c calc"!A1',
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_text_like_a_formula_is_made_text(text: str) -> None:
    (_, (cell, number)) = csv.reader(io.StringIO(csv_text(["a", "b"], [[text, -1]]), newline=""))
    assert (cell, number) == (f"'{text}", "-1")


@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.floats(-9, 9))))
def test_a_table_keeps_its_texts_and_numbers(rows: list[tuple[str, float]]) -> None:
    rows = [(text.replace("\0", ""), number) for text, number in rows]
    header, *found = csv.reader(io.StringIO(csv_text(["Name", "n"], rows), newline=""))
    assert header == ["Name", "n"]
    for (text, number), (cell, shown) in zip(rows, found, strict=True):
        assert cell in (text, f"'{text}")
        assert cell.lstrip()[:1] not in tuple("=+-@＝＋－＠")
        assert float(shown) == number


def test_plain_texts_stay_as_they_are() -> None:
    rows: list[list[Cell]] = [["Ada, “A”", "O'Hara", "a=b", None], ["", "Zoë\nx", 'say "hi"', 1.5]]
    first, second = '"Ada, “A”",O\'Hara,a=b,', ',"Zoë\nx","say ""hi""",1.5'
    assert csv_text(["1", "2", "3", "4"], rows) == f"1,2,3,4\r\n{first}\r\n{second}\r\n"
