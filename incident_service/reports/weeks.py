"""ISO weeks in a time zone: pure functions of dates and instants."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from incident_service.reports.window import Window

_DAY = 24 * 60 * 60


def mondays(window: Window, zone: ZoneInfo) -> Iterator[date]:
    """Yield the first day of each week that the window touches."""
    first, last = (
        at.astimezone(zone).date() for at in (window.start, window.end - timedelta(milliseconds=1))
    )
    monday = first - timedelta(days=first.weekday())
    while monday <= last:
        yield monday
        monday += timedelta(days=7)


def name(monday: date) -> str:
    """Return the name of the week that begins then: `2026-W48`."""
    year, week, _ = monday.isocalendar()
    return f"{year:04}-W{week:02}"


def begins_at(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant at which it is the day, or later if the zone leaves the day out."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)

    def date_after(seconds: int) -> date:
        return (midnight + timedelta(seconds=seconds)).astimezone(zone).date()

    # A midnight that clocks leave out, or pass twice, needs no rule of its own this way.
    return midnight + timedelta(seconds=bisect_left(range(-_DAY, _DAY), day, key=date_after) - _DAY)
