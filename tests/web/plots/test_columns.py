"""Columns by week: what holds whatever their numbers are."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.web.plots import columns, weeks
from incident_service.web.plots.columns import Part
from tests.helpers.pictures import number, of_class, parsed

MONDAY = date(2025, 11, 24)
KINDS = ("critical", "high", "medium", "low")

counts = st.one_of(st.just(0), st.integers(0, 20), st.integers(0, 10**6))
tables = st.lists(st.tuples(counts, counts, counts, counts), max_size=54)


def mondays(number: int) -> list[date]:
    return [MONDAY + timedelta(weeks=n) for n in range(number)]


def parts_of(table: list[tuple[int, int, int, int]]) -> list[Part]:
    return [Part(kind, [row[n] for row in table]) for n, kind in enumerate(KINDS)]


@given(tables)
def test_columns_stay_in_the_plot_and_are_as_high_as_their_numbers(
    table: list[tuple[int, int, int, int]],
) -> None:
    root = parsed(columns.draw("c", "Incidents", mondays(len(table)), parts_of(table)))
    drawn = of_class(root, "part")
    values = [value for row in table for value in row if value]
    assert len(drawn) == len(values)
    for each in drawn:
        assert number(each, "x") >= 0
        assert number(each, "x") + number(each, "width") <= 100
        assert number(each, "y") >= columns.TOP - 0.01
        assert number(each, "y") + number(each, "height") <= columns.TOP + columns.HEIGHT + 0.01
    most = int((of_class(root, "up")[-1].text or "").replace(",", ""))
    assert most >= max(map(sum, table), default=0)
    for each, value in zip(drawn, values, strict=True):
        assert number(each, "height") == pytest.approx(columns.HEIGHT * value / most, abs=0.001)


@given(tables)
def test_the_parts_of_a_column_stand_on_each_other(table: list[tuple[int, int, int, int]]) -> None:
    drawn = of_class(
        parsed(columns.draw("c", "Incidents", mondays(len(table)), parts_of(table))), "part"
    )
    by_place: dict[str, float] = {}
    for each in drawn:
        bottom = by_place.get(each.get("x", ""), columns.TOP + columns.HEIGHT)
        assert number(each, "y") + number(each, "height") == pytest.approx(bottom, abs=0.01)
        by_place[each.get("x", "")] = number(each, "y")


@given(
    st.integers(1, 54),
    st.sampled_from([(600, weeks.WIDE), (325, weeks.HALF), (210, None)]),
    st.sampled_from([weeks.WIDE, weeks.HALF]),
)
def test_labels_do_not_overlap(
    number_of_weeks: int, screen: tuple[int, int | None], most_labels: int
) -> None:
    """Each takes up to 46 pixels, whatever the screen: a phone leaves some out."""
    width, most = screen
    is_narrow = most is None
    axis = weeks.WeekAxis(mondays(number_of_weeks), most_labels=most or most_labels)
    places = [
        axis.centre(n) / 100 * width for n, is_wide in axis.labels() if not (is_narrow and is_wide)
    ]
    assert places
    assert all(after - before >= 46 for before, after in itertools.pairwise(places))
    years = [axis.centre(n) / 100 * width for n in axis.years()]
    assert all(after - before >= 46 for before, after in itertools.pairwise(years))


def test_a_column_has_its_number_if_there_is_room() -> None:
    few = columns.draw("c", "Incidents", mondays(2), [Part("high", [3, 0])])
    assert [each.text for each in of_class(parsed(few), "number")] == ["3"]
    many = columns.draw("c", "Incidents", mondays(53), [Part("high", [3] * 53)])
    assert of_class(parsed(many), "number") == []


def test_a_plot_is_told_in_words() -> None:
    parts = [Part("critical", [0, 2]), Part("low", [1, 1])]
    root = parsed(columns.draw("c", "Incidents by week", mondays(2), parts))
    assert [root[0].text, root[1].text] == [
        "Incidents by week",
        "2 weeks, 4 in all. The most in one week: 3, in the week of 1 December 2025.",
    ]
    told = [each[0].text for each in of_class(root, "spot")]
    assert told == [
        "Week of 24 Nov 2025: 1 (1 low)",
        "Week of 1 Dec 2025: 3 (2 critical, 1 low)",
    ]
