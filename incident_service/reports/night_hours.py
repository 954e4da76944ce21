"""How much of a time is night or weekend by the clocks of a zone: pure (contract §12).

It goes by what the clock on the wall shows at each instant, so a night in which clocks change has
an hour more or less. Instants are whole milliseconds since 1970 in UTC.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NIGHT_BEGINS = 22
NIGHT_ENDS = 7
"""Hours of the day on the wall clock: 22:00 is night, 7:00 is not."""

_EPOCH = datetime.fromtimestamp(0, UTC)
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = 1000
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
_STEP = 6 * _HOUR
"""No clocks are changed and changed back within it."""


def milliseconds(instant: datetime) -> int:
    """Return the instant as this module counts it, cut to milliseconds."""
    return (instant - _EPOCH) // _MILLISECOND


def is_night(hour: int) -> bool:
    """Whether an hour of the day, 0 to 23, is of the night."""
    return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS


class NightHours:
    """The nights and weekends of a zone over a window, counted once and looked up often."""

    def __init__(self, zone: ZoneInfo, start: int, end: int) -> None:
        """`start`, `end`: of the window, which must have a date in the zone throughout."""
        self._starts: list[int] = []
        self._nights: list[int] = []
        """For each stretch the night until it begins, and then whether it is night itself."""
        self._weekends: list[int] = []
        self._is_night: list[bool] = []
        self._is_weekend: list[bool] = []
        night = weekend = 0
        for since, until, hour, weekday in _stretches(zone, start, end):
            self._starts.append(since)
            self._nights.append(night)
            self._weekends.append(weekend)
            self._is_night.append(is_night(hour))
            self._is_weekend.append(weekday >= 6)
            night += (until - since) * self._is_night[-1]
            weekend += (until - since) * self._is_weekend[-1]

    def between(self, start: int, end: int) -> tuple[int, int]:
        """Return the milliseconds of night and of weekend in a part of the window."""
        first_night, first_weekend = self._until(start)
        last_night, last_weekend = self._until(end)
        return last_night - first_night, last_weekend - first_weekend

    def _until(self, at: int) -> tuple[int, int]:
        index = bisect_right(self._starts, at) - 1
        past = at - self._starts[index]
        return (
            self._nights[index] + past * self._is_night[index],
            self._weekends[index] + past * self._is_weekend[index],
        )


class WallClock:
    """What the clock on the wall shows in a zone at many instants of a window."""

    def __init__(self, zone: ZoneInfo, start: int, end: int) -> None:
        """`start`, `end`: as `NightHours` takes them."""
        self._zone = zone
        self._known: dict[str, int] = {}
        is_hourly = all(
            since % _HOUR == 0 and offset % _HOUR == 0
            for since, _, offset in _offsets(zone, start - start % _HOUR, end)
        )
        self._told_by = len("2025-04-07T08" if is_hourly else "2025-04-07T08:23")
        """How many characters of an instant tell the hour."""

    def hour_of_week(self, instant: str) -> int:
        """Return the hour, 0 for the first of Monday, at an instant as the service spells it."""
        key = instant[: self._told_by]
        hour = self._known.get(key)
        if hour is None:
            local = datetime.fromisoformat(instant).astimezone(self._zone)
            hour = self._known[key] = local.weekday() * 24 + local.hour
        return hour


def _stretches(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the times within which neither night nor weekend begins or ends, in order.

    Each is its start and end, and the hour and the ISO weekday that the clock shows at its start.
    """
    for since, until, offset in _offsets(zone, start, end):
        at = since
        while at < until:
            days, time_of_day = divmod(at + offset, _DAY)
            hour = time_of_day // _HOUR
            next_hour = next(h for h in (NIGHT_ENDS, NIGHT_BEGINS, 24) if h > hour)
            then = min(until, at - time_of_day + next_hour * _HOUR)
            yield at, then, hour, (days + 3) % 7 + 1  # 1970 began on a Thursday
            at = then


def _offsets(zone: ZoneInfo, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the times for which the clock is as far from UTC, in order, and how far it is."""
    since, offset = start, _offset(zone, start)
    looked_at = start
    while looked_at < end:
        low, high = looked_at, min(looked_at + _STEP, end)
        if _offset(zone, high) == offset:
            looked_at = high
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _offset(zone, middle) == offset else (low, middle)
        yield since, high, offset
        since = looked_at = high
        offset = _offset(zone, high)
    if since < end:
        yield since, end, offset


def _offset(zone: ZoneInfo, at: int) -> int:
    """Return how far the clock is ahead of UTC."""
    local = (_EPOCH + at * _MILLISECOND).astimezone(zone)
    return (local.utcoffset() or timedelta()) // _MILLISECOND
