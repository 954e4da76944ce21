"""Notices that a schedule's owner has changed, for subscriptions to `shift_changed` (§8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.clock import LAST, format_instant
from incident_service.database.engine import Connection
from incident_service.oncall import schedules
from incident_service.paging import announcing
from incident_service.paging.matching import Happened, event_for
from incident_service.store import Row, tasks
from incident_service.store import subscriptions as rows

_JUST_UNDER_A_MILLISECOND = timedelta(microseconds=999)


def look(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Tell subscribers if the owner of the task's schedule is not the one that they know of.

    The next look is due when the shift ends that runs now. Nobody is told at the first look, nor of
    shifts that passed while the service was down.
    """
    org_id, id = task["org_id"], task["subject_id"]
    watch = schedules.find_watch(db, org_id, id, now)
    if watch is None or not _is_wanted(db, org_id, id):
        rows.stop_watching(db, org_id, id)
        return
    until = _rounded_up(watch.until) if watch.until else None
    known = rows.watched(db, org_id, id)
    if known is None or known["owner_id"] != watch.owner_id:
        rows.watch(db, org_id, id, watch.owner_id)
    if known is not None and known["owner_id"] != watch.owner_id:
        announcing.announce_shift(
            db, org_id, id, before=known["owner_id"], after=watch.owner_id, until=until, now=now
        )
    if until is not None:
        tasks.put(db, org_id, "watch_schedule", id, due_at=until)


def _is_wanted(db: Connection, org_id: str, schedule_id: str) -> bool:
    happened = Happened(["shift_changed"], schedule_id=schedule_id)
    return any(event_for(each, happened) for each in rows.about(db, org_id, happened.events))


def _rounded_up(instant: datetime) -> str:
    """Return the first whole millisecond at which the instant is over."""
    return format_instant(
        min(instant, LAST - _JUST_UNDER_A_MILLISECOND) + _JUST_UNDER_A_MILLISECOND
    )
