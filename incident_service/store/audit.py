"""Rows of `audit_events`: the trail of what happened to an incident."""

from __future__ import annotations

import json

from incident_service import ids
from incident_service.db import Connection
from incident_service.store import Row, take


def append(
    db: Connection, incident: Row, event: str, details: Row, *, actor_id: str | None, at: str
) -> None:
    """Add an event to an incident's trail, in the transaction of what it records.

    `incident` has its `org_id` and `id`; `details` are as the API shows them. `actor_id` is a
    user's or a key's, or `None` for the service itself.
    """
    db.execute(
        """
        INSERT INTO audit_events (org_id, incident_id, number, id, event, at, actor_id, details)
        VALUES (
            :org_id, :incident_id,
            1 + (SELECT coalesce(max(number), 0) FROM audit_events
                 WHERE org_id = :org_id AND incident_id = :incident_id),
            :id, :event, :at, :actor_id, :details)
        """,
        {
            "org_id": incident["org_id"],
            "incident_id": incident["id"],
            "id": ids.new_id(),
            "event": event,
            "at": at,
            "actor_id": actor_id,
            "details": json.dumps(details, ensure_ascii=False),
        },
    )


def latest(db: Connection, org_id: str, incident_id: str, *, limit: int) -> list[Row]:
    """Return the end of the incident's trail, oldest first: at most `limit` events.

    Fewer if their details are longer than `MAX_TEXT` together.
    """
    rows = db.execute(
        """
        SELECT number, id, event, at, actor_id, details FROM audit_events
        WHERE org_id = :org_id AND incident_id = :incident_id
        ORDER BY number DESC LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "limit": limit},
    )
    return [_parsed(row) for row in reversed(take(rows, "details"))]


def numbered_after(
    db: Connection, org_id: str, incident_id: str, number: int, *, limit: int
) -> list[Row]:
    """Return the events of the incident's trail that follow a number, oldest first."""
    rows = db.execute(
        """
        SELECT number, id, event, at, actor_id, details FROM audit_events
        WHERE org_id = :org_id AND incident_id = :incident_id AND number > :number
        ORDER BY number LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "number": number, "limit": limit},
    ).fetchall()
    return [_parsed(row) for row in rows]


def _parsed(row: Row) -> Row:
    return {**row, "details": json.loads(row["details"])}
