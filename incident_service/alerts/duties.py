"""What the service does by itself: each kind of task, and the function that performs it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from incident_service.alerts import heartbeats, over, suppressed
from incident_service.alerts.notify import notify
from incident_service.database.engine import Connection
from incident_service.paging import shift_changes
from incident_service.paging.performing import Perform
from incident_service.store import Row, tasks

PERFORM: Mapping[tasks.Kind, Perform] = {
    "notify": notify,
    "resolve_incident": over.resolve_due,
    "miss_heartbeat": heartbeats.miss,
    "end_maintenance": suppressed.release,
    "resolve_alerts": over.resolve_rest,
    "watch_schedule": shift_changes.look,
}


def perform(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Perform a task that is due, as `paging.performing.Perform` says."""
    PERFORM[task["kind"]](db, task, now=now, by_email=by_email)
