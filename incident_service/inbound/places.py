"""Places for large bodies: a few at a time, and one of each organization (contract §10)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from incident_service.errors import Busy

WAIT_SECONDS = 2.0
"""How long a large body waits for its place; who sends such, tries again."""


class Places:
    """Who has a place, and who waits for one, in a process. Who waits longest comes first."""

    def __init__(self, number: int, waiting: int) -> None:
        """`waiting`: how many of one organization may wait; each keeps a thread."""
        self._number = number
        self._most_waiting = waiting
        self._held: list[str] = []
        self._waiting: list[tuple[str, object]] = []
        self._changed = threading.Condition()

    @contextmanager
    def held(self, org_id: str, seconds: float | None = None) -> Iterator[None]:
        """Hold a place. Raises `Busy` if none comes free within the seconds, or the usual ones."""
        self._take(org_id, WAIT_SECONDS if seconds is None else seconds)
        try:
            yield
        finally:
            with self._changed:
                self._held.remove(org_id)
                self._changed.notify_all()

    def _take(self, org_id: str, seconds: float) -> None:
        me = (org_id, object())
        deadline = time.monotonic() + seconds
        with self._changed:
            if sum(waiting == org_id for waiting, _ in self._waiting) < self._most_waiting:
                self._waiting.append(me)
                self._changed.wait_for(
                    lambda: self._next() == me, max(0.0, deadline - time.monotonic())
                )
                is_mine = self._next() == me
                self._waiting.remove(me)
                self._changed.notify_all()
                if is_mine:
                    self._held.append(org_id)
                    return
        raise Busy("Other large bodies are being taken in. Try again.")

    def _next(self) -> tuple[str, object] | None:
        """Return who may have a place now: the first whose organization has none."""
        if len(self._held) >= self._number:
            return None
        return next((who for who in self._waiting if who[0] not in self._held), None)
