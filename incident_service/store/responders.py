"""Rows of `incident_responders`: who was asked to help with an incident."""

from __future__ import annotations

from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows


def insert(db: Connection, responders: Sequence[Row]) -> None:
    """Add responders; each has a value for each column."""
    insert_rows(db, "incident_responders", responders)


def of_incident(db: Connection, org_id: str, incident_id: str) -> list[Row]:
    """Return the incident's responders, those added first, first."""
    return db.execute(
        """
        SELECT user_id, added_at, added_by FROM incident_responders
        WHERE org_id = :org_id AND incident_id = :incident_id ORDER BY added_at, user_id
        """,
        {"org_id": org_id, "incident_id": incident_id},
    ).fetchall()


def delete(db: Connection, org_id: str, incident_id: str, user_id: str) -> None:
    """Remove a responder."""
    db.execute(
        """
        DELETE FROM incident_responders
        WHERE org_id = :org_id AND incident_id = :incident_id AND user_id = :user_id
        """,
        {"org_id": org_id, "incident_id": incident_id, "user_id": user_id},
    )
