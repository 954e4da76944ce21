"""The times that people look back on, as links: pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from incident_service.reports.window import Window

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """A time with a name. Both days are in it; without them it is what a report shows by itself."""

    name: str
    first: date | None = None
    last: date | None = None

    @property
    def query(self) -> dict[str, str | None]:
        """The parameters of the address; `None` takes one out."""
        return {"from": _text(self.first), "to": _text(self.last)}


def periods(today: date) -> list[Period]:
    """Return the times that a page offers. `today`: the date in UTC, as days of reports are."""
    month = today.replace(day=1)
    last_month = (month - _DAY).replace(day=1)
    last_year = today.year - 1
    return [
        Period("Last 4 weeks"),
        Period("This month", month),
        Period("Last month", last_month, month - _DAY),
        Period("Last 3 months", today - timedelta(days=91)),
        Period("This year", today.replace(month=1, day=1)),
        Period("Last 12 months", today - timedelta(days=365)),
        Period(f"{last_year}", date(last_year, 1, 1), date(last_year, 12, 31)),
    ]


def in_words(window: Window) -> str:
    """Return the first and the last day of a window: `2–30 November 2026`, in UTC."""
    first = window.start.astimezone(UTC).date()
    last = (window.end - timedelta(milliseconds=1)).astimezone(UTC).date()
    end = f"{last.day} {last:%B} {last.year}"
    if first == last:
        return end
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    year = f" {first.year}" if first.year != last.year else ""
    return f"{first.day} {first:%B}{year} – {end}"


def today(now: datetime) -> date:
    """Return the date in UTC."""
    return now.astimezone(UTC).date()


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
