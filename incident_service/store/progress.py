"""Rows of `escalation_progress`: how often an incident's policy has come to each target."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import Row, put_rows


def put(db: Connection, incident: Row, target: str, *, done: int) -> None:
    """Record how often a target is done now."""
    row = {
        "org_id": incident["org_id"],
        "incident_id": incident["id"],
        "target": target,
        "done": done,
    }
    put_rows(db, "escalation_progress", [row], key=("org_id", "incident_id", "target"))


def of_incident(db: Connection, org_id: str, incident_id: str) -> dict[str, int]:
    """Return how often each target is done."""
    rows = db.execute(
        """
        SELECT target, done FROM escalation_progress
        WHERE org_id = :org_id AND incident_id = :incident_id
        """,
        {"org_id": org_id, "incident_id": incident_id},
    )
    return {row["target"]: row["done"] for row in rows}


def delete(db: Connection, incident: Row) -> None:
    """Remove the progress of an escalation that is over, or that starts again."""
    db.execute(
        "DELETE FROM escalation_progress WHERE org_id = :org_id AND incident_id = :id",
        {"org_id": incident["org_id"], "id": incident["id"]},
    )
