"""Rows of `users`."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, user: Row) -> None:
    """Add a user; `user` has a value for each column but `deleted_at`."""
    db.execute(
        """
        INSERT INTO users (org_id, id, email, email_key, first_name, last_name, role,
                           created_at, updated_at)
        VALUES (:org_id, :id, :email, :email_key, :first_name, :last_name, :role,
                :created_at, :updated_at)
        """,
        user,
    )


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the user, unless deleted."""
    row: Row | None = db.execute(
        "SELECT * FROM users WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    ).fetchone()
    return row


def id_was_used(db: Connection, org_id: str, id: str) -> bool:
    """Whether the id belongs to a user of the organization, or did once."""
    found = db.execute(
        "SELECT 1 FROM users WHERE org_id = :org_id AND id = :id", {"org_id": org_id, "id": id}
    ).fetchone()
    return found is not None


def with_email(db: Connection, org_id: str, email_key: str) -> Row | None:
    """Return the user who has this email, letter case folded."""
    row: Row | None = db.execute(
        """
        SELECT * FROM users
        WHERE org_id = :org_id AND email_key = :email_key AND deleted_at IS NULL
        """,
        {"org_id": org_id, "email_key": email_key},
    ).fetchone()
    return row
