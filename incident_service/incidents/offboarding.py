"""Deleting a user, whose open incidents are handed on (contract §6)."""

from __future__ import annotations

from datetime import datetime

from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle, owners
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.store import incidents as rows

REASON = "the owner was deleted"


def delete_user(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a user, and hand on their open incidents.

    Raises `NotFound`, and `Conflict` with `user_in_use` or `last_admin`.
    """
    users.delete(db, caller, id, now=now)
    _hand_on(db, caller, id, now=now)


def _hand_on(db: Connection, caller: Caller, user_id: str, *, now: datetime) -> None:
    """Give each unresolved incident of a deleted user to the owner of its schedule at this instant.

    It gets no owner if it has no schedule, or if nobody is on call. It pages as after a handoff.
    """
    by_schedule: dict[str | None, list[str]] = {}
    for incident in rows.unresolved_of_owner(db, caller.org_id, user_id):
        by_schedule.setdefault(incident["owner_schedule_id"], []).append(incident["id"])
    for schedule_id, ids in by_schedule.items():
        owner_id = owners.of_schedule(db, caller.org_id, schedule_id, now) if schedule_id else None
        changed = {"before": user_id, "after": owner_id, "reason": REASON}
        lifecycle.change_owner(db, caller, ids, changed, now=now)
