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
    key = {"org_id": org_id, "schedule_id": schedule_id}
    found = db.execute(
        """
        SELECT * FROM schedule_layers
        WHERE org_id = :org_id AND schedule_id = :schedule_id ORDER BY position
        """,
        key,
    ).fetchall()
    participants = db.execute(
        """
        SELECT participant.layer_id, participant.user_id FROM schedule_layers AS layer
        JOIN schedule_layer_participants AS participant
          ON participant.org_id = layer.org_id AND participant.layer_id = layer.id
        WHERE layer.org_id = :org_id AND layer.schedule_id = :schedule_id
        ORDER BY participant.layer_id, participant.ordinal
        """,
        key,
    ).fetchall()
    by_layer: dict[str, list[str]] = {row["id"]: [] for row in found}
    for row in participants:
        by_layer[row["layer_id"]].append(row["user_id"])
    return [{**row, "participant_ids": by_layer[row["id"]]} for row in found]


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
