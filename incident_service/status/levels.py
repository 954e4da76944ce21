"""What incidents and maintenance say about components, as pure functions (contract §7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal, TypeVar, get_args

Level = Literal["operational", "degraded", "partial_outage", "major_outage"]
"""How incidents can affect a component, best first."""

Status = Literal["operational", "maintenance", "degraded", "partial_outage", "major_outage"]
"""How a component can be, best first."""

LEVELS: tuple[Level, ...] = get_args(Level)
_LEVEL_OF: dict[str, Level] = {
    "critical": "major_outage",
    "high": "partial_outage",
    "medium": "degraded",
    "low": "degraded",
}

STATUSES: tuple[Status, ...] = get_args(Status)

DOWN: frozenset[Level] = frozenset(("partial_outage", "major_outage"))
"""At these levels, a component does not count as up."""

_S = TypeVar("_S", Level, Status)


def level_of(severity: str) -> Level:
    """Return the level at which an open incident of this severity puts its components."""
    return _LEVEL_OF[severity]


def worst(statuses: Iterable[_S]) -> _S:
    """Return the worst of the levels or statuses; `operational` if there are none."""
    return max(statuses, key=STATUSES.index, default="operational")


def operational_status(severities: Collection[str], *, in_maintenance: bool) -> Status:
    """Return a component's status, given the severities of its open incidents.

    `in_maintenance`: whether a public maintenance window about it is active.
    """
    planned: Status = "maintenance" if in_maintenance else "operational"
    return worst([planned, *map(level_of, severities)])


@dataclass(frozen=True, slots=True)
class Impairment:
    """A span of time, `begins <= t < ends`, in which an incident kept a component at a level.

    `ends` is `None` while the incident is open.
    """

    level: Level
    begins: datetime
    ends: datetime | None


def last_days(count: int, now: datetime) -> list[date]:
    """Return the last `count` days in UTC, oldest first, with today as the last one."""
    today = now.astimezone(UTC).date()
    return [today - n * timedelta(days=1) for n in reversed(range(count))]


def worst_by_day(impairments: Iterable[Impairment], days: list[date], now: datetime) -> list[Level]:
    """Return the worst level of each day up to `now`. The days are consecutive."""
    worst_levels: list[Level] = ["operational"] * len(days)
    for impairment in impairments:
        # The last instant of the impairment.
        until = now if impairment.ends is None else impairment.ends - timedelta(microseconds=1)
        first = (impairment.begins.astimezone(UTC).date() - days[0]).days
        last = (max(until, impairment.begins).astimezone(UTC).date() - days[0]).days
        for n in range(max(first, 0), min(last + 1, len(days))):
            worst_levels[n] = worst((worst_levels[n], impairment.level))
    return worst_levels


def uptime(impairments: Iterable[Impairment], since: datetime, until: datetime) -> float:
    """Return how much of `since <= t < until` a component was up, as a percentage.

    The result is rounded down to two decimals, so 100 means never down. An empty span gives 100.
    """
    span = until - since
    if span <= timedelta():
        return 100.0
    down, counted_to = timedelta(), since
    outages = (impairment for impairment in impairments if impairment.level in DOWN)
    for outage in sorted(outages, key=lambda outage: outage.begins):
        ends = until if outage.ends is None else min(outage.ends, until)
        begins = max(outage.begins, counted_to)
        if ends > begins:
            down += ends - begins
            counted_to = ends
    return (10_000 * (span - down) // span) / 100
