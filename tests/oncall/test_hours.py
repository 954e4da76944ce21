"""Working hours: by hand over clock changes, and against a brute-force oracle (contract §5)."""

from __future__ import annotations

import functools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.oncall.hours import Window, applies, is_within

CHICAGO, LORD_HOWE, APIA = "America/Chicago", "Australia/Lord_Howe", "Pacific/Apia"
KWAJALEIN = "Pacific/Kwajalein"
ZONES = ("UTC", CHICAGO, LORD_HOWE, APIA, KWAJALEIN, "Pacific/Kiritimati", "Asia/Kathmandu",
         "America/Sao_Paulo", "Africa/Casablanca")  # fmt: skip

MON, TUE, WED, THU, FRI, SAT, SUN = range(1, 8)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def window(days: int | list[int], start: str, end: str) -> Window:
    days = [days] if isinstance(days, int) else days
    return Window.from_json({"days": days, "start": start, "end": end})


@pytest.mark.parametrize(
    ("zone", "covering", "first", "end"),
    [
        # A plain day: Monday 6 May 2024, in Chicago five hours behind UTC.
        ("UTC", window(MON, "09:00", "17:00"), "2024-05-06T09:00", "2024-05-06T17:00"),
        (CHICAGO, window(MON, "09:00", "17:00"), "2024-05-06T14:00", "2024-05-06T22:00"),
        # Past midnight, also from Sunday to Monday; up to midnight; a whole day.
        ("UTC", window(FRI, "22:00", "06:00"), "2024-05-10T22:00", "2024-05-11T06:00"),
        ("UTC", window(SUN, "22:00", "06:00"), "2024-05-12T22:00", "2024-05-13T06:00"),
        ("UTC", window(MON, "09:00", "00:00"), "2024-05-06T09:00", "2024-05-07T00:00"),
        ("UTC", window(MON, "09:00", "09:00"), "2024-05-06T09:00", "2024-05-07T09:00"),
        ("UTC", window(MON, "00:00", "00:00"), "2024-05-06T00:00", "2024-05-07T00:00"),
        # It begins in UTC on the day before its own, or ends on the second after it.
        (LORD_HOWE, window(MON, "09:00", "17:00"), "2024-05-05T22:30", "2024-05-06T06:30"),
        (CHICAGO, window(FRI, "22:00", "20:00"), "2024-05-11T03:00", "2024-05-12T01:00"),
        # Sunday 10 March 2024: Chicago has no 02:00 to 03:00; that is at 08:00Z.
        (CHICAGO, window(SUN, "02:30", "04:00"), "2024-03-10T08:00", "2024-03-10T09:00"),
        (CHICAGO, window(SUN, "01:00", "02:30"), "2024-03-10T07:00", "2024-03-10T08:00"),
        (CHICAGO, window(SAT, "22:00", "02:30"), "2024-03-10T04:00", "2024-03-10T08:00"),
        # Sunday 3 November 2024: 01:00 to 02:00 happens twice; the first time counts.
        (CHICAGO, window(SUN, "01:30", "02:30"), "2024-11-03T06:30", "2024-11-03T08:30"),
        (CHICAGO, window(SUN, "00:30", "01:30"), "2024-11-03T05:30", "2024-11-03T06:30"),
        # Lord Howe: on Sunday 6 October 2024, 02:00 becomes 02:30 ...
        (LORD_HOWE, window(SUN, "02:15", "03:00"), "2024-10-05T15:30", "2024-10-05T16:00"),
        # ... and on Sunday 7 April 2024, 02:00 becomes 01:30.
        (LORD_HOWE, window(SUN, "01:45", "02:00"), "2024-04-06T14:45", "2024-04-06T15:30"),
        # Apia had no Friday 30 December 2011: its hours are at the first instant of the 31st.
        (APIA, window(FRI, "22:00", "06:00"), "2011-12-30T10:00", "2011-12-30T16:00"),
        (APIA, window(THU, "22:00", "06:00"), "2011-12-30T08:00", "2011-12-30T10:00"),
        (APIA, window(THU, "09:00", "09:00"), "2011-12-29T19:00", "2011-12-30T10:00"),
        (APIA, window(SAT, "00:00", "00:00"), "2011-12-30T10:00", "2011-12-31T10:00"),
        # Kwajalein had most of Tuesday 30 September 1969 twice: 1 October came after the second.
        (KWAJALEIN, window(TUE, "22:00", "06:00"), "1969-09-30T11:00", "1969-10-01T18:00"),
    ],
)  # fmt: skip
def test_by_hand(zone: str, covering: Window, first: str, end: str) -> None:
    def covers(at: datetime) -> bool:
        return is_within(ZoneInfo(zone), [covering], at)

    instant = timedelta(microseconds=1)
    assert not covers(utc(first) - instant)
    assert covers(utc(first))
    assert covers(utc(end) - instant)
    assert not covers(utc(end))


@pytest.mark.parametrize(
    ("zone", "empty", "day"),
    [
        (CHICAGO, window(SUN, "02:10", "02:50"), "2024-03-10"),
        (APIA, window(FRI, "09:00", "17:00"), "2011-12-30"),
    ],
)
def test_a_window_within_a_gap_covers_nothing(zone: str, empty: Window, day: str) -> None:
    for minutes in range(-24 * 60, 48 * 60):
        assert not is_within(ZoneInfo(zone), [empty], utc(day) + timedelta(minutes=minutes))


def test_any_of_the_windows_will_do() -> None:
    windows = [window([MON, TUE], "09:00", "12:00"), window(TUE, "13:00", "17:00")]

    def covers(at: str) -> bool:
        return is_within(ZoneInfo("UTC"), windows, utc(at))

    assert [covers(f"2024-05-06T{hour}:00") for hour in (10, 12, 14)] == [True, False, False]
    assert [covers(f"2024-05-07T{hour}:00") for hour in (10, 12, 14)] == [True, False, True]
    assert not is_within(ZoneInfo("UTC"), [], utc("2024-05-06T10:00"))


@pytest.mark.parametrize("zone", ZONES)
def test_the_ends_of_the_calendar(zone: str) -> None:
    always = window(list(range(1, 8)), "00:00", "00:00")
    for at in ("0001-01-02T00:00", "9999-12-31T00:00", "9999-12-31T23:59:59"):
        assert is_within(ZoneInfo(zone), [always], utc(at))
    for at in ("0001-01-01T00:00", "9999-12-31T23:59:59.999999"):
        for day in range(1, 8):
            is_within(ZoneInfo(zone), [window(day, "23:59", "00:01")], utc(at))


def test_a_condition_holds_during_or_outside() -> None:
    assert [applies("during", within) for within in (True, False)] == [True, False]
    assert [applies("outside", within) for within in (True, False)] == [False, True]


@functools.cache
def first_instant_that_shows(wall: datetime, zone: ZoneInfo) -> datetime:
    """The oracle for wall-clock times: walk real time by the minute."""
    instant = wall.replace(tzinfo=UTC) - timedelta(hours=27)
    while instant.astimezone(zone).replace(tzinfo=None) < wall:
        instant += timedelta(minutes=1)
    return instant


def is_within_by_walking(zone: ZoneInfo, windows: list[Window], at: datetime) -> bool:
    """The oracle: every window of every local date of nine."""
    for n in range(-4, 5):
        day = (at + timedelta(days=n)).date()
        for each in windows:
            if day.isoweekday() not in each.days:
                continue
            start = datetime.combine(day, each.start)
            end = datetime.combine(day, each.end)
            if end <= start:
                end += timedelta(days=1)
            if first_instant_that_shows(start, zone) <= at < first_instant_that_shows(end, zone):
                return True
    return False


CLOCK_CHANGES = (
    date(2011, 12, 30), date(2024, 3, 10), date(2024, 11, 3), date(2024, 10, 6), date(2024, 4, 7),
    date(2018, 2, 18), date(2018, 11, 4), date(1969, 9, 30), date(1993, 8, 21), date(1995, 1, 1),
    date(1994, 12, 31), date(2024, 2, 29),
)  # fmt: skip

TIMES = st.builds(time, st.integers(0, 23), st.sampled_from((0, 15, 30, 59)))
WINDOWS = st.builds(Window, st.frozensets(st.integers(1, 7), min_size=1), TIMES, TIMES)


@given(
    st.sampled_from(ZONES),
    st.lists(WINDOWS, min_size=1, max_size=3),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(-2 * 1440, 3 * 1440),
)
def test_against_a_walk_through_time(
    name: str, windows: list[Window], near: date, minutes: int
) -> None:
    zone = ZoneInfo(name)
    at = datetime.combine(near, time(), UTC) + timedelta(minutes=minutes)
    assert is_within(zone, windows, at) == is_within_by_walking(zone, windows, at)
