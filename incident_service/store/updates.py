"""Rows of `incident_updates`: news of an incident."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, next_number, one_or_none, set_columns, take


def insert(db: Connection, update: Row) -> None:
    """Add an update after the others of its incident.

    `update` has a value for each column but `number`; nothing of it is redacted yet.
    """
    insert_row(db, "incident_updates", update, number=next_number("incident_updates"))


def numbered_after(
    db: Connection, org_id: str, incident_id: str, number: int, *, limit: int
) -> list[Row]:
    """Return the incident's updates that follow a number, oldest first, at most `limit`.

    Fewer if their texts are longer than `MAX_TEXT` together.
    """
    rows = db.execute(
        """
        SELECT * FROM incident_updates
        WHERE org_id = :org_id AND incident_id = :incident_id AND number > :number
        ORDER BY number LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "number": number, "limit": limit},
    )
    return take(rows, "body")


def last_number(db: Connection, org_id: str, incident_id: str) -> int:
    """Return the number of the incident's latest update, or 0 if it has none."""
    row = db.execute(
        """
        SELECT coalesce(max(number), 0) AS number FROM incident_updates
        WHERE org_id = :org_id AND incident_id = :incident_id
        """,
        {"org_id": org_id, "incident_id": incident_id},
    ).fetchone()
    return int(row["number"])


def latest(
    db: Connection, org_id: str, incident_id: str, *, limit: int, characters: int
) -> list[Row]:
    """Return the incident's latest updates, newest first; `number` counts them from 1.

    A longer body is cut to its first `characters`, and then `is_cut` is true.
    """
    return db.execute(
        """
        SELECT
            number, visibility, substr(body, 1, :characters) AS body,
            CASE WHEN length(body) > :characters THEN 1 ELSE 0 END AS is_cut,
            status_change, posted_by_name, posted_at, redacted_at
        FROM incident_updates
        WHERE org_id = :org_id AND incident_id = :incident_id
        ORDER BY number DESC LIMIT :limit
        """,
        {
            "org_id": org_id,
            "incident_id": incident_id,
            "limit": limit,
            "characters": characters,
        },
    ).fetchall()


def latest_without_texts(db: Connection, org_id: str, incident_id: str, *, limit: int) -> list[Row]:
    """Return the incident's latest updates, oldest first: all but what they say."""
    rows = db.execute(
        """
        SELECT id, visibility, status_change, posted_by, posted_at FROM incident_updates
        WHERE org_id = :org_id AND incident_id = :incident_id
        ORDER BY number DESC LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "limit": limit},
    ).fetchall()
    return rows[::-1]


def get(db: Connection, org_id: str, incident_id: str, id: str) -> Row | None:
    """Return the update."""
    return one_or_none(
        db,
        """
        SELECT * FROM incident_updates
        WHERE org_id = :org_id AND incident_id = :incident_id AND id = :id
        """,
        {"org_id": org_id, "incident_id": incident_id, "id": id},
    )


def with_ids(db: Connection, org_id: str, incident_id: str, ids: Sequence[str]) -> list[Row]:
    """Return those of the incident's updates, newest first.

    Fewer if their texts are longer than `MAX_TEXT` together.
    """
    rows = db.execute(
        """
        SELECT * FROM incident_updates
        WHERE org_id = :org_id AND incident_id = :incident_id
          AND id IN (SELECT value FROM json_each(:ids))
        ORDER BY number DESC
        """,
        {"org_id": org_id, "incident_id": incident_id, "ids": json.dumps(ids)},
    )
    return take(rows, "body")


def redact(db: Connection, update: Row, redaction: Row) -> None:
    """Remove the text of an update; `redaction` has the columns that change."""
    set_columns(
        db,
        "incident_updates",
        redaction,
        org_id=update["org_id"],
        incident_id=update["incident_id"],
        number=update["number"],
    )
