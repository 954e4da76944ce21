"""How components are: by hand, and against a brute-force oracle (contract §7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from incident_service.status.levels import (
    LEVELS,
    Impairment,
    Level,
    Status,
    last_days,
    level_of,
    operational_status,
    uptime,
    worst,
    worst_by_day,
)

DEGRADED, PARTIAL, MAJOR = LEVELS[1:]
TICK = timedelta(microseconds=1)
STEP = timedelta(hours=6)
DAYS = [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


def at(day: int, clock: str = "00:00") -> datetime:
    """Return an instant of the `DAYS`; day 3 is the one after."""
    return datetime.combine(DAYS[0], time.fromisoformat(clock), UTC) + day * timedelta(days=1)


@pytest.mark.parametrize(
    ("severities", "level"),
    [
        ([], "operational"),
        (["low"], "degraded"),
        (["medium"], "degraded"),
        (["high"], "partial_outage"),
        (["critical"], "major_outage"),
        (["low", "high", "medium"], "partial_outage"),
        (["critical", "low"], "major_outage"),
    ],
)
def test_the_worst_open_incident_tells(severities: list[str], level: Level) -> None:
    assert operational_status(severities, in_maintenance=False) == level
    under = "maintenance" if level == "operational" else level
    assert operational_status(severities, in_maintenance=True) == under
    assert worst([level_of(severity) for severity in reversed(severities)]) == level


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ([], "operational"),
        (["operational"], "operational"),
        (["maintenance"], "maintenance"),
        (["maintenance", "operational"], "maintenance"),
        (["degraded", "maintenance"], "degraded"),
        (["partial_outage", "degraded"], "partial_outage"),
        (["operational", "major_outage", "maintenance"], "major_outage"),
    ],
)
def test_maintenance_counts_above_operational_and_below_degraded(
    statuses: list[Status], status: Status
) -> None:
    assert worst(statuses) == status


@pytest.mark.parametrize(
    "now",
    [
        at(2),
        at(2, "23:59") + timedelta(seconds=59.999999),
        at(2, "12:00").astimezone(timezone(timedelta(hours=14))),
        at(2, "12:00").astimezone(timezone(timedelta(hours=-12))),
    ],
)
def test_the_last_days_are_those_of_utc(now: datetime) -> None:
    assert last_days(3, now) == DAYS
    assert last_days(1, now) == DAYS[2:]


NOW = at(2, "12:00")


@pytest.mark.parametrize(
    ("begins", "ends", "impaired"),
    [
        (at(0, "09:00"), at(0, "10:00"), [0]),
        (at(0, "09:00"), at(1), [0]),  # over at midnight: nothing of the next day
        (at(0, "09:00"), at(1) + TICK, [0, 1]),
        (at(1) - TICK, at(1), [0]),
        (at(1), at(2), [1]),
        (at(1), at(1) + TICK, [1]),
        (at(0), at(2, "01:00"), [0, 1, 2]),
        (at(1), at(1), [1]),  # over at once
        (at(1, "09:00"), at(1, "09:00"), [1]),
        (at(1, "09:00"), at(0, "09:00"), [1]),  # the clock was set back
        (at(1, "09:00"), at(1), [1]),
        (at(1, "23:00"), None, [1, 2]),  # open
        (NOW, None, [2]),
        (at(-9), at(-1, "23:59"), []),
        (at(-9), at(0), []),
        (at(-9), at(0) + TICK, [0]),
        (at(-9), None, [0, 1, 2]),
        (at(3), None, []),  # the clock was set back since
        (at(3), at(4), []),
    ],
)
def test_the_days_of_an_incident(
    begins: datetime, ends: datetime | None, impaired: list[int]
) -> None:
    found = worst_by_day([Impairment(MAJOR, begins, ends)], DAYS, NOW)
    assert found == [MAJOR if n in impaired else "operational" for n in range(3)]


def test_an_incident_that_is_open_at_midnight_is_one_of_today() -> None:
    impairment = Impairment(MAJOR, at(1, "09:00"), None)
    assert worst_by_day([impairment], DAYS, at(2)) == ["operational", MAJOR, MAJOR]


def level_at(impairments: list[Impairment], instant: datetime) -> Level:
    """Return the worst of what is there at an instant; what was over at once is, at its own."""
    return worst(
        i.level
        for i in impairments
        if i.begins <= instant and (i.ends is None or instant < max(i.ends, i.begins + TICK))
    )


@st.composite
def impairments(draw: st.DrawFn) -> tuple[list[Impairment], datetime]:
    """Draw impairments that begin and end next to quarters of a day, and a now after them."""
    quarter = st.builds(
        lambda n, ticks: at(0) + n * STEP + ticks * TICK,
        st.integers(-6, 11),
        st.sampled_from((0, -1, 1)),
    )
    spans = draw(
        st.lists(st.tuples(st.sampled_from(LEVELS[1:]), quarter, quarter | st.none()), max_size=4)
    )
    now = max([at(2), *(instant for _, *ends in spans for instant in ends if instant)])
    now += draw(st.sampled_from((timedelta(0), TICK, STEP)))
    made = [
        Impairment(level, *sorted((one, other)) if other else (one, None))
        for level, one, other in spans
    ]
    return made, min(now, at(3) - TICK)


@given(impairments())
@example(([Impairment(PARTIAL, at(0), at(1)), Impairment(DEGRADED, at(1) - TICK, None)], at(2)))
def test_each_day_has_the_worst_level_of_its_instants(
    drawn: tuple[list[Impairment], datetime],
) -> None:
    given_impairments, now = drawn
    sampled = [at(0) + n * STEP + ticks * TICK for n in range(13) for ticks in (-1, 0, 1)]
    expected = [
        worst(level_at(given_impairments, t) for t in sampled if t.date() == day and t <= now)
        for day in DAYS
    ]
    assert worst_by_day(given_impairments, DAYS, now) == expected
    assert worst_by_day(given_impairments[::-1], DAYS, now) == expected


@pytest.mark.parametrize(
    ("spans", "up"),
    [
        ([], 100),
        ([(MAJOR, at(-1), at(0))], 100),  # over before
        ([(MAJOR, at(2), None)], 100),  # begins after
        ([(DEGRADED, at(0), None)], 100),
        ([(MAJOR, at(0), at(1))], 50),
        ([(PARTIAL, at(-5), at(1))], 50),
        ([(MAJOR, at(-5), None)], 0),
        ([(MAJOR, at(0), at(9))], 0),
        ([(MAJOR, at(0), at(1)), (PARTIAL, at(0, "12:00"), at(1, "12:00"))], 25),
        ([(MAJOR, at(0), at(1)), (PARTIAL, at(0, "06:00"), at(0, "12:00"))], 50),
        ([(DEGRADED, at(0), at(2)), (PARTIAL, at(0), at(0, "12:00"))], 75),
        ([(MAJOR, at(0), at(0) + TICK)], 99.99),  # never 100 if it was down at all
        ([(MAJOR, at(0), at(2) - TICK)], 0),
        ([(MAJOR, at(0, "12:00"), at(0, "12:00"))], 100),
        ([(MAJOR, at(0, "12:00"), at(0, "11:00"))], 100),  # the clock was set back
    ],
)
def test_the_uptime_of_two_days(
    spans: list[tuple[Level, datetime, datetime | None]], up: float
) -> None:
    assert uptime([Impairment(*span) for span in spans], at(0), at(2)) == up


def test_the_uptime_of_no_time() -> None:
    assert uptime([Impairment(MAJOR, at(-1), None)], at(0), at(0)) == 100
    assert uptime([Impairment(MAJOR, at(-1), None)], at(1), at(0)) == 100


@given(impairments(), st.integers(-4, 12), st.integers(1, 12))
def test_what_is_up_is_what_is_not_down(
    drawn: tuple[list[Impairment], datetime], first: int, quarters: int
) -> None:
    found, _ = drawn
    # To whole quarters of a day, so that each is either up or down.
    whole = [
        Impairment(i.level, _quarter(i.begins), None if i.ends is None else _quarter(i.ends))
        for i in found
    ]
    since = at(0) + first * STEP
    up = 0
    for n in range(quarters):
        t = since + n * STEP
        held = [i.level for i in whole if i.begins <= t and (i.ends is None or t < i.ends)]
        up += not {*held} & {PARTIAL, MAJOR}
    expected = 10_000 * up // quarters / 100
    assert uptime(whole, since, since + quarters * STEP) == expected
    assert uptime(whole[::-1] * 2, since, since + quarters * STEP) == expected


def _quarter(instant: datetime) -> datetime:
    return at(0) + (instant - at(0) + STEP / 2) // STEP * STEP
