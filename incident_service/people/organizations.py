"""Organizations: each owns all that is kept for it (contract §1 and §6)."""

from __future__ import annotations

from datetime import datetime

from incident_service import ids, resources
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, NotFound
from incident_service.people.caller import Caller
from incident_service.store import Row, routing_policies
from incident_service.store import changes as log
from incident_service.store import organizations as rows

DEFAULT_ROUTING = "Default"
"""The name that an organization's default routing policy is born with."""

DEFAULT_OUTCOMES = {
    "critical": "incident",
    "high": "incident",
    "medium": "notification",
    "low": "notification",
}
"""What the default routing policy is born with, by severity (contract §10)."""


def create(db: Connection, *, name: str, now: datetime) -> str:
    """Make an organization with its default routing policy, and return its id.

    Raises `Conflict` `name_conflict`. Files from before that rule may have two of one name.
    """
    rows.take_turn_to_name(db)
    taken_by = rows.oldest_named(db, name)
    if taken_by is not None:
        raise Conflict(
            f"name: {name} is the name of organization {taken_by['id']}.", code="name_conflict"
        )
    id = ids.new_org_id()
    rows.insert(db, id=id, name=name, at=format_instant(now))
    log.record(db, "organization", None, _recorded(_find(db, id)), actor_id=None, now=now)
    default = {"name": DEFAULT_ROUTING, "description": None, "is_default": 1}
    policy = resources.create(db, "routing_policies", id, default, now=now)
    routing_policies.set_rules(
        db,
        id,
        policy["id"],
        [
            {"severity": severity, "outcome": outcome, "escalation_policy_id": None}
            for severity, outcome in DEFAULT_OUTCOMES.items()
        ],
    )
    return id


def get(db: Connection, caller: Caller) -> Row:
    """Return the caller's organization."""
    return _find(db, caller.org_id)


def change(db: Connection, caller: Caller, changes: Row, *, now: datetime) -> Row:
    """Set some of the organization's values; return its row.

    `name`, `timezone` and `default_escalation_policy_id` may change. Raises `Conflict`
    `name_conflict`, and `InvalidRequest` `invalid_escalation_policy_id`.
    """
    row = get(db, caller)
    name, policy_id = changes.get("name"), changes.get("default_escalation_policy_id")
    if name is not None and name != row["name"]:
        rows.take_turn_to_name(db)
        if rows.oldest_named(db, name) is not None:
            raise Conflict(
                f"name: {name} is the name of another organization.", code="name_conflict"
            )
    resources.check_reference(
        db, "escalation_policies", caller.org_id, policy_id, "defaultEscalationPolicyId"
    )
    if changes:
        rows.update(db, caller.org_id, changes)
    changed = {**row, **changes}
    before, after = _recorded(row), _recorded(changed)
    log.record(db, "organization", before, after, actor_id=caller.actor_id, now=now)
    return changed


def check(db: Connection, org_id: str) -> None:
    """Raise `NotFound` if there is no such organization."""
    _find(db, org_id)


def _find(db: Connection, id: str) -> Row:
    row = rows.get(db, id)
    if row is None:
        raise NotFound(f"There is no organization {id}.")
    return row


def _recorded(organization: Row) -> Row:
    """Return the organization as a thing of its own, for the audit log."""
    return {**organization, "org_id": organization["id"]}
