"""Reopening an incident that was resolved too early (contract §3)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.clock import parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest
from incident_service.incidents import lifecycle, owners, reading
from incident_service.paging import announcing, escalation
from incident_service.people.caller import Caller
from incident_service.store import Row, named, open_groups, users

MAY_BE_REOPENED_FOR = timedelta(days=7)
"""Counted from when the incident was resolved."""


def reopen(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Let a resolved incident be investigated again, and page as when it opened.

    A policy that was deleted since is left out. An owner who was deleted since is replaced by
    whoever owns the incident's schedule now. Raises `NotFound`, and `InvalidRequest`
    `invalid_status_transition` if it is not resolved, or has been for more than 7 days.
    """
    incident = reading.find(db, caller, id)
    if incident["status"] != "resolved":
        raise InvalidRequest(f"Incident {id} is not resolved.", code="invalid_status_transition")
    if now - parse_instant(incident["resolved_at"]) > MAY_BE_REOPENED_FOR:
        raise InvalidRequest(
            f"Incident {id} was resolved more than 7 days ago. Open a new one.",
            code="invalid_status_transition",
        )
    incident = lifecycle.heed_person(db, caller, incident, now=now)
    changes = {
        "status": "investigating",
        "owner_id": _owner_id(db, incident, now),
        "escalation_policy_id": _policy_id(db, incident),
        "acknowledged_at": None,
        "acknowledged_by": None,
        "handed_off_at": None,
        "is_paged": 0,
        "repeats": 0,
        "resolved_at": None,
    }
    incident = lifecycle.change(db, incident, changes, now, is_public=True)
    lifecycle.add_to_history(db, caller, incident, at=incident["updated_at"])
    details = {
        "ownerId": incident["owner_id"],
        "escalationPolicyId": incident["escalation_policy_id"],
    }
    lifecycle.record(db, caller, incident, "incident_reopened", details, now=now)
    if incident["integration_id"] is not None:
        _open_groups(db, incident)
    escalation.begin_again(db, incident, now=now)
    announcing.announce(
        db,
        incident,
        "status_changed",
        actor_id=caller.actor_id,
        now=now,
        before="resolved",
        after=incident["status"],
    )


def _open_groups(db: Connection, incident: Row) -> None:
    """Let alerts of the same groups join again, unless another incident has them by now."""
    org_id, integration_id = incident["org_id"], incident["integration_id"]
    keys = open_groups.keys_of(db, incident)
    taken = open_groups.incidents(db, org_id, integration_id, keys)
    free = {key: incident["id"] for key in keys if key not in taken}
    open_groups.put(db, org_id, integration_id, free)


def _owner_id(db: Connection, incident: Row, now: datetime) -> str | None:
    org_id, owner_id = incident["org_id"], incident["owner_id"]
    if owner_id is not None and users.get(db, org_id, owner_id) is not None:
        return str(owner_id)
    schedule_id = incident["owner_schedule_id"]
    return owners.of_schedule(db, org_id, schedule_id, now) if schedule_id else None


def _policy_id(db: Connection, incident: Row) -> str | None:
    id = incident["escalation_policy_id"]
    if id is None or named.get(db, "escalation_policies", incident["org_id"], id) is None:
        return None
    return str(id)
