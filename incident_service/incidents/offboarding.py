"""Deleting a user, whose open incidents are handed on (contract §6)."""

from __future__ import annotations

import logging
from datetime import datetime

from incident_service.database.file import Connection
from incident_service.incidents import lifecycle
from incident_service.oncall import schedules
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.store import incidents as rows
from incident_service.store import users as user_rows

_log = logging.getLogger("incident_service.paging")

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
        owner_id = _owner_of(db, caller.org_id, schedule_id, now) if schedule_id else None
        owners = {"before": user_id, "after": owner_id, "reason": REASON}
        lifecycle.change_owner(db, caller, ids, owners, now=now)


def _owner_of(db: Connection, org_id: str, schedule_id: str, now: datetime) -> str | None:
    try:
        found = schedules.find_owned(db, org_id, schedule_id, now)
    except Exception:
        if not db.in_transaction:
            raise
        # A schedule that cannot be resolved must not keep a user from being deleted.
        _log.exception("a schedule could not be resolved", extra={"scheduleId": schedule_id})
        return None
    owner = found.schedule_owner if found else None
    return owner.user_id if owner and user_rows.get(db, org_id, owner.user_id) else None
