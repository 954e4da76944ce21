"""Rows of the layers of escalation policies, and of the users they name."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, insert_rows, one_or_none, set_columns


def insert_layer(db: Connection, layer: Row) -> None:
    """Add a layer; `layer` has a value for each column, and its `user_ids` in order."""
    columns = dict(layer)
    user_ids = columns.pop("user_ids")
    insert_row(db, "escalation_layers", columns)
    _insert_users(db, layer["org_id"], layer["id"], user_ids)


def layers(db: Connection, org_id: str, policy_id: str) -> list[Row]:
    """Return the policy's layers by position, each with its `user_ids` in order."""
    return layers_of(db, org_id, [policy_id])[policy_id]


def layers_of(db: Connection, org_id: str, policy_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the layers of each of the policies, as `layers` does."""
    key = {"org_id": org_id, "ids": json.dumps(policy_ids)}
    layers = db.execute(
        """
        SELECT * FROM escalation_layers
        WHERE org_id = :org_id AND policy_id IN (SELECT value FROM json_each(:ids))
        ORDER BY policy_id, position
        """,
        key,
    ).fetchall()
    users = db.execute(
        """
        SELECT target.layer_id, target.user_id FROM escalation_layers AS layer
        CROSS JOIN escalation_layer_users AS target  -- in this order: they have few layers
          ON target.org_id = layer.org_id AND target.layer_id = layer.id
        WHERE layer.org_id = :org_id AND layer.policy_id IN (SELECT value FROM json_each(:ids))
        ORDER BY target.layer_id, target.ordinal
        """,
        key,
    ).fetchall()
    by_layer: dict[str, list[str]] = {row["id"]: [] for row in layers}
    for row in users:
        by_layer[row["layer_id"]].append(row["user_id"])
    by_policy: dict[str, list[Row]] = {id: [] for id in policy_ids}
    for row in layers:
        by_policy[row["policy_id"]].append({**row, "user_ids": by_layer[row["id"]]})
    return by_policy


def targets_of_all(db: Connection, org_id: str) -> list[Row]:
    """Return what the layers of the organization's policies target, without the deleted ones.

    Each target as `policy_id` and `schedule_id` or `user_id`.
    """
    return db.execute(
        """
        SELECT layer.policy_id, layer.schedule_id, target.user_id
        FROM escalation_policies AS policy
        CROSS JOIN escalation_layers AS layer  -- in this order: layers of deleted ones stay
          ON layer.org_id = policy.org_id AND layer.policy_id = policy.id
        LEFT JOIN escalation_layer_users AS target
          ON target.org_id = layer.org_id AND target.layer_id = layer.id
        WHERE policy.org_id = :org_id AND policy.deleted_at IS NULL
        """,
        {"org_id": org_id},
    ).fetchall()


def update_layer(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change a layer; the keys of `changes` are the columns to set, and `user_ids`."""
    columns = dict(changes)
    user_ids = columns.pop("user_ids", None)
    set_columns(db, "escalation_layers", columns, org_id=org_id, id=id)
    if user_ids is not None:
        db.execute(
            "DELETE FROM escalation_layer_users WHERE org_id = :org_id AND layer_id = :id",
            {"org_id": org_id, "id": id},
        )
        _insert_users(db, org_id, id, user_ids)


def delete_layer(db: Connection, org_id: str, id: str) -> None:
    """Remove a layer; its position stays free."""
    db.execute(
        "DELETE FROM escalation_layers WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def set_positions(
    db: Connection, org_id: str, policy_id: str, layer_ids: list[str], *, at: str
) -> None:
    """Give the policy's layers, all of them, the positions 1, 2, 3 … in this order.

    `updated_at` of those that move becomes `at`.
    """
    # No two layers may share a position, not even for a moment: move them all out of the way.
    away = 1000
    db.execute(
        """
        UPDATE escalation_layers SET position = position + :away
        WHERE org_id = :org_id AND policy_id = :policy_id
        """,
        {"org_id": org_id, "policy_id": policy_id, "away": away},
    )
    db.executemany(
        """
        UPDATE escalation_layers
        SET position = :position,
            updated_at = CASE position - :away WHEN :position THEN updated_at ELSE :at END
        WHERE org_id = :org_id AND id = :id
        """,
        [
            {"org_id": org_id, "id": id, "position": n, "away": away, "at": at}
            for n, id in enumerate(layer_ids, start=1)
        ],
    )


def id_for_schedule(db: Connection, org_id: str, schedule_id: str) -> str | None:
    """Return the policy in which the schedule comes earliest; if several do, the oldest of them."""
    row = one_or_none(
        db,
        """
        SELECT policy.id FROM escalation_layers AS layer
        JOIN escalation_policies AS policy
          ON policy.org_id = layer.org_id AND policy.id = layer.policy_id
        WHERE layer.org_id = :org_id AND layer.schedule_id = :schedule_id
          AND policy.deleted_at IS NULL
        ORDER BY layer.position, policy.created_at, policy.id LIMIT 1
        """,
        {"org_id": org_id, "schedule_id": schedule_id},
    )
    return row["id"] if row else None


def with_working_hours(
    db: Connection, org_id: str, working_hours_id: str, *, limit: int
) -> list[Row]:
    """Return policies that have a layer with these working hours, without the deleted ones."""
    return db.execute(
        """
        SELECT policy.id, policy.name FROM escalation_policies AS policy
        WHERE policy.org_id = :org_id AND policy.deleted_at IS NULL AND EXISTS (
            SELECT 1 FROM escalation_layers AS layer
            WHERE layer.org_id = policy.org_id AND layer.policy_id = policy.id
              AND layer.working_hours_id = :working_hours_id)
        ORDER BY policy.name LIMIT :limit
        """,
        {"org_id": org_id, "working_hours_id": working_hours_id, "limit": limit},
    ).fetchall()


def unresolved_incidents(db: Connection, org_id: str, policy_id: str, *, limit: int) -> list[Row]:
    """Return the first unresolved incidents the policy escalates: `sequential_id` and `title`."""
    return db.execute(
        """
        SELECT sequential_id, title FROM incidents
        WHERE org_id = :org_id AND escalation_policy_id = :policy_id
          AND status <> 'resolved'
        ORDER BY sequential_id LIMIT :limit
        """,
        {"org_id": org_id, "policy_id": policy_id, "limit": limit},
    ).fetchall()


def _insert_users(db: Connection, org_id: str, layer_id: str, user_ids: list[str]) -> None:
    rows = [
        {"org_id": org_id, "layer_id": layer_id, "ordinal": n, "user_id": user_id}
        for n, user_id in enumerate(user_ids)
    ]
    insert_rows(db, "escalation_layer_users", rows)
