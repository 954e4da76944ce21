"""Is an instant within working hours? Pure functions (contract §5).

Instants are aware datetimes in UTC. Local dates and wall-clock times are those of the working
hours' IANA time zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, get_args
from zoneinfo import ZoneInfo

from incident_service.clock import FIRST, LAST
from incident_service.oncall.rotation import instant_of

When = Literal["during", "outside"]

WHENS: tuple[When, ...] = get_args(When)


@dataclass(frozen=True, slots=True)
class Window:
    """A time of some days of the week: `start <= t < end`, on ISO weekdays, 1 to 7.

    An end at or before the start is on the next day.
    """

    days: frozenset[int]
    start: time
    end: time

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Window:
        """Read a window from its stored `{"days": [1], "start": "09:00", "end": "17:00"}`."""
        return cls(
            days=frozenset(stored["days"]),
            start=time.fromisoformat(stored["start"]),
            end=time.fromisoformat(stored["end"]),
        )


def applies(when: When, is_within: bool) -> bool:
    """Whether a condition holds, given whether the instant is within its hours (contract §5)."""
    return is_within == (when == "during")


def is_within(zone: ZoneInfo, windows: Iterable[Window], at: datetime) -> bool:
    """Whether any of the windows covers the instant."""
    return any(_covers(zone, window, at) for window in windows)


def _covers(zone: ZoneInfo, window: Window, at: datetime) -> bool:
    return any(
        _instant(day, window.start, zone) <= at < _end(zone, window, day)
        for day in _days_near(at)
        if day.isoweekday() in window.days
    )


def _days_near(at: datetime) -> Iterator[date]:
    """Yield the local dates whose windows may cover the instant.

    A local date is at most a day from the date in UTC, and a window ends on the local date after
    its own at the latest.
    """
    today = at.toordinal()
    for ordinal in range(max(today - 2, 1), min(today + 1, date.max.toordinal()) + 1):
        yield date.fromordinal(ordinal)


def _end(zone: ZoneInfo, window: Window, day: date) -> datetime:
    if window.end > window.start:
        return _instant(day, window.end, zone)
    if day == date.max:
        return LAST
    return _instant(day + timedelta(days=1), window.end, zone)


def _instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Return when the clock shows the time on that day, or the calendar's end that is nearest."""
    try:
        return instant_of(datetime.combine(day, clock), zone)
    except OverflowError:
        return FIRST if day.year == date.min.year else LAST
