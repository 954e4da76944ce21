"""Lets the service look whether a schedule's owner has changed, where somebody wants to be told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.store import named, subscriptions, tasks


def begin(
    db: Connection, org_id: str, schedule_ids: Iterable[str] | None, *, now: datetime
) -> None:
    """Let these schedules, or all that there are, be looked at now, and from then on."""
    if schedule_ids is None:
        schedule_ids = [row["id"] for row in named.all_by_name(db, "schedules", org_id)]
    for id in schedule_ids:
        tasks.put(db, org_id, "watch_schedule", id, due_at=format_instant(now))


def look_again(db: Connection, org_id: str, schedule_id: str, *, now: datetime) -> None:
    """Let a schedule be looked at now if somebody may want to know, because it was edited."""
    if subscriptions.about(db, org_id, ["shift_changed"]):
        begin(db, org_id, [schedule_id], now=now)
