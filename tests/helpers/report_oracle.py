"""The report on incidents a second time: the plainest way to count, with exact fractions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from incident_service.severity import SEVERITIES


@dataclass
class Known:
    """An incident as a test knows it."""

    opened: datetime
    severity: str
    schedule: str | None = None
    components: tuple[str, ...] = ()
    acknowledged: datetime | None = None
    resolved: datetime | None = None
    is_provisional: bool = False


def in_seconds(milliseconds: Fraction) -> float:
    """Return seconds, rounded to milliseconds, halves up."""
    return math.floor(milliseconds + Fraction(1, 2)) / 1000


def figures(durations: Iterable[int]) -> tuple[float | None, float | None, float | None]:
    """Return median, mean and p90 of durations in milliseconds."""
    ordered = sorted(durations)
    number = len(ordered)
    if not number:
        return None, None, None
    half = [Fraction(each) for each in ordered[(number - 1) // 2 : number // 2 + 1]]
    (nearest,) = [
        each
        for rank, each in enumerate(ordered, 1)
        if Fraction(rank, number) >= Fraction(9, 10) > Fraction(rank - 1, number)
    ]
    median = sum(half, Fraction()) / len(half)
    mean = Fraction(sum(ordered), number)
    return in_seconds(median), in_seconds(mean), in_seconds(Fraction(nearest))


def part(incidents: Sequence[Known]) -> tuple[Any, ...]:
    """Return what a part of the report tells of some incidents."""
    millisecond = timedelta(milliseconds=1)
    acknowledged = [(i.acknowledged - i.opened) // millisecond for i in incidents if i.acknowledged]
    resolved = [(i.resolved - i.opened) // millisecond for i in incidents if i.resolved]
    return len(incidents), figures(acknowledged), figures(resolved)


def week_of(at: datetime, zone: ZoneInfo) -> str:
    year, week, _ = at.astimezone(zone).isocalendar()
    return f"{year:04}-W{week:02}"


def weeks_between(start: datetime, last: datetime, zone: ZoneInfo) -> list[str]:
    """Return the week of every hour of a time, each once."""
    hours = (last - start) // timedelta(hours=1)
    instants = [*(start + timedelta(hours=n) for n in range(hours + 1)), last]
    return list(dict.fromkeys(week_of(at, zone) for at in instants))


def report(
    incidents: Iterable[Known], names: dict[str, str], start: datetime, last: datetime, zone: str
) -> dict[str, Any]:
    """Return the report on the incidents that opened from `start` to `last`."""
    within = [i for i in incidents if start <= i.opened <= last and not i.is_provisional]
    in_zone = ZoneInfo(zone)

    def of_things(ids: Iterable[str], of: Any) -> list[tuple[Any, ...]]:
        parts = [(id, names[id], *part([i for i in within if id in of(i)])) for id in set(ids)]
        return sorted(parts, key=lambda told: (-told[2], told[1], told[0]))

    return {
        "all": part(within),
        "severities": [(s, *part([i for i in within if i.severity == s])) for s in SEVERITIES],
        "components": of_things(
            (id for i in within for id in i.components), lambda i: i.components
        ),
        "schedules": of_things((i.schedule for i in within if i.schedule), lambda i: (i.schedule,)),
        "weeks": [
            (week, *part([i for i in within if week_of(i.opened, in_zone) == week]))
            for week in weeks_between(start, last, in_zone)
        ],
        "severities of weeks": [
            {
                s: sum(i.severity == s and week_of(i.opened, in_zone) == week for i in within)
                for s in SEVERITIES
            }
            for week in weeks_between(start, last, in_zone)
        ],
    }
