"""The days of a calendar in the viewer's time zone: pure functions.

A day is as wide as any other, whether it has 23, 24 or 25 hours, so that the days of several weeks
stand above each other. Within a day, time passes evenly.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incident_service.oncall.rotation import instant_of

SHOWN = 28
"""How many days the calendar shows."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the viewer's calendar; it may begin later than at midnight."""

    date: date
    starts_at: datetime
    ends_at: datetime
    is_today: bool

    @property
    def is_weekend(self) -> bool:
        """Whether it is a Saturday or a Sunday."""
        return self.date.weekday() >= 5


@dataclass(frozen=True, slots=True)
class Window:
    """Some days in a row; `starts_at <= t < ends_at`."""

    zone: ZoneInfo
    now: datetime
    days: tuple[Day, ...]

    @classmethod
    def of(cls, first: date, number: int, zone: ZoneInfo, now: datetime) -> Window:
        """Return the window of so many days. A day that the zone leaves out is not among them."""
        dates = [first + timedelta(days=n) for n in range(number + 1)]
        begins = [instant_of(datetime.combine(each, time()), zone) for each in dates]
        return cls(
            zone,
            now,
            tuple(
                Day(each, starts_at, ends_at, starts_at <= now < ends_at)
                for each, starts_at, ends_at in zip(dates, begins, begins[1:], strict=False)
                if starts_at < ends_at
            ),
        )

    @property
    def starts_at(self) -> datetime:
        """When the first day begins."""
        return self.days[0].starts_at

    @property
    def ends_at(self) -> datetime:
        """When the last day ends."""
        return self.days[-1].ends_at

    @property
    def has_now(self) -> bool:
        """Whether the window has the instant at which it is looked at."""
        return self.starts_at <= self.now < self.ends_at

    def day_of(self, at: datetime) -> Day:
        """Return the day that an instant of the window is on."""
        return self.days[self._index_of(at)]

    def place(self, at: datetime) -> float:
        """Return where an instant of the window, or its end, is in percent of its width."""
        index = self._index_of(at)
        day = self.days[index]
        within = (at - day.starts_at) / (day.ends_at - day.starts_at)
        return round(100 * (index + within) / len(self.days), 3)

    def _index_of(self, at: datetime) -> int:
        return max(0, bisect_right(self.days, at, key=lambda day: day.starts_at) - 1)

    @property
    def title(self) -> str:
        """The first and the last day."""
        first, last = self.days[0].date, self.days[-1].date
        return f"{first.day} {first:%B} to {last.day} {last:%B %Y}"

    def weeks(self) -> list[Window]:
        """Return the window in parts of seven days."""
        return [
            Window(self.zone, self.now, self.days[n : n + 7]) for n in range(0, len(self.days), 7)
        ]


def monday(now: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the viewer's week."""
    today = now.astimezone(zone).date()
    return today - timedelta(days=today.weekday())
