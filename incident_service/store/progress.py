"""Rows of `escalation_progress`: how often an incident's policy has come to each target."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.store import Row


def of_incident(db: Connection, incident: Row) -> dict[str, int]:
    """Return how often each target is done."""
    rows = db.execute(
        """
        SELECT target, done FROM escalation_progress
        WHERE org_id = :org_id AND incident_id = :id
        """,
        {"org_id": incident["org_id"], "id": incident["id"]},
    ).fetchall()
    return {row["target"]: row["done"] for row in rows}


def put(db: Connection, incident: Row, target: str, *, done: int) -> None:
    """Note how often a target is done now."""
    db.execute(
        """
        INSERT INTO escalation_progress (org_id, incident_id, target, done)
        VALUES (:org_id, :id, :target, :done)
        ON CONFLICT (org_id, incident_id, target) DO UPDATE SET done = excluded.done
        """,
        {"org_id": incident["org_id"], "id": incident["id"], "target": target, "done": done},
    )


def delete(db: Connection, incident: Row) -> None:
    """Forget it all: the escalation is over."""
    db.execute(
        "DELETE FROM escalation_progress WHERE org_id = :org_id AND incident_id = :id",
        {"org_id": incident["org_id"], "id": incident["id"]},
    )
