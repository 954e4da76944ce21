"""Rows of `components`."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, *, org_id: str, id: str, name: str, at: str) -> None:
    """Add a component made at `at`."""
    db.execute(
        """
        INSERT INTO components (org_id, id, name, created_at, updated_at)
        VALUES (:org_id, :id, :name, :at, :at)
        """,
        {"org_id": org_id, "id": id, "name": name, "at": at},
    )


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the component, unless deleted."""
    row: Row | None = db.execute(
        "SELECT * FROM components WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    ).fetchone()
    return row


def named(db: Connection, org_id: str, name: str) -> Row | None:
    """Return the component that has this name."""
    row: Row | None = db.execute(
        "SELECT * FROM components WHERE org_id = :org_id AND name = :name AND deleted_at IS NULL",
        {"org_id": org_id, "name": name},
    ).fetchone()
    return row
