"""When nobody is on call: pure functions of a schedule, or of its shifts, and a window (§4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from incident_service.oncall.calculator import Override, Target
from incident_service.oncall.rotation import Layer


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody is on call: `starts_at <= t < ends_at`."""

    starts_at: datetime
    ends_at: datetime


def gaps(
    layers: Iterable[Layer], overrides: Iterable[Override], start: datetime, end: datetime
) -> Iterator[Gap]:
    """Yield the gaps of the window in order, cut to it.

    A layer that is active has somebody on call, whoever that is. So the cost does not grow with the
    number of turns.
    """
    covered = [(layer.starts_at, layer.ends_at) for layer in layers]
    covered += [(override.starts_at, override.ends_at) for override in overrides]
    return _uncovered(sorted(covered), start, end)


def gaps_between(shifts: Iterable[Target], start: datetime, end: datetime) -> Iterator[Gap]:
    """Yield the gaps of the window in order; `shifts`: who owns it, as `calculator.owners`."""
    return _uncovered(((shift.starts_at, shift.ends_at) for shift in shifts), start, end)


def _uncovered(
    covered: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> Iterator[Gap]:
    """Yield what of the window none of the times covers, which are in order of their start."""
    at = start
    for starts_at, ends_at in covered:
        if at >= end:
            return
        if ends_at > max(at, starts_at):
            if starts_at > at:
                yield Gap(at, min(starts_at, end))
            at = ends_at
    if at < end:
        yield Gap(at, end)
