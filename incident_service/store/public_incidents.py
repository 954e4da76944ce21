"""What status pages may show of incidents. Nothing internal is read here."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row

_ROWS = """
    SELECT incident.id, coalesce(incident.public_title, incident.title) AS title,
           incident.severity, incident.status,
           incident.created_at, incident.resolved_at, incident.public_updated_at,
           affected.component_id, component.name AS component_name
    FROM {incidents} AS incident
    -- In this order: few incidents are recent, and each names few components.
    CROSS JOIN incident_components AS affected
      ON affected.org_id = incident.org_id AND affected.incident_id = incident.id
    CROSS JOIN status_page_components AS shown
      ON shown.org_id = affected.org_id AND shown.component_id = affected.component_id
     AND shown.status_page_id = :page_id
    CROSS JOIN components AS component
      ON component.org_id = shown.org_id AND component.id = shown.component_id
    WHERE incident.is_public = 1 AND incident.is_provisional = 0
    ORDER BY incident.sequential_id DESC, shown.ordinal
    """


def affected_components(db: Connection, org_id: str, page_id: str, *, since: str) -> list[Row]:
    """Return which of the page's components each public incident affects, newest incident first.

    Components that were deleted since are among them: an incident does not go with them.

    Of the incidents that are open, or were resolved at or after `since`. A row has the incident's
    `id`, `title` as customers read it, `severity`, `status`, `created_at`, `resolved_at` and
    `public_updated_at`, and a component's `component_id` and `component_name`.
    """
    recent = """(
        SELECT * FROM incidents
        WHERE org_id = :org_id AND status IN ('investigating', 'identified', 'monitoring')
        UNION ALL
        SELECT * FROM incidents WHERE org_id = :org_id AND resolved_at >= :since)"""
    return db.execute(
        _ROWS.format(incidents=recent), {"org_id": org_id, "page_id": page_id, "since": since}
    ).fetchall()


def components_affected_by(
    db: Connection, org_id: str, page_id: str, incident_id: str
) -> list[Row]:
    """Return the rows of `affected_components` for one public incident, however old."""
    one = "(SELECT * FROM incidents WHERE org_id = :org_id AND id = :incident_id)"
    return db.execute(
        _ROWS.format(incidents=one),
        {"org_id": org_id, "page_id": page_id, "incident_id": incident_id},
    ).fetchall()


def statuses(db: Connection, org_id: str, incident_ids: Sequence[str]) -> list[Row]:
    """Return the statuses that the incidents reached, each incident's oldest first."""
    return db.execute(
        """
        SELECT incident_id, id, status, changed_at FROM status_history
        WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
        ORDER BY incident_id, number
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids)},
    ).fetchall()


def reopenings(db: Connection, org_id: str, incident_ids: Sequence[str]) -> list[Row]:
    """Return when the incidents were reopened, and resolved before that; each's first one first."""
    return db.execute(
        """
        SELECT reopened.incident_id, ended.changed_at AS resolved_at,
            reopened.changed_at AS reopened_at
        FROM status_history AS reopened
        JOIN status_history AS ended
          ON ended.org_id = reopened.org_id AND ended.incident_id = reopened.incident_id
         AND ended.number = reopened.number - 1
        WHERE reopened.org_id = :org_id
          AND reopened.incident_id IN (SELECT value FROM json_each(:ids))
          AND reopened.number > 4  -- the fourth status of an incident is its first end
          AND reopened.status = 'investigating'
        ORDER BY reopened.incident_id, reopened.number
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids)},
    ).fetchall()


def updates(db: Connection, org_id: str, incident_ids: Sequence[str], *, limit: int) -> list[Row]:
    """Return the incidents' public updates that still have their text, each's oldest first.

    Of each incident the newest, `limit` at the most; `total` is how many it has.
    """
    return db.execute(
        """
        SELECT incident_id, id, status_change, body, posted_at, total FROM (
            SELECT *,
                row_number() OVER (PARTITION BY incident_id ORDER BY number DESC) AS age,
                count(*) OVER (PARTITION BY incident_id) AS total
            FROM incident_updates
            WHERE org_id = :org_id AND incident_id IN (SELECT value FROM json_each(:ids))
              AND visibility = 'public' AND redacted_at IS NULL) AS shown
        WHERE age <= :limit
        ORDER BY incident_id, number
        """,
        {"org_id": org_id, "ids": json.dumps(incident_ids), "limit": limit},
    ).fetchall()
