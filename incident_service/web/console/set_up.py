"""What to set up next, and what was set up in vain, told in the console (contract §11).

Reading a large organization's set-up takes tens of milliseconds, so a process keeps what it found
until something is changed, and for `KEPT_FOR` at most.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from cachetools import LRUCache
from flask import Blueprint, Flask, current_app

from incident_service.database.engine import Connection
from incident_service.http.acting import caller, database, for_admins, settings
from incident_service.onboarding.set_up import Kind, SetUp, SetUpWarning, Step
from incident_service.people import audit_log
from incident_service.web.console.pages import now, render

KEPT_FOR = timedelta(minutes=1)
"""How old it may be: what time brings, such as a gap, is no change that somebody made."""

KEPT_UNFINISHED_FOR = timedelta(seconds=5)
"""The same while a step is open: a page that arrives, or an alert, is no such change either."""

MAX_KEPT = 100
"""Of how many organizations a process keeps it, those last looked at."""

pages = Blueprint("set_up", __name__)


@dataclass(frozen=True, slots=True)
class Found:
    """An organization's set-up, as it was found."""

    steps: list[Step]
    warnings: list[SetUpWarning]
    by_email: bool
    """Whether users are paged by email too."""
    revision: int
    until: datetime

    @property
    def is_done(self) -> bool:
        """Whether every step works."""
        return all(step.is_done for step in self.steps)


class _Kept:
    """What this process found, by organization."""

    def __init__(self) -> None:
        self._found: LRUCache[str, Found] = LRUCache(MAX_KEPT)
        self._lock = threading.Lock()

    def get(self, org_id: str, revision: int) -> Found | None:
        with self._lock:
            found = self._found.get(org_id)
        return found if found and found.revision == revision and now() < found.until else None

    def put(self, org_id: str, found: Found) -> Found:
        with self._lock:
            self._found[org_id] = found
        return found


def configure(app: Flask) -> None:
    """Let the application forget what was found in the database that it had."""
    app.extensions["incident_service.set_up"] = _Kept()


def find(db: Connection) -> Found:
    """Return the set-up of the viewer's organization."""
    kept: _Kept = current_app.extensions["incident_service.set_up"]
    revision = audit_log.last_number(db, caller())
    found = kept.get(caller().org_id, revision)
    if found is not None:
        return found
    by_email = settings().mail_server is not None
    set_up = SetUp(db, caller(), by_email, now=now())
    steps = set_up.steps
    is_done = all(step.is_done for step in steps)
    until = now() + (KEPT_FOR if is_done else KEPT_UNFINISHED_FOR)
    return kept.put(caller().org_id, Found(steps, set_up.warnings, by_email, revision, until))


def warnings_of(kind: Kind) -> dict[str, list[str]]:
    """Return the sentences about things of a kind, by their ids. Templates call it."""
    with database().read() as db:
        found = find(db).warnings
    by_id: dict[str, list[str]] = {}
    for warning in found:
        if warning.kind == kind:
            by_id.setdefault(warning.id, []).append(warning.sentence)
    return by_id


@pages.get("/settings/set-up")
@for_admins
def show() -> str:
    """Show every step, and everything that was set up in vain."""
    with database().read() as db:
        found = find(db)
    return render("set_up.html", set_up=found)
