"""Rows of `incident_timers`: what falls due for an incident, and when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows, one_or_none, put_rows

Kind = Literal["owner", "layer", "snooze", "notice", "resolved"]

_KEY = ("org_id", "incident_id", "kind")


def insert(db: Connection, incident: Row, waits: Mapping[Kind, int | None], *, due_at: str) -> None:
    """Add timers of a new incident, all due at an instant; `waits`: the `wait_seconds` of each."""
    rows = [
        _row(incident["org_id"], incident["id"], kind, due_at=due_at, wait_seconds=wait_seconds)
        for kind, wait_seconds in waits.items()
    ]
    insert_rows(db, "incident_timers", rows)


def put(
    db: Connection,
    incident: Row,
    kind: Kind,
    *,
    due_at: str | None,
    wait_seconds: int | None = None,
) -> None:
    """Set when something falls due; `wait_seconds` is the time-out of the layer that fired last."""
    row = _row(incident["org_id"], incident["id"], kind, due_at=due_at, wait_seconds=wait_seconds)
    put_rows(db, "incident_timers", [row], key=_KEY)


def _row(
    org_id: str, incident_id: str, kind: Kind, *, due_at: str | None, wait_seconds: int | None
) -> Row:
    return {
        "org_id": org_id,
        "incident_id": incident_id,
        "kind": kind,
        "wait_seconds": wait_seconds,
        "due_at": due_at,
    }


def stop(db: Connection, incident: Row) -> None:
    """Remove the owner's timer. The layer's does not fall due until it is set again."""
    delete(db, incident, "owner")
    db.execute(
        """
        UPDATE incident_timers SET due_at = NULL
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = 'layer'
        """,
        {"org_id": incident["org_id"], "incident_id": incident["id"]},
    )


def delete(db: Connection, incident: Row, *kinds: Kind) -> None:
    """Remove some of the incident's timers."""
    db.executemany(
        """
        DELETE FROM incident_timers
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = :kind
        """,
        [
            {"org_id": incident["org_id"], "incident_id": incident["id"], "kind": kind}
            for kind in kinds
        ],
    )


def forget_acknowledgements(db: Connection, org_id: str, incident_ids: Sequence[str]) -> None:
    """Remove what an acknowledgement has set: the end of a snooze, the owner's notice."""
    db.execute(
        """
        DELETE FROM incident_timers
        WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
          AND kind IN ('notice', 'snooze')
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids)},
    )


def call_owners(db: Connection, org_id: str, incident_ids: Sequence[str], *, at: str) -> None:
    """Let the owners of incidents be paged at an instant."""
    rows = [_row(org_id, id, "owner", due_at=at, wait_seconds=None) for id in incident_ids]
    put_rows(db, "incident_timers", rows, key=_KEY)


def restart_layers(
    db: Connection, org_id: str, incident_ids: Sequence[str], *, now: datetime
) -> None:
    """Start the time-out of the layer that fired last again, for each incident that waits."""
    rows = db.execute(
        """
        SELECT incident_id, wait_seconds FROM incident_timers
        WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
          AND kind = 'layer'
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids)},
    ).fetchall()
    db.executemany(
        """
        UPDATE incident_timers SET due_at = :due_at
        WHERE org_id = :org_id AND incident_id = :incident_id AND kind = 'layer'
        """,
        [
            {
                "org_id": org_id,
                "incident_id": row["incident_id"],
                "due_at": format_instant(now + timedelta(seconds=row["wait_seconds"])),
            }
            for row in rows
        ],
    )


def postpone(db: Connection, incident: Row, *, until: str) -> None:
    """Let nothing be due for the incident before an instant."""
    db.execute(
        """
        UPDATE incident_timers SET due_at = :until
        WHERE org_id = :org_id AND incident_id = :incident_id AND due_at < :until
        """,
        {"org_id": incident["org_id"], "incident_id": incident["id"], "until": until},
    )


def due_organizations(db: Connection, at: str) -> list[str]:
    """Return the organizations that have a timer which has fallen due, by id."""
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
    return sorted(row["id"] for row in rows)


def first_due(db: Connection, org_id: str, at: str) -> Row | None:
    """Return the incident whose timer fell due first in the organization, if one has.

    It comes as `of_incident` returns it.
    """
    first = one_or_none(
        db,
        """
        SELECT incident_id FROM incident_timers
        WHERE org_id = :org_id AND due_at <= :at ORDER BY due_at LIMIT 1
        """,
        {"org_id": org_id, "at": at},
    )
    return of_incident(db, org_id, first["incident_id"]) if first else None


def of_incident(db: Connection, org_id: str, id: str) -> Row:
    """Return the incident with what firing depends on.

    That is its `timers`, which is when each kind falls due; `targets_done`, how often each was;
    `pages_waiting`, the `id`, `user_id`, `contact_method_id`, `layer_position` and `due_at` of each
    page that nobody has taken; one that asks for help is none.
    """
    incident: Row = db.execute(
        """
        SELECT incident.*, (
            SELECT json_group_object(kind, due_at) FROM incident_timers AS timer
            WHERE timer.org_id = incident.org_id AND timer.incident_id = incident.id
        ) AS timers, (
            SELECT json_group_object(target, done) FROM escalation_progress AS progress
            WHERE progress.org_id = incident.org_id AND progress.incident_id = incident.id
        ) AS targets_done, (
            SELECT json_group_array(json_object(
                'id', id, 'user_id', user_id, 'contact_method_id', contact_method_id,
                'layer_position', layer_position, 'due_at', due_at))
            FROM deliveries AS delivery
            WHERE delivery.org_id = incident.org_id AND delivery.incident_id = incident.id
              AND delivery.kind = 'page' AND delivery.attempts = 0
        ) AS pages_waiting
        FROM incidents AS incident
        WHERE incident.org_id = :org_id AND incident.id = :id
        """,
        {"org_id": org_id, "id": id},
    ).fetchone()
    for column in ("timers", "targets_done", "pages_waiting"):
        incident[column] = json.loads(incident[column])
    return incident


def next_due_at(db: Connection) -> str | None:
    """Return when the next timer falls due, or when the first overdue one did."""
    row = db.execute(
        "SELECT min(due_at) AS due_at FROM incident_timers WHERE due_at IS NOT NULL"
    ).fetchone()
    due_at: str | None = row["due_at"]
    return due_at
