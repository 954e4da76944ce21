"""Rows of `contact_methods`."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.store import Row


def insert(db: Connection, method: Row) -> None:
    """Add a contact method; `method` has a value for each column."""
    db.execute(
        """
        INSERT INTO contact_methods (org_id, user_id, id, label, url, created_at)
        VALUES (:org_id, :user_id, :id, :label, :url, :created_at)
        """,
        method,
    )


def get(db: Connection, org_id: str, user_id: str, id: str) -> Row | None:
    """Return the contact method of that user."""
    row: Row | None = db.execute(
        """
        SELECT * FROM contact_methods
        WHERE org_id = :org_id AND user_id = :user_id AND id = :id
        """,
        {"org_id": org_id, "user_id": user_id, "id": id},
    ).fetchone()
    return row


def of_user(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Return the user's contact methods, oldest first."""
    return db.execute(
        """
        SELECT * FROM contact_methods WHERE org_id = :org_id AND user_id = :user_id
        ORDER BY created_at, id
        """,
        {"org_id": org_id, "user_id": user_id},
    ).fetchall()


def delete(db: Connection, org_id: str, user_id: str, id: str) -> None:
    """Remove the contact method."""
    db.execute(
        "DELETE FROM contact_methods WHERE org_id = :org_id AND user_id = :user_id AND id = :id",
        {"org_id": org_id, "user_id": user_id, "id": id},
    )


def delete_of_user(db: Connection, org_id: str, user_id: str) -> None:
    """Remove all contact methods of the user."""
    db.execute(
        "DELETE FROM contact_methods WHERE org_id = :org_id AND user_id = :user_id",
        {"org_id": org_id, "user_id": user_id},
    )
