"""Performs tasks that have fallen due: what the service does by itself at an instant (§10)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from incident_service.clock import format_instant
from incident_service.database.engine import Connection, savepoint
from incident_service.paging import presence
from incident_service.paging.turns import in_turn
from incident_service.store import Row, tasks

_log = logging.getLogger("incident_service.paging")

PAUSE_AFTER_FAULT = timedelta(minutes=1)


class Perform(Protocol):
    """Does what a task is about."""

    def __call__(self, db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
        """Perform the task, whose row is gone already; whoever has more to do puts it again.

        `by_email`: whether users are sent messages by email too.
        """


def perform_due(
    db: Connection,
    org_ids: Sequence[str],
    perform: Perform,
    *,
    now: datetime,
    by_email: bool,
    limit: int = 1,
) -> str | None:
    """Perform up to `limit` tasks that are due, one of each organization in turn.

    In an organization, the task that fell due first comes first. Return the organization whose turn
    was last, or `None` if nothing was due.
    """
    presence.record(db, now=now)  # what a heartbeat's absence means depends on it
    at = format_instant(now)

    def do_next(org_id: str) -> bool:
        task = tasks.first_due(db, org_id, at)
        if task is not None:
            _perform(db, task, perform, now=now, by_email=by_email)
        return task is not None

    return in_turn(org_ids, do_next, limit=limit)


def _perform(db: Connection, task: Row, perform: Perform, *, now: datetime, by_email: bool) -> None:
    try:
        with savepoint(db):
            tasks.delete(db, task["org_id"], task["kind"], task["subject_id"])
            perform(db, task, now=now, by_email=by_email)
    except Exception:
        if not db.in_transaction:
            raise
        # One task that fails must not hold up all the others.
        _log.exception(
            "a task could not be performed",
            extra={"task": task["kind"], "subjectId": task["subject_id"]},
        )
        tasks.postpone(db, task, until=format_instant(now + PAUSE_AFTER_FAULT))
