"""Rows of `routing_policies` and `routing_rules`: what becomes of alerts, by their severity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows


def rules(
    db: Connection, org_id: str, policy_ids: Iterable[str] | None = None
) -> dict[str, dict[str, Row]]:
    """Return what each policy does by severity, by its id, without the deleted policies.

    Each rule has `severity`, `outcome` and `escalation_policy_id`, and each policy's are in the
    order sent. With `policy_ids`, only those policies' rules are read.
    """
    among = "" if policy_ids is None else "AND policy.id IN (SELECT value FROM json_each(:ids))"
    rows = db.execute(
        f"""
        SELECT rule.routing_policy_id, rule.severity, rule.outcome, rule.escalation_policy_id
        FROM routing_policies AS policy
        CROSS JOIN routing_rules AS rule  -- in this order: an organization has few policies
          ON rule.org_id = policy.org_id AND rule.routing_policy_id = policy.id
        WHERE policy.org_id = :org_id AND policy.deleted_at IS NULL {among}
        ORDER BY rule.routing_policy_id, rule.ordinal
        """,
        {"org_id": org_id, "ids": json.dumps(list(policy_ids or ()))},
    ).fetchall()
    by_policy: dict[str, dict[str, Row]] = {}
    for row in rows:
        by_policy.setdefault(row.pop("routing_policy_id"), {})[row["severity"]] = row
    return by_policy


def default_id(db: Connection, org_id: str) -> str:
    """Return the id of the organization's default policy: there always is one."""
    row: Row = db.execute(
        "SELECT id FROM routing_policies WHERE org_id = :org_id AND is_default = 1",
        {"org_id": org_id},
    ).fetchone()
    id: str = row["id"]
    return id


def set_rules(db: Connection, org_id: str, policy_id: str, rules: Sequence[Row]) -> None:
    """Give the policy exactly these rules, in order.

    Each has `severity`, `outcome` and `escalation_policy_id`.
    """
    db.execute(
        "DELETE FROM routing_rules WHERE org_id = :org_id AND routing_policy_id = :policy_id",
        {"org_id": org_id, "policy_id": policy_id},
    )
    rows = [
        {"org_id": org_id, "routing_policy_id": policy_id, "ordinal": n, **rule}
        for n, rule in enumerate(rules)
    ]
    insert_rows(db, "routing_rules", rows)


def naming_escalation_policy(
    db: Connection, org_id: str, policy_id: str, *, limit: int
) -> list[Row]:
    """Return routing policies that have a rule with this escalation policy, by name.

    Without the deleted ones; each has `id` and `name`.
    """
    return db.execute(
        """
        SELECT DISTINCT policy.id, policy.name FROM routing_rules AS rule
        JOIN routing_policies AS policy
          ON policy.org_id = rule.org_id AND policy.id = rule.routing_policy_id
        WHERE rule.org_id = :org_id AND rule.escalation_policy_id = :policy_id
          AND policy.deleted_at IS NULL
        ORDER BY policy.name LIMIT :limit
        """,
        {"org_id": org_id, "policy_id": policy_id, "limit": limit},
    ).fetchall()
