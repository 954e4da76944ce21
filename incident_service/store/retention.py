"""Rows of `retention`, one an organization, and what it lets go: trails, alerts and changes."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import Row, alerts, deliveries, set_columns


def due(db: Connection, *, now: str, limit: int) -> list[Row]:
    """Return organizations to look at now, those first that have waited longest."""
    return db.execute(
        """
        SELECT org_id, kept_from, trails_from FROM retention
        WHERE due_at <= :now ORDER BY due_at LIMIT :limit
        """,
        {"now": now, "limit": limit},
    ).fetchall()


def bring_forward(db: Connection, *, now: str, after: str) -> None:
    """Let those be due now that would be due after an instant: the clock was wrong."""
    db.execute(
        "UPDATE retention SET due_at = :now WHERE due_at > :after", {"now": now, "after": after}
    )


def update(db: Connection, org_id: str, changes: Row) -> None:
    """Change an organization's row; the keys of `changes` are the columns to set."""
    set_columns(db, "retention", changes, org_id=org_id)


def delete_changes(db: Connection, org_id: str, *, before: str, limit: int) -> int:
    """Delete the oldest of the changes before an instant, at most `limit`; return how many."""
    return db.execute(
        """
        DELETE FROM changes WHERE org_id = :org_id AND number IN (
            SELECT number FROM changes WHERE org_id = :org_id AND at < :before
            ORDER BY at, number LIMIT :limit)
        """,
        {"org_id": org_id, "before": before, "limit": limit},
    ).rowcount


def incidents_with_details(
    db: Connection, org_id: str, *, since: str, before: str, limit: int
) -> list[Row]:
    """Return the `org_id`, `id` and `resolved_at` of incidents that still have details.

    Of those that were resolved from `since` on and before `before`, the `limit` that were first.
    """
    return db.execute(
        """
        SELECT org_id, id, resolved_at FROM incidents
        WHERE org_id = :org_id AND resolved_at >= :since AND resolved_at < :before
          AND (
            trail_deleted_at IS NULL
            OR EXISTS (SELECT 1 FROM audit_events
                       WHERE audit_events.org_id = incidents.org_id
                         AND audit_events.incident_id = incidents.id)
            OR EXISTS (SELECT 1 FROM alerts
                       WHERE alerts.org_id = incidents.org_id
                         AND alerts.incident_id = incidents.id))
        ORDER BY resolved_at LIMIT :limit
        """,
        {"org_id": org_id, "since": since, "before": before, "limit": limit},
    ).fetchall()


def delete_details(db: Connection, incident: Row, *, at: str, limit: int) -> int:
    """Delete an incident's trail and alerts, at most `limit` rows; return how many.

    The trail goes from its end, so that what is left of it until the next time has its numbers.
    Nothing goes if it was reopened meanwhile; it cannot be until the transaction ends.
    """
    marked = db.execute(
        """
        UPDATE incidents SET trail_deleted_at = coalesce(trail_deleted_at, :at)
        WHERE org_id = :org_id AND id = :id AND resolved_at = :resolved_at
        """,
        {**incident, "at": at},
    ).rowcount
    if not marked:
        return 0
    deleted = db.execute(
        """
        DELETE FROM audit_events WHERE org_id = :org_id AND incident_id = :id AND number IN (
            SELECT number FROM audit_events WHERE org_id = :org_id AND incident_id = :id
            ORDER BY number DESC LIMIT :limit)
        """,
        {**incident, "limit": limit},
    ).rowcount
    attached = db.execute(
        """
        SELECT org_id, id FROM alerts WHERE org_id = :org_id AND incident_id = :id
        ORDER BY id LIMIT :limit
        """,
        {**incident, "limit": limit - deleted},
    ).fetchall()
    deliveries.delete_about_alerts(db, attached)
    alerts.delete(db, attached)
    return deleted + len(attached)
