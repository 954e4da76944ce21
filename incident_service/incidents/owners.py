"""Who owns an incident, given a schedule or an escalation policy (contract §6 and §10)."""

from __future__ import annotations

import logging
from datetime import datetime

from incident_service.database.engine import Connection
from incident_service.oncall import schedules
from incident_service.store import policies, users

_log = logging.getLogger("incident_service.paging")


def of_schedule(db: Connection, org_id: str, schedule_id: str, now: datetime) -> str | None:
    """Return the user who owns the schedule now, or `None`.

    A schedule that cannot be resolved has no owner: it must not keep an alert from being taken in,
    nor a user from being deleted.
    """
    try:
        found = schedules.find_owned(db, org_id, schedule_id, now)
    except Exception:
        if not db.in_transaction:
            raise
        _log.exception("a schedule could not be resolved", extra={"scheduleId": schedule_id})
        return None
    owner = found.schedule_owner if found else None
    return owner.user_id if owner and users.get(db, org_id, owner.user_id) else None


def of_policy(
    db: Connection, org_id: str, policy_id: str, now: datetime
) -> tuple[str | None, str | None]:
    """Return who owns an incident that the policy escalates, and the schedule that says so.

    That is whoever owns the first schedule that the policy's layers target, else the first user of
    its first layer; that user comes without a schedule.
    """
    layers = policies.layers(db, org_id, policy_id)
    for layer in layers:
        if layer["target_type"] == "schedule":
            owner_id = of_schedule(db, org_id, layer["schedule_id"], now)
            if owner_id is not None:
                return owner_id, layer["schedule_id"]
            break
    for user_id in layers[0]["user_ids"][:1] if layers else ():
        if users.get(db, org_id, user_id) is not None:
            return user_id, None
    return None, None
