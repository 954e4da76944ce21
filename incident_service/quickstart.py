"""A first organization with everything that an incident needs (contract §9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incident_service.alerts import integrations
from incident_service.alerts.kinds import Kind
from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.oncall import layers, schedules
from incident_service.paging import policies
from incident_service.people import keys, organizations, users
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.store import named
from incident_service.store import organizations as organization_rows
from incident_service.store import users as user_rows

ORGANIZATION = "Quickstart"
EMAIL = "admin@example.com"
SCHEDULE = "Primary on-call"
POLICY = "Page the primary on-call"
COMPONENT = "Payments API"
GENERIC = "Anything with JSON"
ALERTMANAGER = "Alertmanager"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a first incident needs; `key` is new each time."""

    org_id: str
    user_id: str
    schedule_id: str
    policy_id: str
    component_id: str
    key: str


@dataclass(frozen=True, slots=True)
class Tools:
    """The tokens by which tools send alerts to the quickstart organization.

    `None`: the tool uses one from an earlier run, and goes on using it.
    """

    generic_token: str | None
    alertmanager_token: str | None


def connect(db: Connection, made: Provisioned, *, now: datetime) -> Tools:
    """Make what the quickstart organization lacks to take in alerts.

    An integration that no tool has used yet gets a new token. One that is in use keeps its own.
    """
    caller = Caller(made.org_id, "quickstart", made.user_id, "org:admin")
    if organizations.get(db, caller)["default_escalation_policy_id"] is None:
        changes = {"default_escalation_policy_id": made.policy_id}
        organizations.change(db, caller, changes, now=now)
    return Tools(
        _fresh_token(db, caller, GENERIC, "generic", now),
        _fresh_token(db, caller, ALERTMANAGER, "alertmanager", now),
    )


def _fresh_token(
    db: Connection, caller: Caller, name: str, kind: Kind, now: datetime
) -> str | None:
    found = named.with_name(db, "integrations", caller.org_id, name)
    if found is None:
        values = {"name": name, "kind": kind}
        made = integrations.create(db, org_id=caller.org_id, values=values, now=now)
    elif found["last_received_at"] is None:
        made = integrations.rotate_token(db, caller, found["id"], now=now)
    else:
        return None
    token: str = made["token"]
    return token


def provision(db: Connection, *, now: datetime) -> Provisioned:
    """Make what the quickstart organization lacks, and a new key for its admin."""
    organization = organization_rows.oldest_named(db, ORGANIZATION)
    org_id = (
        organization["id"] if organization else organizations.create(db, name=ORGANIZATION, now=now)
    )
    user = user_rows.with_email(db, org_id, EMAIL)
    if user is None:
        user = users.create(
            db,
            org_id=org_id,
            email=EMAIL,
            first_name="Ada",
            last_name="Admin",
            role="org:admin",
            now=now,
        )
    user_id = user["id"]
    key = keys.create(
        db, org_id=org_id, user_id=user_id, role="org:admin", name="quickstart", now=now
    )
    caller = Caller(org_id, key["id"], user_id, "org:admin")
    schedule = named.with_name(db, "schedules", org_id, SCHEDULE)
    if schedule is None:
        schedule = schedules.create(db, caller, {"name": SCHEDULE, "timezone": "UTC"}, now=now)
        layer = {
            "name": "Weekly",
            "rotation_type": "weekly",
            "rotation_length_days": 7,
            "handoff_time": "09:00",
            "effective_from": format_instant(now),
            "participant_ids": [user_id],
        }
        layers.add(db, caller, schedule["id"], layer, now=now)
    policy = named.with_name(db, "escalation_policies", org_id, POLICY)
    if policy is None:
        step = {
            "escalate_after_seconds": 300,
            "target": {"type": "schedule", "schedule_id": schedule["id"]},
        }
        policy = policies.create(db, caller, {"name": POLICY, "steps": [step]}, now=now)
    component = named.with_name(db, "components", org_id, COMPONENT) or components.create(
        db, caller, {"name": COMPONENT}, now=now
    )
    return Provisioned(org_id, user_id, schedule["id"], policy["id"], component["id"], key["key"])
