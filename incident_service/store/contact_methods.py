"""Rows of `contact_methods`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none


def insert(db: Connection, method: Row) -> None:
    """Add a contact method; `method` has a value for each column."""
    insert_row(db, "contact_methods", method)


def get(db: Connection, org_id: str, user_id: str, id: str) -> Row | None:
    """Return the contact method of that user."""
    return one_or_none(
        db,
        """
        SELECT * FROM contact_methods
        WHERE org_id = :org_id AND user_id = :user_id AND id = :id
        """,
        {"org_id": org_id, "user_id": user_id, "id": id},
    )


def of_user(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Return the user's contact methods, oldest first."""
    return db.execute(
        """
        SELECT * FROM contact_methods WHERE org_id = :org_id AND user_id = :user_id
        ORDER BY created_at, id
        """,
        {"org_id": org_id, "user_id": user_id},
    ).fetchall()


def of_users(db: Connection, org_id: str, user_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the contact methods of those users who are not deleted, by user, oldest first.

    A user without any has an empty list.
    """
    rows = db.execute(
        """
        SELECT person.id AS user_id, method.id, method.label, method.url, method.works_since
        FROM users AS person
        LEFT JOIN contact_methods AS method
          ON method.org_id = person.org_id AND method.user_id = person.id
        WHERE person.org_id = :org_id AND person.id IN (SELECT value FROM json_each(:ids))
          AND person.deleted_at IS NULL
        ORDER BY method.created_at, method.id
        """,
        {"org_id": org_id, "ids": json.dumps(user_ids)},
    ).fetchall()
    by_user: dict[str, list[Row]] = {row["user_id"]: [] for row in rows}
    for row in rows:
        if row["id"] is not None:
            by_user[row["user_id"]].append(row)
    return by_user


def set_works_since(db: Connection, org_id: str, user_id: str, id: str, at: str | None) -> None:
    """Record that the contact method works, since an instant if it is news, or does not (`None`).

    What is known already is not written again: pages are many.
    """
    db.execute(
        """
        UPDATE contact_methods SET works_since = :at
        WHERE org_id = :org_id AND user_id = :user_id AND id = :id
          AND (works_since IS NULL) <> (CAST(:at AS TEXT) IS NULL)
        """,
        {"org_id": org_id, "user_id": user_id, "id": id, "at": at},
    )


def delete(db: Connection, org_id: str, user_id: str, id: str) -> None:
    """Remove the contact method."""
    db.execute(
        "DELETE FROM contact_methods WHERE org_id = :org_id AND user_id = :user_id AND id = :id",
        {"org_id": org_id, "user_id": user_id, "id": id},
    )


def delete_of_user(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Remove all contact methods of the user, and return them without their URLs."""
    return db.execute(
        """
        DELETE FROM contact_methods WHERE org_id = :org_id AND user_id = :user_id
        RETURNING org_id, user_id, id, label
        """,
        {"org_id": org_id, "user_id": user_id},
    ).fetchall()
