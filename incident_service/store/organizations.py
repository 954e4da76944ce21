"""Rows of `organizations`."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, *, id: str, name: str, at: str) -> None:
    """Add an organization made at `at`."""
    db.execute(
        "INSERT INTO organizations (id, name, created_at) VALUES (:id, :name, :at)",
        {"id": id, "name": name, "at": at},
    )


def get(db: Connection, id: str) -> Row | None:
    """Return the organization."""
    row: Row | None = db.execute(
        "SELECT * FROM organizations WHERE id = :id", {"id": id}
    ).fetchone()
    return row


def oldest_named(db: Connection, name: str) -> Row | None:
    """Return the first organization that was given this name."""
    row: Row | None = db.execute(
        "SELECT * FROM organizations WHERE name = :name ORDER BY id LIMIT 1", {"name": name}
    ).fetchone()
    return row


def next_incident_number(db: Connection, id: str) -> int:
    """Count one incident more, and return its number."""
    row: Row = db.execute(
        """
        UPDATE organizations SET last_incident_number = last_incident_number + 1
        WHERE id = :id RETURNING last_incident_number
        """,
        {"id": id},
    ).fetchone()
    number: int = row["last_incident_number"]
    return number
