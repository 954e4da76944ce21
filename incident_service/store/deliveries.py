"""Rows of `deliveries`: pages on their way, one row a contact method."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, delivery: Row) -> None:
    """Add a delivery that is due at once and was not tried yet."""
    db.execute(
        """
        INSERT INTO deliveries (
            org_id, id, incident_id, user_id, layer_position, contact_method_id, kind, created_at,
            due_at)
        VALUES (
            :org_id, :id, :incident_id, :user_id, :layer_position, :contact_method_id, :kind,
            :created_at, :created_at)
        """,
        delivery,
    )


def claim(db: Connection, *, at: str, until: str, limit: int) -> list[Row]:
    """Take deliveries that are due, for a while, and count the attempt; those due first, first."""
    return db.execute(
        """
        UPDATE deliveries SET
            claimed_until = :until, attempts = attempts + 1,
            first_tried_at = coalesce(first_tried_at, :at)
        WHERE rowid IN (
            SELECT rowid FROM deliveries
            WHERE due_at <= :at AND (claimed_until IS NULL OR claimed_until <= :at)
            ORDER BY due_at LIMIT :limit)
        RETURNING *
        """,
        {"at": at, "until": until, "limit": limit},
    ).fetchall()


def put_off(db: Connection, delivery: Row, *, due_at: str) -> bool:
    """Let the delivery be tried again at an instant.

    Return whether it can be: not where it was called off, or another process has taken it since.
    """
    changed = db.execute(
        """
        UPDATE deliveries SET due_at = :due_at, claimed_until = NULL
        WHERE org_id = :org_id AND id = :id AND attempts = :attempts
        """,
        {**delivery, "due_at": due_at},
    )
    return changed.rowcount > 0


def untried_user_ids(db: Connection, org_id: str, incident_id: str) -> set[str]:
    """Return the users to whom a page about the incident is due that nobody has taken yet."""
    rows = db.execute(
        """
        SELECT DISTINCT user_id FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = 'page' AND attempts = 0
        """,
        {"org_id": org_id, "incident_id": incident_id},
    ).fetchall()
    return {row["user_id"] for row in rows}


def user_ids(db: Connection, org_id: str, incident_id: str, *, limit: int) -> list[str]:
    """Return users to whom a page about the incident is on its way, tried already or not."""
    rows = db.execute(
        """
        SELECT DISTINCT user_id FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = 'page'
        ORDER BY user_id LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "limit": limit},
    ).fetchall()
    return [row["user_id"] for row in rows]


def delete(db: Connection, org_id: str, id: str) -> None:
    """Remove a delivery that has come to its end."""
    db.execute(
        "DELETE FROM deliveries WHERE org_id = :org_id AND id = :id", {"org_id": org_id, "id": id}
    )


def delete_pages(db: Connection, org_id: str, incident_id: str) -> None:
    """Call off the pages about an incident; a notice stays on its way."""
    db.execute(
        """
        DELETE FROM deliveries
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = 'page'
        """,
        {"org_id": org_id, "incident_id": incident_id},
    )


def delete_of_incidents(db: Connection, org_id: str, incident_ids: Sequence[str]) -> None:
    """Call off all that is on its way about incidents."""
    db.execute(
        """
        DELETE FROM deliveries
        WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids)},
    )


def count_outcome(db: Connection, outcome: str) -> None:
    """Count a try that came out `sent` or `failed`."""
    db.execute(
        "UPDATE page_outcomes SET number = number + 1 WHERE outcome = :outcome",
        {"outcome": outcome},
    )


def outcomes(db: Connection) -> dict[str, int]:
    """Return how many tries ever came out `sent` and `failed`, in all organizations."""
    rows = db.execute("SELECT outcome, number FROM page_outcomes").fetchall()
    return {row["outcome"]: row["number"] for row in rows}


def next_due_at(db: Connection, *, at: str) -> str | None:
    """Return when the next delivery that nobody has claimed falls due, or the first that did."""
    row = db.execute(
        """
        SELECT due_at FROM deliveries WHERE claimed_until IS NULL OR claimed_until <= :at
        ORDER BY due_at LIMIT 1
        """,
        {"at": at},
    ).fetchone()
    return row["due_at"] if row else None
