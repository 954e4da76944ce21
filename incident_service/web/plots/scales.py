"""Scales: from values to places, and the round values at which a grid has its lines."""

from __future__ import annotations

import math
from dataclasses import dataclass

from incident_service.web.plots import durations

MAX_TICKS = 5


def nice_ticks(highest: float, *, most: int = MAX_TICKS) -> list[int]:
    """Return round whole numbers from 0 to `highest` or beyond, in equal steps of 1, 2 or 5.

    There are at most `most` steps, and at least one.
    """
    least = max(highest / most, 1)
    power = 10 ** math.floor(math.log10(least))
    step = next(power * times for times in (1, 2, 5, 10, 20) if power * times >= least)
    return [step * n for n in range(max(math.ceil(highest / step), 1) + 1)]


@dataclass(frozen=True, slots=True)
class DurationScale:
    """A logarithmic scale of seconds, from its first tick to its last."""

    ticks: list[float]

    def share(self, seconds: float) -> float:
        """Return how far up a duration is, from 0 to 1; 0 for what is below the first tick."""
        first, last = math.log(self.ticks[0]), math.log(self.ticks[-1])
        return min(max((math.log(max(seconds, self.ticks[0])) - first) / (last - first), 0), 1)


def duration_scale(seconds: list[float]) -> DurationScale:
    """Return the scale that holds all durations, with `MAX_TICKS` steps at most.

    Its ticks are durations that people say: 5 minutes, 2 hours, 3 days.
    """
    rounds = durations.ROUND
    low, high = max(min(seconds, default=60), 1), max(max(seconds, default=60), 1)
    first = max((n for n, at in enumerate(rounds) if at <= low), default=0)
    last = min((n for n, at in enumerate(rounds) if at >= high), default=len(rounds) - 1)
    if last == first:
        first, last = max(first - 1, 0), min(last + 1, len(rounds) - 1)
    step = math.ceil((last - first) / MAX_TICKS)
    places = list(range(first, last, step))
    ticks = [rounds[n] for n in places]
    end = rounds[min(places[-1] + step, len(rounds) - 1)]
    return DurationScale([*ticks, max(end, high)])
