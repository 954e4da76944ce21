"""What a report tells of many durations: pure functions of them, in ascending order.

They take whole milliseconds and return seconds, rounded to milliseconds, halves up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Figures:
    """What is usual of some durations, in seconds; each is `None` if there are none."""

    median: float | None
    mean: float | None
    p90: float | None

    @classmethod
    def of(cls, ordered: Sequence[int]) -> Self:
        """Return the figures of durations in milliseconds, in ascending order."""
        return cls(median(ordered), mean(ordered), p90(ordered))


def median(ordered: Sequence[int]) -> float | None:
    """Return the duration in the middle; of an even number, the mean of the two in the middle."""
    if not ordered:
        return None
    upper = len(ordered) // 2
    return _seconds(ordered[upper] + ordered[-1 - upper], 2)


def mean(durations: Sequence[int]) -> float | None:
    """Return the sum divided by the number."""
    return _seconds(sum(durations), len(durations)) if durations else None


def p90(ordered: Sequence[int]) -> float | None:
    """Return the shortest duration that at least 90 % of them do not exceed (nearest rank)."""
    if not ordered:
        return None
    rank = -(-9 * len(ordered) // 10)
    return _seconds(ordered[rank - 1], 1)


def _seconds(milliseconds: int, number: int) -> float:
    """Return a sum of milliseconds, divided by a number, in seconds."""
    return (2 * milliseconds + number) // (2 * number) / 1000
