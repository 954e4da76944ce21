"""Night and weekend by the wall clock, also where clocks change in the night (contract §12)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.reports.night_hours import NightHours, milliseconds

MINUTE = timedelta(minutes=1)

CHANGES = {
    "Europe/Berlin": "2026-03-29T01:00",
    "America/New_York": "2026-11-01T06:00",
    "America/Nuuk": "2024-03-31T01:00",  # at 23:00, to midnight
    "Asia/Beirut": "2026-03-28T22:00",  # at midnight, to 1:00
    "America/Havana": "2026-11-01T05:00",  # at 1:00, to midnight
    "Australia/Lord_Howe": "2026-04-04T15:00",  # by half an hour
    "Antarctica/Troll": "2026-03-29T01:00",  # by two hours
    "Pacific/Apia": "2011-12-30T10:00",  # a whole Friday is left out
    "America/Caracas": "2016-05-01T07:00",  # for good, by half an hour
    "Asia/Kathmandu": "2026-01-01T00:00",  # never
}


def counted(zone: ZoneInfo, start: datetime, end: datetime) -> tuple[int, int]:
    """Return the minutes of night and of weekend, looking at the clock each minute."""
    night = weekend = 0
    while start < end:
        shown = start.astimezone(zone)
        night += shown.hour >= 22 or shown.hour < 7
        weekend += shown.strftime("%A") in ("Saturday", "Sunday")
        start += MINUTE
    return night, weekend


@pytest.mark.parametrize("name", CHANGES)
@given(data=st.data())
def test_it_is_what_a_clock_on_the_wall_shows_minute_by_minute(
    name: str, data: st.DataObject
) -> None:
    zone = ZoneInfo(name)
    changes_at = datetime.fromisoformat(f"{CHANGES[name]}+00:00")
    start = changes_at + data.draw(st.integers(-4000, 100)) * MINUTE
    end = start + data.draw(st.integers(1, 6000)) * MINUTE
    nights = NightHours(zone, milliseconds(start), milliseconds(end))
    length = (end - start) // MINUTE
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, length)] * 2)))
    since, until = start + first * MINUTE, start + last * MINUTE
    found = nights.between(milliseconds(since), milliseconds(until))
    assert [part / 60_000 for part in found] == [*counted(zone, since, until)]


@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("Europe/Berlin", "2026-03-28T21:00", 8),
        ("Europe/Berlin", "2026-03-30T20:00", 9),
        ("Europe/Berlin", "2026-10-24T20:00", 10),
        ("America/Nuuk", "2024-03-30T23:00", 8),
        ("Asia/Beirut", "2026-03-28T20:00", 8),
    ],
)
def test_a_night_has_eight_nine_or_ten_hours(zone: str, evening: str, hours: int) -> None:
    begins = datetime.fromisoformat(f"{evening}+00:00")
    noon = begins + timedelta(hours=14)
    nights = NightHours(ZoneInfo(zone), milliseconds(begins), milliseconds(noon))
    night, _ = nights.between(milliseconds(begins), milliseconds(noon))
    assert night == hours * 3_600_000


def test_parts_add_up_to_the_millisecond() -> None:
    start = milliseconds(datetime(2026, 3, 1, tzinfo=UTC))
    end = start + 40 * 86_400_000
    nights = NightHours(ZoneInfo("Europe/Berlin"), start, end)
    cuts = [start, start + 1, start + 79_200_001, start + 30 * 86_400_000 + 7, end]
    parts = [nights.between(*pair) for pair in pairwise(cuts)]
    assert tuple(map(sum, zip(*parts, strict=True))) == nights.between(start, end)
