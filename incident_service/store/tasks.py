"""Rows of `tasks`: what the service does by itself at an instant, and for what."""

from __future__ import annotations

from typing import Literal

from incident_service.database.engine import Connection
from incident_service.store import Row, one_or_none, put_rows

Kind = Literal[
    "notify",
    "resolve_incident",
    "miss_heartbeat",
    "end_maintenance",
    "resolve_alerts",
    "watch_schedule",
]

_KEY = ("org_id", "kind", "subject_id")


def put(db: Connection, org_id: str, kind: Kind, subject_id: str, *, due_at: str) -> None:
    """Set when the task for a subject falls due, in place of any instant that was set before."""
    row = {"org_id": org_id, "kind": kind, "subject_id": subject_id, "due_at": due_at}
    put_rows(db, "tasks", [row], key=_KEY)


def get(db: Connection, org_id: str, kind: Kind, subject_id: str) -> Row | None:
    """Return the task for the subject, if there is one."""
    return one_or_none(
        db,
        """
        SELECT * FROM tasks
        WHERE org_id = :org_id AND kind = :kind AND subject_id = :subject_id
        """,
        {"org_id": org_id, "kind": kind, "subject_id": subject_id},
    )


def delete(db: Connection, org_id: str, kind: Kind, subject_id: str) -> None:
    """Remove the task for the subject, if there is one."""
    db.execute(
        "DELETE FROM tasks WHERE org_id = :org_id AND kind = :kind AND subject_id = :subject_id",
        {"org_id": org_id, "kind": kind, "subject_id": subject_id},
    )


def postpone(db: Connection, task: Row, *, until: str) -> None:
    """Let the task not be due before an instant."""
    db.execute(
        """
        UPDATE tasks SET due_at = :until
        WHERE org_id = :org_id AND kind = :kind AND subject_id = :subject_id AND due_at < :until
        """,
        {**task, "until": until},
    )


def advance(db: Connection, kind: Kind, *, to: str) -> None:
    """Let every task of a kind be due by an instant, in all organizations."""
    db.execute(
        "UPDATE tasks SET due_at = :to WHERE due_at > :to AND kind = :kind",
        {"to": to, "kind": kind},
    )


def due_organizations(db: Connection, at: str) -> list[str]:
    """Return the organizations that have a task which has fallen due, by id."""
    rows = db.execute(
        """
        WITH RECURSIVE organization (id) AS (
            SELECT min(org_id) FROM tasks WHERE EXISTS (SELECT 1 FROM tasks WHERE due_at <= :at)
            UNION ALL
            SELECT (SELECT min(org_id) FROM tasks WHERE org_id > organization.id)
            FROM organization WHERE id IS NOT NULL)
        SELECT id FROM organization
        WHERE EXISTS (SELECT 1 FROM tasks WHERE org_id = organization.id AND due_at <= :at)
        """,
        {"at": at},
    ).fetchall()
    return sorted(row["id"] for row in rows)


def first_due(db: Connection, org_id: str, at: str) -> Row | None:
    """Return the organization's task that fell due first, if one has."""
    return one_or_none(
        db,
        """
        SELECT * FROM tasks WHERE org_id = :org_id AND due_at <= :at
        ORDER BY due_at LIMIT 1
        """,
        {"org_id": org_id, "at": at},
    )


def next_due_at(db: Connection) -> str | None:
    """Return when the next task falls due, or when the first overdue one did."""
    row = db.execute("SELECT min(due_at) AS due_at FROM tasks").fetchone()
    due_at: str | None = row["due_at"]
    return due_at
