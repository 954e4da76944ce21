"""How components are, as incidents tell it: pure functions (contract §7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, get_args

Level = Literal["operational", "degraded", "partial_outage", "major_outage"]
"""What incidents can make of a component, the best first."""

Status = Literal["operational", "maintenance", "degraded", "partial_outage", "major_outage"]
"""What a status page can show of a component; maintenance is only ever set by hand."""

LEVELS: tuple[Level, ...] = get_args(Level)
_LEVEL_OF: dict[str, Level] = {
    "critical": "major_outage",
    "high": "partial_outage",
    "medium": "degraded",
    "low": "degraded",
}

STATUSES: tuple[Status, ...] = get_args(Status)


def level_of(severity: str) -> Level:
    """Return what an open incident of this severity makes of its components."""
    return _LEVEL_OF[severity]


def worst(levels: Iterable[Level]) -> Level:
    """Return the worst of the levels; `operational` where there is none."""
    return max(levels, key=LEVELS.index, default="operational")


def operational_status(severities: Collection[str]) -> Level:
    """Return a component's status, given the severities of its open incidents."""
    return worst(map(level_of, severities))


def banner(statuses: Iterable[Status]) -> Level:
    """Return the status of a page as a whole; maintenance never raises it."""
    return worst(status for status in statuses if status != "maintenance")


@dataclass(frozen=True, slots=True)
class Impairment:
    """A span of time, `begins <= t < ends`, in which an incident kept a component at a level.

    `ends` is `None` while the incident is open.
    """

    level: Level
    begins: datetime
    ends: datetime | None


def last_days(count: int, now: datetime) -> list[date]:
    """Return the last days in UTC, today included, oldest first."""
    today = now.astimezone(UTC).date()
    return [today - n * timedelta(days=1) for n in reversed(range(count))]


def worst_by_day(impairments: Iterable[Impairment], days: list[date], now: datetime) -> list[Level]:
    """Return the worst level of each of the days, which follow one another, up to `now`."""
    found: list[Level] = ["operational"] * len(days)
    for impairment in impairments:
        # The last instant at which it held.
        until = now if impairment.ends is None else impairment.ends - timedelta(microseconds=1)
        first = (impairment.begins.astimezone(UTC).date() - days[0]).days
        last = (max(until, impairment.begins).astimezone(UTC).date() - days[0]).days
        for n in range(max(first, 0), min(last + 1, len(days))):
            found[n] = worst((found[n], impairment.level))
    return found
