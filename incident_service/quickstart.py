"""A first organization with everything that an incident needs (contract §9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incident_service.alerts import integrations
from incident_service.alerts.kinds import Kind
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.oncall import layers, schedules
from incident_service.paging import policies
from incident_service.people import keys, organizations, users
from incident_service.people.caller import Caller, Role
from incident_service.status import components
from incident_service.store import named
from incident_service.store import organizations as organization_rows
from incident_service.store import users as user_rows

ORGANIZATION = "Quickstart"
EMAIL = "admin@example.com"
COLLEAGUES = (("Sam", "Rivera"), ("Mina", "Park"))
SCHEDULE = "Primary on-call"
SECOND_SCHEDULE = "Secondary on-call"
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


def owner(db: Connection) -> str | None:
    """Return the organization whose turn `provision` must wait for; `None` if it makes one."""
    organization = organization_rows.oldest_named(db, ORGANIZATION)
    return str(organization["id"]) if organization else None


def provision(
    db: Connection, *, now: datetime, timezone: str = "UTC", with_team: bool = False
) -> Provisioned:
    """Make what the quickstart organization lacks, and a new key for its admin.

    `with_team`: a new organization gets colleagues too, who take turns with the admin week by week,
    and a second schedule on which the next of them stands by. One that is there already does not:
    its people have a rota of their own by now. `timezone`: of a new organization and its schedules.
    """
    organization_rows.take_turn_to_name(db)
    organization = organization_rows.oldest_named(db, ORGANIZATION)
    org_id = (
        organization["id"] if organization else organizations.create(db, name=ORGANIZATION, now=now)
    )
    admin_id = _user(db, org_id, EMAIL, "Ada", "Admin", "org:admin", now)
    key = keys.create(
        db, org_id=org_id, user_id=admin_id, role="org:admin", name="quickstart", now=now
    )
    caller = Caller(org_id, key["id"], admin_id, "org:admin")
    if organization is None:
        organizations.change(db, caller, {"timezone": timezone}, now=now)
    targets = (
        [_schedule(db, caller, SCHEDULE, timezone, [admin_id], now)]
        if organization or not with_team
        else _team(db, caller, admin_id, timezone, now)
    )
    policy = named.with_name(db, "escalation_policies", org_id, POLICY)
    if policy is None:
        steps = [
            {
                "escalate_after_seconds": 300,
                "target": {"type": "schedule", "schedule_id": schedule_id},
            }
            for schedule_id in targets
        ]
        policy = policies.create(db, caller, {"name": POLICY, "steps": steps}, now=now)
    component = named.with_name(db, "components", org_id, COMPONENT) or components.create(
        db, caller, {"name": COMPONENT}, now=now
    )
    return Provisioned(org_id, admin_id, targets[0], policy["id"], component["id"], key["key"])


def _team(db: Connection, caller: Caller, admin_id: str, timezone: str, now: datetime) -> list[str]:
    """Make the colleagues and both schedules; return the schedules' ids, the first to page first.

    Both have the same people and handoffs. On the second they are one turn ahead, so nobody is on
    both at once.
    """
    colleagues = [
        _user(db, caller.org_id, f"{first.lower()}@example.com", first, last, "org:member", now)
        for first, last in COLLEAGUES
    ]
    people = [admin_id, *colleagues]
    return [
        _schedule(db, caller, SCHEDULE, timezone, people, now),
        _schedule(db, caller, SECOND_SCHEDULE, timezone, [*people[1:], people[0]], now),
    ]


def _user(
    db: Connection, org_id: str, email: str, first: str, last: str, role: Role, now: datetime
) -> str:
    """Return the id of the user who has the email; make them if there is none."""
    names = {"first_name": first, "last_name": last}
    user = user_rows.with_email(db, org_id, email) or users.create(
        db, org_id=org_id, email=email, **names, role=role, now=now
    )
    id: str = user["id"]
    return id


def _schedule(
    db: Connection, caller: Caller, name: str, timezone: str, user_ids: list[str], now: datetime
) -> str:
    """Return the id of the schedule that has the name; make it if there is none.

    Then the first of the users is on call from now on, for a week.
    """
    schedule = named.with_name(db, "schedules", caller.org_id, name)
    if schedule is None:
        schedule = schedules.create(db, caller, {"name": name, "timezone": timezone}, now=now)
        layer = {
            "name": "Weekly",
            "rotation_type": "weekly",
            "rotation_length_days": 7,
            "handoff_time": "09:00",
            "effective_from": format_instant(now),
            "participant_ids": user_ids,
        }
        layers.add(db, caller, schedule["id"], layer, now=now)
    id: str = schedule["id"]
    return id
