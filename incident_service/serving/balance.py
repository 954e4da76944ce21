"""How many connections each worker keeps, where the other workers see it."""

from __future__ import annotations

import mmap

_NOBODY = 2**62
"""In place of the count of a worker that does not run."""


class Balance:
    """A count for each worker, in memory that the master makes before it forks them.

    It is advice, so there is no lock: a count may be a moment old.
    """

    def __init__(self, places: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, 8 * places)).cast("q")
        for place in range(places):
            self.leave(place)

    def set(self, place: int, connections: int) -> None:
        """Tell how many connections the worker keeps; `place` may be any number from 0."""
        self._counts[place % len(self._counts)] = connections

    def leave(self, place: int) -> None:
        """Forget a worker that has ended."""
        self.set(place, _NOBODY)

    def least(self) -> int:
        """Return how many connections the worker keeps that keeps the fewest."""
        return min(self._counts)
