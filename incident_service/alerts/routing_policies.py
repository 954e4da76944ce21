"""Routing policies: what becomes of alerts, by their severity (contract §10).

A rule's values are `severity`, `outcome` and `escalation_policy_id`, which may be `None`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_service import resources
from incident_service.database.engine import Connection
from incident_service.errors import Conflict
from incident_service.people.caller import Caller
from incident_service.store import Row, changes, integrations, named
from incident_service.store import routing_policies as rows

USES_AT_MOST = 20
"""How many integrations that name a policy are told."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all policies by name, without their rules."""
    return named.all_by_name(db, "routing_policies", caller.org_id)


def get_slice(
    db: Connection, caller: Caller, *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return policies by name, with their `rules`, and the name after which there are more.

    `after`: the name that the last slice gave, or an empty one.
    """
    org_id = caller.org_id
    found, end = resources.get_slice(db, "routing_policies", org_id, after=after, limit=limit)
    rules = rows.rules(db, org_id, [policy["id"] for policy in found])
    return [{**policy, "rules": list(rules[policy["id"]].values())} for policy in found], end


def uses(db: Connection, caller: Caller, id: str) -> list[Row]:
    """Return `USES_AT_MOST` integrations that name the policy, themselves or by a selector."""
    return integrations.naming_routing_policy(db, caller.org_id, id, limit=USES_AT_MOST)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the policy with its `rules` in the order sent. Raises `NotFound`."""
    return _with_rules(db, resources.find(db, "routing_policies", caller.org_id, id))


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a policy with a `name` and four `rules`, one a severity; `description` is optional.

    Raises `Conflict` `name_conflict` or `too_many_routing_policies`, and `InvalidRequest`
    `invalid_escalation_policy_id`.
    """
    columns = {"name": values["name"], "description": values.get("description"), "is_default": 0}
    policy = resources.create(db, "routing_policies", caller.org_id, columns, now=now)
    _set_rules(db, policy, values["rules"])
    policy = _with_rules(db, policy)
    changes.record(db, "routing_policy", None, policy, actor_id=caller.actor_id, now=now)
    return policy


def replace(db: Connection, caller: Caller, id: str, values: Row, *, now: datetime) -> Row:
    """Replace a policy's name, description and rules; the default policy stays the default.

    Raises `NotFound`, `Conflict` `name_conflict`, and `InvalidRequest`
    `invalid_escalation_policy_id`.
    """
    columns = {"name": values["name"], "description": values.get("description")}
    before = get(db, caller, id)
    policy = resources.change(db, "routing_policies", caller.org_id, id, columns, now=now)
    _set_rules(db, policy, values["rules"])
    policy = _with_rules(db, policy)
    changes.record(db, "routing_policy", before, policy, actor_id=caller.actor_id, now=now)
    return policy


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a policy. Raises `NotFound`, and `Conflict` `default_policy` or `policy_in_use`."""
    policy = get(db, caller, id)
    if policy["is_default"]:
        raise Conflict(
            f"{policy['name']} is the default routing policy, which cannot be deleted.",
            code="default_policy",
        )
    for integration in integrations.naming_routing_policy(db, caller.org_id, id, limit=1):
        raise Conflict(
            f"The integration {integration['name']}, or a selector of it, names {policy['name']}.",
            code="policy_in_use",
        )
    resources.hide(db, "routing_policies", caller.org_id, id, now=now)
    changes.record(db, "routing_policy", policy, None, actor_id=caller.actor_id, now=now)


def _set_rules(db: Connection, policy: Row, rules: Sequence[Row]) -> None:
    for n, rule in enumerate(rules):
        resources.check_reference(
            db,
            "escalation_policies",
            policy["org_id"],
            rule["escalation_policy_id"],
            f"rules[{n}].escalationPolicyId",
        )
    rows.set_rules(db, policy["org_id"], policy["id"], rules)


def _with_rules(db: Connection, policy: Row) -> Row:
    rules = rows.rules(db, policy["org_id"], [policy["id"]])
    return {**policy, "rules": list(rules[policy["id"]].values())}
