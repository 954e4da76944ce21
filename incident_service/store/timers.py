"""Rows of `incident_timers`: what of an incident falls due, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from incident_service.db import Connection
from incident_service.store import Row

Kind = Literal["owner", "layer"]


def insert(
    db: Connection, incident: Row, positions: Mapping[Kind, int | None], *, due_at: str
) -> None:
    """Add timers of a new incident, all due at an instant; `positions`: of the layer to fire."""
    db.executemany(
        """
        INSERT INTO incident_timers (org_id, incident_id, kind, position, due_at)
        VALUES (?, ?, ?, ?, ?)
        """,
        [
            (incident["org_id"], incident["id"], kind, position, due_at)
            for kind, position in positions.items()
        ],
    )


def put(
    db: Connection, incident: Row, kind: Kind, *, due_at: str | None, position: int | None = None
) -> None:
    """Set when the incident's owner is to be paged, or the layer at `position` is to fire."""
    db.execute(
        """
        INSERT INTO incident_timers (org_id, incident_id, kind, position, due_at)
        VALUES (:org_id, :incident_id, :kind, :position, :due_at)
        ON CONFLICT (org_id, incident_id, kind) DO UPDATE SET
            position = excluded.position, due_at = excluded.due_at
        """,
        {
            "org_id": incident["org_id"],
            "incident_id": incident["id"],
            "kind": kind,
            "position": position,
            "due_at": due_at,
        },
    )


def of_incident(db: Connection, org_id: str, incident_id: str) -> dict[str, Row]:
    """Return the incident's timers by kind."""
    rows = db.execute(
        "SELECT * FROM incident_timers WHERE org_id = :org_id AND incident_id = :incident_id",
        {"org_id": org_id, "incident_id": incident_id},
    ).fetchall()
    return {row["kind"]: row for row in rows}


def delete(db: Connection, incident: Row, kind: Kind) -> None:
    """Remove one of the incident's timers."""
    db.execute(
        """
        DELETE FROM incident_timers
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = :kind
        """,
        {"org_id": incident["org_id"], "incident_id": incident["id"], "kind": kind},
    )


def put_off(db: Connection, incident: Row, *, until: str) -> None:
    """Let nothing of the incident be due before an instant."""
    db.execute(
        """
        UPDATE incident_timers SET due_at = :until
        WHERE org_id = :org_id AND incident_id = :incident_id AND due_at < :until
        """,
        {"org_id": incident["org_id"], "incident_id": incident["id"], "until": until},
    )


def due_organizations(db: Connection, at: str) -> list[str]:
    """Return the organizations of which a timer has fallen due, by id."""
    rows = db.execute(
        """
        WITH RECURSIVE organization (id) AS (
            SELECT min(org_id) FROM incident_timers WHERE due_at IS NOT NULL
            UNION ALL
            SELECT (
                SELECT min(org_id) FROM incident_timers
                WHERE due_at IS NOT NULL AND org_id > organization.id)
            FROM organization WHERE id IS NOT NULL)
        SELECT id FROM organization
        WHERE EXISTS (
            SELECT 1 FROM incident_timers WHERE org_id = organization.id AND due_at <= :at)
        """,
        {"at": at},
    ).fetchall()
    return [row["id"] for row in rows]


def first_due(db: Connection, org_id: str, at: str) -> str | None:
    """Return the incident whose timer fell due first in the organization, if one has."""
    row = db.execute(
        """
        SELECT incident_id FROM incident_timers
        WHERE org_id = :org_id AND due_at <= :at ORDER BY due_at LIMIT 1
        """,
        {"org_id": org_id, "at": at},
    ).fetchone()
    return row["incident_id"] if row else None


def next_due_at(db: Connection) -> str | None:
    """Return when the next timer falls due, or the first that did."""
    row = db.execute(
        "SELECT min(due_at) AS due_at FROM incident_timers WHERE due_at IS NOT NULL"
    ).fetchone()
    due_at: str | None = row["due_at"]
    return due_at
