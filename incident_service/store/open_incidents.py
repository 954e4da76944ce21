"""Rows of `incidents` that are not resolved, for whoever looks at them now, worst first."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.severity import SEVERITIES
from incident_service.store import Row

RECENT = 1000
"""Among how many incidents a user's requests for help are looked for: the newest of them."""


def worst(db: Connection, org_id: str, *, limit: int) -> list[Row]:
    """Return the `limit` worst unresolved incidents, those of one severity newest first."""
    parts = " UNION ALL ".join(
        f"""
        SELECT * FROM (
            SELECT *, {rank} AS severity_rank FROM incidents INDEXED BY incidents_open_by_severity
            WHERE org_id = :org_id AND severity = '{severity}' AND status <> 'resolved'
            ORDER BY sequential_id DESC LIMIT :limit) AS those
        """
        for rank, severity in enumerate(SEVERITIES)
    )
    return db.execute(
        f"{parts} ORDER BY severity_rank, sequential_id DESC LIMIT :limit",
        {"org_id": org_id, "limit": limit},
    ).fetchall()


def count(db: Connection, org_id: str, *, most: int) -> int:
    """Return how many incidents are not resolved; it counts no further than `most`."""
    row = db.execute(
        """
        SELECT count(*) AS number FROM (
            SELECT 1 FROM incidents INDEXED BY incidents_open
            WHERE org_id = :org_id AND status <> 'resolved' LIMIT :most) AS those
        """,
        {"org_id": org_id, "most": most},
    ).fetchone()
    return int(row["number"])


def waiting_for_owner(db: Connection, org_id: str, user_id: str, *, limit: int) -> list[Row]:
    """Return the newest unresolved incidents that the user owns and nobody has acknowledged."""
    return db.execute(
        """
        SELECT * FROM incidents INDEXED BY incidents_waiting
        WHERE org_id = :org_id AND owner_id = :user_id
          AND status <> 'resolved' AND acknowledged_at IS NULL
        ORDER BY sequential_id DESC LIMIT :limit
        """,
        {"org_id": org_id, "user_id": user_id, "limit": limit},
    ).fetchall()


def waiting_for_help(db: Connection, org_id: str, user_id: str, *, limit: int) -> list[Row]:
    """Return the newest unresolved incidents of others that the user was asked to help with.

    Without those that the user acknowledged.
    """
    return db.execute(
        """
        SELECT incident.* FROM (
            SELECT incident_id FROM incident_responders
            WHERE org_id = :org_id AND user_id = :user_id
            ORDER BY incident_id DESC LIMIT :recent) AS asked
        CROSS JOIN incidents AS incident
          ON incident.org_id = :org_id AND incident.id = asked.incident_id
        WHERE incident.status <> 'resolved' AND coalesce(incident.owner_id, '') <> :user_id
          AND coalesce(incident.acknowledged_by, '') <> :user_id
        ORDER BY asked.incident_id DESC LIMIT :limit
        """,
        {"org_id": org_id, "user_id": user_id, "limit": limit, "recent": RECENT},
    ).fetchall()
