"""Finds due deliveries: a bounded number in each round, and all of them over a few rounds."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import Row, deliveries
from incident_service.store.deliveries import Lane, Queue

LANES = 2048
"""The most that a round looks at."""

LANES_OF_QUEUE = 512
"""The most of one queue."""

DUE = 4096
"""The most deliveries that a round finds."""


class Lookout:
    """Finds due deliveries, and continues in the next round with what it did not look at."""

    def __init__(self) -> None:
        self._last_organization = ""
        self._last_lanes: dict[Queue, Lane] = {}

    def due(self, db: Connection, *, at: str, each: int) -> list[Row]:
        """Return due deliveries, at most `each` of one lane, the longest due first."""
        lanes = self._lanes(db)
        each = min(each, DUE // max(1, len(lanes)))
        return deliveries.due(db, lanes, at=at, each=each)

    def _lanes(self, db: Connection) -> list[Lane]:
        after = self._last_organization
        queues = deliveries.queues(db, after=after, limit=LANES)
        if after and len(queues) < LANES:  # continue from the start
            queues += deliveries.queues(db, after="", limit=LANES - len(queues))
        queues = list(dict.fromkeys(queues))
        self._last_organization = queues[-1].org_id if len(queues) == LANES else ""
        limit = min(LANES_OF_QUEUE, LANES // max(1, len(queues)))
        lanes = []
        last = {}
        for queue in queues:
            some = self._lanes_of(db, queue, limit)
            if len(some) == limit:
                last[queue] = some[-1]
            lanes += some
        self._last_lanes = last
        return lanes

    def _lanes_of(self, db: Connection, queue: Queue, limit: int) -> list[Lane]:
        after = self._last_lanes.get(queue)
        some = deliveries.lanes(db, queue, after=after, limit=limit)
        if after and len(some) < limit:
            some += deliveries.lanes(db, queue, after=None, limit=limit - len(some))
        return list(dict.fromkeys(some))
