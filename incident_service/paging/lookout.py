"""Looking for what is due: as much in a round as is bounded, and all of it over some rounds."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.store import Row, deliveries
from incident_service.store.deliveries import Lane

LANES = 2048
"""That are looked at in a round."""

LANES_OF_QUEUE = 512
"""Of those, of one organization's first tries, and as many of its retries."""

DUE = 4096
"""Deliveries that are found in a round."""


class Lookout:
    """Finds deliveries that are due, and goes on in the next round at what it did not look at."""

    def __init__(self) -> None:
        self._last_organization = ""
        self._last_lanes: dict[tuple[str, bool], Lane] = {}

    def due(self, db: Connection, *, at: str, each: int) -> list[Row]:
        """Return what is due, and up to `each` of one lane; those due first, first."""
        lanes = self._lanes(db)
        each = min(each, DUE // max(1, len(lanes)))
        return deliveries.due(db, lanes, at=at, each=each)

    def _lanes(self, db: Connection) -> list[Lane]:
        after = self._last_organization
        queues = deliveries.queues(db, after=after, limit=LANES)
        if after and len(queues) < LANES:  # round the corner
            queues += deliveries.queues(db, after="", limit=LANES - len(queues))
        queues = list(dict.fromkeys(queues))
        self._last_organization = queues[-1][0] if len(queues) == LANES else ""
        limit = min(LANES_OF_QUEUE, LANES // max(1, len(queues)))
        found = []
        last = {}
        for queue in queues:
            some = self._lanes_of(db, queue, limit)
            if len(some) == limit:
                last[queue] = some[-1]
            found += some
        self._last_lanes = last
        return found

    def _lanes_of(self, db: Connection, queue: tuple[str, bool], limit: int) -> list[Lane]:
        after = self._last_lanes.get(queue)
        some = deliveries.lanes(db, *queue, after=after, limit=limit)
        if after and len(some) < limit:
            some += deliveries.lanes(db, *queue, after=None, limit=limit - len(some))
        return list(dict.fromkeys(some))
