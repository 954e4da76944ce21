"""Rows of `escalation_policies` and their layers."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, policy: Row) -> None:
    """Add a policy; `policy` has a value for each column but `deleted_at`."""
    db.execute(
        """
        INSERT INTO escalation_policies (org_id, id, name, description, created_by,
                                         created_at, updated_at)
        VALUES (:org_id, :id, :name, :description, :created_by, :created_at, :updated_at)
        """,
        policy,
    )


def insert_layer(db: Connection, layer: Row) -> None:
    """Add a layer to a policy; `layer` has a value for each column."""
    db.execute(
        """
        INSERT INTO escalation_layers (org_id, id, policy_id, position, escalate_after_seconds,
                                       target_type, schedule_id, created_at, updated_at)
        VALUES (:org_id, :id, :policy_id, :position, :escalate_after_seconds,
                :target_type, :schedule_id, :created_at, :updated_at)
        """,
        layer,
    )


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the policy, unless deleted."""
    row: Row | None = db.execute(
        """
        SELECT * FROM escalation_policies
        WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL
        """,
        {"org_id": org_id, "id": id},
    ).fetchone()
    return row


def named(db: Connection, org_id: str, name: str) -> Row | None:
    """Return the policy that has this name."""
    row: Row | None = db.execute(
        """
        SELECT * FROM escalation_policies
        WHERE org_id = :org_id AND name = :name AND deleted_at IS NULL
        """,
        {"org_id": org_id, "name": name},
    ).fetchone()
    return row


def id_for_schedule(db: Connection, org_id: str, schedule_id: str) -> str | None:
    """Return the policy in which the schedule stands earliest; of equals, the oldest."""
    row = db.execute(
        """
        SELECT policy.id FROM escalation_layers AS layer
        JOIN escalation_policies AS policy
          ON policy.org_id = layer.org_id AND policy.id = layer.policy_id
        WHERE layer.org_id = :org_id AND layer.schedule_id = :schedule_id
          AND policy.deleted_at IS NULL
        ORDER BY layer.position, policy.created_at, policy.id LIMIT 1
        """,
        {"org_id": org_id, "schedule_id": schedule_id},
    ).fetchone()
    return row["id"] if row else None
