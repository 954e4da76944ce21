"""Opening an incident (contract §2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_service import ids
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.oncall import schedules
from incident_service.paging import announcing, escalation
from incident_service.people.caller import Caller
from incident_service.severity import Severity
from incident_service.status import components
from incident_service.store import (
    Row,
    audit,
    idempotency,
    named,
    organizations,
    policies,
    users,
)
from incident_service.store import incidents as rows

IDEMPOTENCY_KEY_LIFE = timedelta(hours=24)

MAX_TITLE = 100
MAX_DESCRIPTION = 10_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class NewIncident:
    """An incident that is to be opened. If a person opens it, it has an owner or a schedule."""

    title: str
    severity: Severity
    description: str | None = None
    owner_id: str | None = None
    owner_schedule_id: str | None = None
    escalation_policy_id: str | None = None
    component_ids: tuple[str, ...] = ()
    is_public: bool = True
    public_title: str | None = None
    integration_id: str | None = None
    """The integration whose alerts open it; `None` if a person does."""
    is_provisional: bool = False
    is_storm: bool = False


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A key that lets a request be repeated; `request_hash` is the SHA-256 of the request."""

    key: str
    request_hash: str


def open_once(
    db: Connection, caller: Caller, new: NewIncident, key: IdempotencyKey, *, now: datetime
) -> tuple[Row, bool]:
    """Open the incident, or return what the key's first request opened, as it was then.

    Return the incident, and whether it is a replay. Raises as `open_incident`, and `Conflict`
    `idempotency_key_reused` if the key came with another request before.
    """
    since = format_instant(now - IDEMPOTENCY_KEY_LIFE)
    first = idempotency.get(db, caller.org_id, key.key, since=since)
    if first is not None:
        if first["request_hash"] != key.request_hash:
            raise Conflict(
                "Idempotency-Key: was used for a request with another body.",
                code="idempotency_key_reused",
            )
        return first["answer"], True
    incident = open_incident(db, caller, new, now=now)
    idempotency.delete_expired(db, until=since)
    idempotency.put(
        db,
        org_id=caller.org_id,
        key=key.key,
        request_hash=key.request_hash,
        answer=incident,
        at=format_instant(now),
    )
    return incident, False


def open_incident(db: Connection, caller: Caller, new: NewIncident, *, now: datetime) -> Row:
    """Open an incident and return it, with `affected_components` in the order sent.

    Raises `InvalidRequest` with `invalid_owner_id`, `duplicate_component_id` or
    `invalid_component_id`, and `NotFound` for the schedule and the policy.
    """
    org_id, at = caller.org_id, format_instant(now)
    owner_id = _owner_id(db, org_id, new, now)
    policy_id = _policy_id(db, org_id, new)
    affected = components.named(db, org_id, new.component_ids)
    counted = organizations.count_incident(db, org_id, at=at)
    latest_at = counted["last_incident_at"]
    if latest_at > at:
        behind = parse_instant(latest_at) - parse_instant(at)
        organizations.record_clock_skew(db, org_id, behind // timedelta(milliseconds=1))
    incident: Row = {
        "org_id": org_id,
        "id": ids.new_id(),
        "sequential_id": counted["last_incident_number"],
        "title": new.title,
        "description": new.description,
        "severity": new.severity,
        "status": "investigating",
        "owner_id": owner_id,
        "owner_schedule_id": new.owner_schedule_id,
        "escalation_policy_id": policy_id,
        "acknowledged_at": None,
        "acknowledged_by": None,
        "first_acknowledged_at": None,
        "first_acknowledged_by": None,
        "snoozed_until": None,
        "resolved_at": None,
        "is_public": new.is_public,
        "public_title": new.public_title,
        "is_provisional": new.is_provisional,
        "is_storm": new.is_storm,
        "integration_id": new.integration_id,
        "created_by": caller.actor_id,
        "created_at": at,
        "latest_at": latest_at,
        "updated_at": at,
        "public_updated_at": at,
    }
    rows.insert(db, incident, organization=counted["number"])
    rows.insert_components(db, incident, new.component_ids)
    rows.insert_status(
        db,
        {
            "org_id": org_id,
            "incident_id": incident["id"],
            "id": ids.new_id(),
            "status": incident["status"],
            "changed_at": at,
            "changed_by": caller.actor_id,
            "resolution_note": None,
        },
    )
    details = {
        "severity": new.severity,
        "ownerId": owner_id,
        "ownerScheduleId": new.owner_schedule_id,
        "escalationPolicyId": policy_id,
        "componentIds": list(new.component_ids),
    }
    audit.append(db, incident, "incident_opened", details, actor_id=caller.actor_id, at=at)
    escalation.begin(db, incident, at=at)
    announcing.announce(db, incident, "incident_opened", actor_id=caller.actor_id, now=now)
    return {**incident, "affected_components": affected}


def _owner_id(db: Connection, org_id: str, new: NewIncident, now: datetime) -> str | None:
    if new.owner_id is not None and users.get(db, org_id, new.owner_id) is None:
        raise InvalidRequest(
            f"ownerId: {new.owner_id} is not a user in your organization.", code="invalid_owner_id"
        )
    if new.owner_schedule_id is None:
        return new.owner_id
    owned = schedules.find_owned(db, org_id, new.owner_schedule_id, now)
    if owned is None:
        raise NotFound(
            f"ownerScheduleId: {new.owner_schedule_id} is not a schedule in your organization."
        )
    if new.owner_id is not None:
        return new.owner_id
    return owned.schedule_owner.user_id if owned.schedule_owner else None


def _policy_id(db: Connection, org_id: str, new: NewIncident) -> str | None:
    if new.escalation_policy_id is not None:
        if named.get(db, "escalation_policies", org_id, new.escalation_policy_id) is None:
            raise NotFound(
                f"escalationPolicyId: {new.escalation_policy_id} is not an escalation policy "
                "in your organization."
            )
        return new.escalation_policy_id
    if new.owner_schedule_id is None:
        return None
    return policies.id_for_schedule(db, org_id, new.owner_schedule_id)
