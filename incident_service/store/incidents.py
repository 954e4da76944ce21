"""Rows of `incidents`, their components and their status history."""

from __future__ import annotations

import bisect
import json
from collections.abc import Sequence

from incident_service.database.file import Connection
from incident_service.store import Row

_FILTERS = {
    "status": "incident.status = :status",
    "severity": "incident.severity = :severity",
    "owner_id": "incident.owner_id = :owner_id",
    "since": "incident.created_at >= :since",
    "until": "incident.created_at <= :until",
}


def insert(db: Connection, incident: Row) -> None:
    """Add an incident that is neither acknowledged nor resolved, and has paged nobody."""
    db.execute(
        """
        INSERT INTO incidents (
            org_id, id, sequential_id, title, description, severity, status, owner_id,
            owner_schedule_id, escalation_policy_id, is_public, public_title, created_by,
            created_at, latest_at, updated_at, public_updated_at)
        VALUES (
            :org_id, :id, :sequential_id, :title, :description, :severity, :status, :owner_id,
            :owner_schedule_id, :escalation_policy_id, :is_public, :public_title, :created_by,
            :created_at, :latest_at, :updated_at, :public_updated_at)
        """,
        incident,
    )


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the incident."""
    row: Row | None = db.execute(
        "SELECT * FROM incidents WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    ).fetchone()
    return row


def id_of_number(db: Connection, org_id: str, number: int) -> str | None:
    """Return the id of the incident that has this `sequential_id`."""
    row = db.execute(
        "SELECT id FROM incidents WHERE org_id = :org_id AND sequential_id = :number",
        {"org_id": org_id, "number": number},
    ).fetchone()
    return row["id"] if row else None


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change an incident; the keys of `changes` are the columns to set."""
    assignments = ", ".join(f"{column} = :{column}" for column in changes)
    db.execute(
        f"UPDATE incidents SET {assignments} WHERE org_id = :org_id AND id = :id",
        {**changes, "org_id": org_id, "id": id},
    )


def change_owner(
    db: Connection, org_id: str, ids: Sequence[str], owner_id: str | None, *, at: str
) -> None:
    """Give incidents to another owner, who has neither acknowledged them nor been paged.

    No instant of an incident runs backwards.
    """
    db.execute(
        """
        UPDATE incidents SET
            owner_id = :owner_id, acknowledged_at = NULL, acknowledged_by = NULL, is_paged = 0,
            handed_off_at = max(updated_at, :at), updated_at = max(updated_at, :at)
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps(ids), "owner_id": owner_id, "at": at},
    )


def unresolved_of_owner(db: Connection, org_id: str, owner_id: str) -> list[Row]:
    """Return the `id` and `owner_schedule_id` of the owner's unresolved incidents, oldest first."""
    return db.execute(
        """
        SELECT id, owner_schedule_id FROM incidents
        WHERE org_id = :org_id AND +owner_id = :owner_id  -- few are open: they are walked
          AND status IN ('investigating', 'identified', 'monitoring')
        ORDER BY sequential_id
        """,
        {"org_id": org_id, "owner_id": owner_id},
    ).fetchall()


def page(
    db: Connection, org_id: str, filters: Row, *, after: int, before: int, limit: int
) -> list[Row]:
    """Return the newest incidents numbered `after < sequential_id < before`, newest first.

    `filters` has values for any of `status`, `severity`, `owner_id`, `component_id`, and `since`
    and `until`, between which an incident was opened (both included).
    """
    conditions = [condition for name, condition in _FILTERS.items() if name in filters]
    source, numbered = "incidents AS incident", "incident"
    if filters.get("status", "resolved") != "resolved":
        # Few incidents are open, so they are walked: a + keeps other indexes out of it.
        conditions = [c if c == _FILTERS["status"] else f"+{c}" for c in conditions]
        if "component_id" in filters:
            conditions.append(
                """EXISTS (
                SELECT 1 FROM incident_components AS affected
                WHERE affected.org_id = incident.org_id AND affected.incident_id = incident.id
                  AND affected.component_id = :component_id)"""
            )
    elif "component_id" in filters:
        # The order comes from the index of the component's incidents.
        source = """incident_components AS numbered CROSS JOIN incidents AS incident
            ON incident.org_id = numbered.org_id AND incident.id = numbered.incident_id"""
        numbered = "numbered"
        conditions.append("numbered.component_id = :component_id")
    return db.execute(
        f"""
        SELECT incident.* FROM {source}
        WHERE {numbered}.org_id = :org_id
          AND {numbered}.sequential_id > :after AND {numbered}.sequential_id < :before
          {"".join(f" AND {condition}" for condition in conditions)}
        ORDER BY {numbered}.sequential_id DESC LIMIT :limit
        """,
        {**filters, "org_id": org_id, "after": after, "before": before, "limit": limit},
    ).fetchall()


def last_before(db: Connection, org_id: str, at: str) -> int:
    """Return the number of the last incident up to which none was opened at or after `at`; or 0.

    A binary search, for `latest_at` never falls from one incident to the next.
    """
    last = db.execute(
        "SELECT last_incident_number AS n FROM organizations WHERE id = :org_id",
        {"org_id": org_id},
    ).fetchone()["n"]

    def latest_at(number: int) -> str:
        found: str = db.execute(
            """
            SELECT latest_at FROM incidents
            WHERE org_id = :org_id AND sequential_id = :number
            """,
            {"org_id": org_id, "number": number},
        ).fetchone()["latest_at"]
        return found

    return bisect.bisect_left(range(1, last + 1), at, key=latest_at)


def insert_components(db: Connection, incident: Row, component_ids: Sequence[str]) -> None:
    """Name the components that the incident affects, in their order."""
    db.executemany(
        """
        INSERT INTO incident_components (
            org_id, incident_id, sequential_id, ordinal, component_id)
        VALUES (:org_id, :id, :sequential_id, :ordinal, :component_id)
        """,
        [
            {
                "org_id": incident["org_id"],
                "id": incident["id"],
                "sequential_id": incident["sequential_id"],
                "ordinal": n,
                "component_id": component_id,
            }
            for n, component_id in enumerate(component_ids)
        ],
    )


def delete_components(db: Connection, org_id: str, id: str) -> None:
    """Let the incident name no component."""
    db.execute(
        "DELETE FROM incident_components WHERE org_id = :org_id AND incident_id = :id",
        {"org_id": org_id, "id": id},
    )


def components(db: Connection, org_id: str, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return the `id` and `name` of each incident's components, deleted ones too, in order."""
    rows = db.execute(
        """
        SELECT affected.incident_id, component.id, component.name
        FROM incident_components AS affected
        JOIN components AS component
          ON component.org_id = affected.org_id AND component.id = affected.component_id
        WHERE affected.org_id = :org_id
          AND affected.incident_id IN (SELECT value FROM json_each(:ids))
        ORDER BY affected.incident_id, affected.ordinal
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()
    found: dict[str, list[Row]] = {id: [] for id in ids}
    for row in rows:
        found[row["incident_id"]].append({"id": row["id"], "name": row["name"]})
    return found


def insert_status(db: Connection, entry: Row) -> None:
    """Add an entry to the end of an incident's status history."""
    db.execute(
        """
        INSERT INTO status_history (
            org_id, incident_id, number, id, status, changed_at, changed_by, resolution_note)
        VALUES (
            :org_id, :incident_id,
            1 + (SELECT coalesce(max(number), 0) FROM status_history
                 WHERE org_id = :org_id AND incident_id = :incident_id),
            :id, :status, :changed_at, :changed_by, :resolution_note)
        """,
        entry,
    )


def status_history(db: Connection, org_id: str, id: str) -> list[Row]:
    """Return the statuses that the incident reached, oldest first."""
    return db.execute(
        """
        SELECT id, status, changed_at, changed_by, resolution_note FROM status_history
        WHERE org_id = :org_id AND incident_id = :id ORDER BY number
        """,
        {"org_id": org_id, "id": id},
    ).fetchall()


def open_by_severity(db: Connection) -> dict[str, int]:
    """Return how many incidents of each severity are not resolved, in all organizations."""
    rows = db.execute(
        """
        SELECT severity.value AS severity, (
            SELECT count(*) FROM organizations CROSS JOIN incidents INDEXED BY incidents_by_status
            ON incidents.org_id = organizations.id
                AND incidents.status IN ('investigating', 'identified', 'monitoring')
            WHERE incidents.severity = severity.value
        ) AS number
        FROM json_each('["critical", "high", "medium", "low"]') AS severity
        """
    ).fetchall()
    return {row["severity"]: row["number"] for row in rows}
