"""Lines by week: gaps stay gaps, and nothing leaves the plot."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from incident_service.web.plots import lines
from tests.helpers.pictures import of_class, parsed

SECONDS = st.one_of(
    st.just(0.0), st.floats(min_value=0, max_value=1e4), st.floats(min_value=0, max_value=3e7)
)
WEEKS = st.lists(st.none() | st.tuples(SECONDS, SECONDS).map(sorted), max_size=54)


def mondays(number: int) -> list[date]:
    return [date(2025, 11, 24) + timedelta(weeks=n) for n in range(number)]


def drawn(weeks: list[list[float] | None]) -> Markup:
    median = [None if week is None else week[0] for week in weeks]
    p90 = [None if week is None else week[1] for week in weeks]
    return lines.draw("l", "Time to acknowledge", mondays(len(weeks)), median, p90)


@given(WEEKS)
def test_a_line_is_in_the_plot_and_has_every_week_with_a_value_once(
    weeks: list[list[float] | None],
) -> None:
    root = parsed(drawn(weeks))
    for kind in ("median", "p90"):
        found = [e for e in of_class(root, kind) if "line" in (e.get("class") or "").split()]
        points = [point.split(",") for e in found for point in (e.get("points") or "").split()]
        assert len(points) == sum(week is not None for week in weeks)
        for x, y in points:
            assert 0 <= float(x) <= 100
            assert lines.TOP <= float(y) <= lines.TOP + lines.HEIGHT


@given(WEEKS)
def test_a_week_without_a_value_is_a_gap(weeks: list[list[float] | None]) -> None:
    begins = [
        n for n, week in enumerate(weeks) if week is not None and (n == 0 or weeks[n - 1] is None)
    ]
    assert len(of_class(parsed(drawn(weeks)), "band")) == len(begins)


@given(WEEKS)
def test_a_week_between_gaps_is_a_point(weeks: list[list[float] | None]) -> None:
    around = [None, *weeks, None]
    alone = [
        n
        for n, week in enumerate(weeks)
        if week is not None and around[n] is None and around[n + 2] is None
    ]
    points = of_class(parsed(drawn(weeks)), "point")
    assert len(points) >= 2 * len(alone)


@given(st.lists(SECONDS, min_size=2, max_size=2).map(sorted))
def test_longer_is_higher(seconds: list[float]) -> None:
    root = parsed(drawn([seconds]))
    p90, median = (float(e.get("cy", "nan")) for e in of_class(root, "point"))
    assert p90 <= median


def test_a_plot_is_told_in_words() -> None:
    root = parsed(drawn([[60.0, 300.0], None, [90.0, 7200.0]]))
    told = (root[1].text or "").replace("\N{NO-BREAK SPACE}", " ")
    assert told == (
        "Week of 24 Nov 2025: median 1 min, 90th percentile 5 min. "
        "Week of 8 Dec 2025: median 1 min 30 s, 90th percentile 2 h. The scale is logarithmic."
    )
