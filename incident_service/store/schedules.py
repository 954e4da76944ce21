"""Rows of `schedules`, their layers and their overrides."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, schedule: Row) -> None:
    """Add a schedule; `schedule` has a value for each column but `deleted_at`."""
    db.execute(
        """
        INSERT INTO schedules (org_id, id, name, description, timezone, created_by,
                               created_at, updated_at)
        VALUES (:org_id, :id, :name, :description, :timezone, :created_by,
                :created_at, :updated_at)
        """,
        schedule,
    )


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the schedule, unless deleted."""
    row: Row | None = db.execute(
        "SELECT * FROM schedules WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    ).fetchone()
    return row


def named(db: Connection, org_id: str, name: str) -> Row | None:
    """Return the schedule that has this name."""
    row: Row | None = db.execute(
        "SELECT * FROM schedules WHERE org_id = :org_id AND name = :name AND deleted_at IS NULL",
        {"org_id": org_id, "name": name},
    ).fetchone()
    return row


def insert_layer(db: Connection, layer: Row) -> None:
    """Add a layer; `layer` has a value for each column, and its `participant_ids` in order."""
    db.execute(
        """
        INSERT INTO schedule_layers (
            org_id, id, schedule_id, name, position, rotation_type, rotation_length_days,
            handoff_time, effective_from, effective_until, created_at, updated_at)
        VALUES (
            :org_id, :id, :schedule_id, :name, :position, :rotation_type, :rotation_length_days,
            :handoff_time, :effective_from, :effective_until, :created_at, :updated_at)
        """,
        layer,
    )
    db.executemany(
        """
        INSERT INTO schedule_layer_participants (org_id, layer_id, ordinal, user_id)
        VALUES (:org_id, :layer_id, :ordinal, :user_id)
        """,
        [
            {"org_id": layer["org_id"], "layer_id": layer["id"], "ordinal": n, "user_id": user_id}
            for n, user_id in enumerate(layer["participant_ids"])
        ],
    )


def layers(db: Connection, org_id: str, schedule_id: str) -> list[Row]:
    """Return the schedule's layers by position, each with its `participant_ids` in order."""
    rows = db.execute(
        """
        SELECT * FROM schedule_layers
        WHERE org_id = :org_id AND schedule_id = :schedule_id ORDER BY position
        """,
        {"org_id": org_id, "schedule_id": schedule_id},
    ).fetchall()
    return [{**row, "participant_ids": _participant_ids(db, org_id, row["id"])} for row in rows]


def _participant_ids(db: Connection, org_id: str, layer_id: str) -> list[str]:
    rows = db.execute(
        """
        SELECT user_id FROM schedule_layer_participants
        WHERE org_id = :org_id AND layer_id = :layer_id ORDER BY ordinal
        """,
        {"org_id": org_id, "layer_id": layer_id},
    )
    return [row["user_id"] for row in rows]


def insert_override(db: Connection, override: Row) -> None:
    """Add an override; `override` has a value for each column."""
    db.execute(
        """
        INSERT INTO schedule_overrides (
            org_id, id, schedule_id, user_id, starts_at, ends_at, starts_at_utc, ends_at_utc,
            reason, created_by, created_at)
        VALUES (
            :org_id, :id, :schedule_id, :user_id, :starts_at, :ends_at, :starts_at_utc,
            :ends_at_utc, :reason, :created_by, :created_at)
        """,
        override,
    )


def overrides_at(db: Connection, org_id: str, schedule_id: str, at_utc: str) -> list[Row]:
    """Return the overrides that cover an instant, given with microseconds: one at most."""
    return db.execute(
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :at AND starts_at_utc <= :at
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "at": at_utc},
    ).fetchall()
