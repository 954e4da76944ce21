"""The journal of a soak: what the service answered, to be held against what it kept."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.helpers.receivers import Receiver


@dataclass
class Answered:
    """The writes that were answered with success."""

    opened: dict[str, int] = field(default_factory=dict)
    """Id → sequential id."""
    acknowledged: set[str] = field(default_factory=set)
    statuses: set[tuple[str, str]] = field(default_factory=set)
    """Incident and status."""
    updates: dict[str, str] = field(default_factory=dict)
    """Update's id → incident's."""


class Journal:
    """What all clients were answered."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered = Answered()
        self.answers: Counter[tuple[str, int, str]] = Counter()
        """Kind of request, status, error code."""
        self.unexpected: list[str] = []
        self.cut_at: list[float] = []
        """When a connection ended without an answer."""
        self.refused_at: list[float] = []
        """When a write was answered with `storage_full`."""
        self.read_at: list[float] = []
        """When a read was answered."""
        self.readiness: list[tuple[float, str]] = []
        """When `/readyz` said what."""
        self.written_at = 0.0
        """When a write was last answered with success."""
        self.awaited: set[tuple[str, str]] = set()
        """Incident and user to whom a page must come: nobody acknowledged before it did."""

    def note(self, kind: str, status: int, code: str, text: str) -> None:
        """Keep an answer of whatever kind."""
        with self._lock:
            self.answers[kind, status, code] += 1
            if status >= 500 and (kind, status) != ("write", 503):
                self.unexpected.append(f"{kind}: {status} {text[:200]}")
            if code == "storage_full":
                self.refused_at.append(time.monotonic())
            elif kind == "write" and status < 300:
                self.written_at = time.monotonic()
            elif kind == "/readyz":
                self.readiness.append((time.monotonic(), text.strip()))
            elif kind == "read" and status == 200:
                self.read_at.append(time.monotonic())

    def note_cut(self) -> None:
        """Keep that a connection was cut."""
        with self._lock:
            self.cut_at.append(time.monotonic())

    def note_opened(self, incident_id: str, number: int) -> None:
        """Keep that an incident was opened."""
        with self._lock:
            self._answered.opened[incident_id] = number

    def note_acknowledged(self, incident_id: str) -> None:
        """Keep that it was acknowledged."""
        with self._lock:
            self._answered.acknowledged.add(incident_id)

    def note_status(self, incident_id: str, status: str) -> None:
        """Keep that it reached a status."""
        with self._lock:
            self._answered.statuses.add((incident_id, status))

    def note_update(self, incident_id: str, update_id: str) -> None:
        """Keep that an update was posted."""
        with self._lock:
            self._answered.updates[update_id] = incident_id

    def await_page(self, incident_id: str, user_id: str) -> None:
        """Keep that a page must come."""
        with self._lock:
            self.awaited.add((incident_id, user_id))

    def answered(self) -> Answered:
        """Return all that was answered until now."""
        with self._lock:
            return copy.deepcopy(self._answered)


class Pages:
    """The pages that a receiver got."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._lock = threading.Lock()
        self._read = 0
        self._links: dict[tuple[str, str], str] = {}
        self._count: Counter[tuple[str, str, int | None]] = Counter()

    def link(self, incident_id: str, user_id: str) -> str | None:
        """Return the link that acknowledges the incident, once the user's page has come."""
        with self._lock:
            self._index()
            return self._links.get((incident_id, user_id))

    def count(self) -> Counter[tuple[str, str, int | None]]:
        """Return how often each page came: incident, user, layer."""
        with self._lock:
            self._index()
            return self._count.copy()

    def _index(self) -> None:
        end = len(self._receiver.got)
        for _, _, body in self._receiver.got[self._read : end]:
            page = json.loads(body)
            incident_id, user_id = page["incident"]["id"], page["user"]["id"]
            self._links.setdefault((incident_id, user_id), page["acknowledgeUrl"])
            self._count[incident_id, user_id, page["layer"]] += 1
        self._read = end
