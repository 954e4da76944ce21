"""The round values of a grid: properties of every scale."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.web.plots import durations, scales

SECONDS = st.floats(min_value=0, max_value=3e9)


@given(st.integers(min_value=0, max_value=10**9) | st.floats(min_value=0, max_value=1e9))
def test_ticks_are_round_and_increase_in_equal_steps_up_to_the_highest(highest: float) -> None:
    ticks = scales.nice_ticks(highest)
    steps = {after - before for before, after in itertools.pairwise(ticks)}
    assert ticks[0] == 0
    assert ticks[-1] >= highest
    assert ticks[-2] < max(highest, 1)
    assert 2 <= len(ticks) <= scales.MAX_TICKS + 1
    assert len(steps) == 1
    assert str(steps.pop()).rstrip("0") in ("1", "2", "5")


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (7, [0, 2, 4, 6, 8]),
        (42, [0, 10, 20, 30, 40, 50]),
        (1000, [0, 200, 400, 600, 800, 1000]),
    ],
)
def test_ticks(highest: int, ticks: list[int]) -> None:
    assert scales.nice_ticks(highest) == ticks


@given(st.lists(SECONDS))
def test_a_scale_of_durations_holds_all_of_them_in_order(seconds: list[float]) -> None:
    scale = scales.duration_scale(seconds)
    assert 2 <= len(scale.ticks) <= scales.MAX_TICKS + 1
    assert all(before < after for before, after in itertools.pairwise(scale.ticks))
    assert {*scale.ticks[:-1]} <= {*durations.ROUND}
    assert scale.ticks[-1] >= max(seconds, default=0)
    shares = [scale.share(each) for each in sorted(seconds)]
    assert shares == sorted(shares)
    assert all(0 <= share <= 1 for share in shares)


@given(SECONDS)
def test_the_ticks_of_a_scale_are_told_apart(seconds: float) -> None:
    told = [durations.in_words(tick) for tick in scales.duration_scale([1, seconds]).ticks]
    assert len({*told}) == len(told)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (200, "3 min 20 s"),
        (3599.7, "1 h"),
        (7500, "2 h 5 min"),
        (86_399, "1 d"),
        (273_600, "3 d 4 h"),
    ],
)
def test_durations_are_told_in_words(seconds: float, told: str) -> None:
    assert durations.in_words(seconds).replace("\N{NO-BREAK SPACE}", " ") == told
