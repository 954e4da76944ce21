"""Rows of `incidents`, their components and their status history."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import (
    Row,
    incident_words,
    insert_row,
    insert_rows,
    next_number,
    one_or_none,
    set_columns,
    take,
)

FILTERS = {
    "status": "incident.status = :status",
    "severity": "incident.severity = :severity",
    "owner_id": "incident.owner_id = :owner_id",
    "component_id": """EXISTS (
        SELECT 1 FROM incident_components AS affected
        WHERE affected.org_id = incident.org_id AND affected.incident_id = incident.id
          AND affected.component_id = :component_id)""",
    "since": "incident.created_at >= :since",
    "until": "incident.created_at <= :until",
    "is_provisional": "incident.is_provisional = :is_provisional",
    "q": incident_words.IN_FILE.condition,
}
"""The condition of each filter of the list: a filter that is not here is a `KeyError`."""

SEARCH_SECONDS = 0.5
"""How long a search by words goes on; after that it says how far it came."""

UNACKNOWLEDGED: Row = {"acknowledged_at": None, "acknowledged_by": None, "snoozed_until": None}
"""What changes of an incident once nobody works on it any more."""


def insert(db: Connection, incident: Row, *, organization: int) -> None:
    """Add an incident that is neither acknowledged nor resolved, and has paged nobody.

    `organization`: the number of its organization.
    """
    insert_row(db, "incidents", incident)
    incident_words.keep(db, incident, organization)


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the incident."""
    return one_or_none(
        db,
        "SELECT * FROM incidents WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def numbers(db: Connection, org_id: str, ids: Sequence[str]) -> dict[str, int]:
    """Return the `sequential_id` of those of the incidents that are there, by id."""
    rows = db.execute(
        """
        SELECT id, sequential_id FROM incidents
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()
    return {row["id"]: row["sequential_id"] for row in rows}


def id_of_number(db: Connection, org_id: str, number: int) -> str | None:
    """Return the id of the incident that has this `sequential_id`."""
    row = one_or_none(
        db,
        "SELECT id FROM incidents WHERE org_id = :org_id AND sequential_id = :number",
        {"org_id": org_id, "number": number},
    )
    return row["id"] if row else None


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change an incident; the keys of `changes` are the columns to set."""
    set_columns(db, "incidents", changes, org_id=org_id, id=id)
    if changes.keys() & {"title", "description"}:
        incident_words.keep_again(db, org_id, id)


def change_owner(
    db: Connection, org_id: str, ids: Sequence[str], owner_id: str | None, *, at: str
) -> None:
    """Give incidents to another owner, who has neither acknowledged them nor been paged.

    No instant of an incident runs backwards.
    """
    db.execute(
        """
        UPDATE incidents SET
            owner_id = :owner_id, acknowledged_at = NULL, acknowledged_by = NULL,
            snoozed_until = NULL, is_paged = 0,
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


def unresolved_of_integration(db: Connection, org_id: str, integration_id: str) -> list[str]:
    """Return the ids of the unresolved incidents that an integration's alerts opened."""
    rows = db.execute(
        """
        SELECT id FROM incidents
        WHERE org_id = :org_id AND +integration_id = :integration_id  -- few are open: a walk
          AND status IN ('investigating', 'identified', 'monitoring')
        """,
        {"org_id": org_id, "integration_id": integration_id},
    ).fetchall()
    return [row["id"] for row in rows]


def newest(
    db: Connection, org_id: str, filters: Row, *, after: int, before: int, limit: int
) -> tuple[list[Row], int | None]:
    """Return the newest incidents numbered `after < sequential_id < before`, newest first.

    `filters` has values for any of `FILTERS`: `since` and `until` are when an incident was opened
    (both included), `q` is a text that has words. Fewer than `limit` may come with the number
    before which nothing was searched yet: nobody keeps a thread busy with words that never meet.
    """
    if "q" not in filters:
        return _newest(db, org_id, filters, {}, after=after, before=before, limit=limit), None
    found: list[Row] = []
    deadline = time.monotonic() + SEARCH_SECONDS
    for part in incident_words.parts(db, org_id, filters["q"], after=after, before=before):
        if part.values is not None:
            ends, rest = {"after": part.after, "before": part.before}, limit - len(found)
            found += _newest(db, org_id, filters, part.values, **ends, limit=rest)
        if len(found) == limit:
            break
        if part.after > after and time.monotonic() >= deadline:
            return found, part.after + 1
    return found, None


def _newest(
    db: Connection,
    org_id: str,
    filters: Row,
    search: Row,
    *,
    after: int,
    before: int,
    limit: int,
) -> list[Row]:
    """As `newest`; `search` has the values by which a part of the index of words is searched."""
    conditions = {name: FILTERS[name] for name in filters}
    by_words = incident_words.search(db)
    if search:
        conditions["q"] = by_words.condition
    source, numbered, order = "incidents AS incident", "incident", ""
    if filters.get("status") == "open":
        source = "incidents AS incident INDEXED BY incidents_open"
        conditions["status"] = "incident.status <> 'resolved'"
    elif filters.get("status", "resolved") != "resolved":
        # Few incidents are open, so they are walked: on a server by the index of those.
        source = "incidents AS incident INDEXED BY incidents_by_status"
        conditions["open"] = "incident.status <> 'resolved'"
    elif "component_id" in filters:
        # The order comes from the index of the component's incidents.
        source = """incident_components AS numbered CROSS JOIN incidents AS incident
            ON incident.org_id = numbered.org_id AND incident.id = numbered.incident_id"""
        numbered = "numbered"
        conditions["component_id"] = "numbered.component_id = :component_id"
    elif search and by_words.source and not filters.keys() & {"status", "severity", "owner_id"}:
        # No other index finds fewer than that of the words.
        source, order = by_words.source, by_words.order
        del conditions["q"]
    order = order or f"{numbered}.sequential_id"
    return db.execute(
        f"""
        SELECT incident.* FROM {source}
        WHERE {numbered}.org_id = :org_id
          AND {numbered}.sequential_id > :after AND {numbered}.sequential_id < :before
          {"".join(f" AND {condition}" for condition in conditions.values())}
        ORDER BY {order} DESC LIMIT :limit
        """,
        {
            **filters,
            **search,
            "org_id": org_id,
            "after": after,
            "before": before,
            "limit": limit,
        },
    ).fetchall()


def last_before(db: Connection, org_id: str, at: str) -> int:
    """Return how many incidents were opened before the first one at or after `at`.

    A binary search: `latest_at` never falls from one incident to the next.
    """
    row = db.execute(
        """
        WITH RECURSIVE search (low, high) AS (
            SELECT CAST(0 AS BIGINT), last_incident_number FROM organizations WHERE id = :org_id
            UNION ALL
            SELECT
                CASE WHEN middle.latest_at < :at THEN middle.sequential_id ELSE low END,
                CASE WHEN middle.latest_at < :at THEN high ELSE middle.sequential_id - 1 END
            FROM search CROSS JOIN incidents AS middle
              ON middle.org_id = :org_id AND middle.sequential_id = (low + high + 1) / 2
            WHERE low < high)
        SELECT low AS number FROM search WHERE low = high
        """,
        {"org_id": org_id, "at": at},
    ).fetchone()
    return int(row["number"])


def insert_components(db: Connection, incident: Row, component_ids: Sequence[str]) -> None:
    """Name the components that the incident affects, in their order."""
    rows = [
        {
            "org_id": incident["org_id"],
            "incident_id": incident["id"],
            "sequential_id": incident["sequential_id"],
            "ordinal": n,
            "component_id": component_id,
        }
        for n, component_id in enumerate(component_ids)
    ]
    insert_rows(db, "incident_components", rows)


def delete_components(db: Connection, org_id: str, id: str) -> None:
    """Remove the components that the incident names."""
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
    by_incident: dict[str, list[Row]] = {id: [] for id in ids}
    for row in rows:
        by_incident[row["incident_id"]].append({"id": row["id"], "name": row["name"]})
    return by_incident


def insert_status(db: Connection, entry: Row) -> None:
    """Add an entry to the end of an incident's status history."""
    insert_row(db, "status_history", entry, number=next_number("status_history"))


def status_history(db: Connection, org_id: str, id: str, *, limit: int) -> list[Row]:
    """Return the statuses that the incident reached, oldest first: the latest `limit`.

    Fewer if their notes are longer than `MAX_TEXT` together.
    """
    rows = db.execute(
        """
        SELECT id, status, changed_at, changed_by, resolution_note FROM status_history
        WHERE org_id = :org_id AND incident_id = :id ORDER BY number DESC LIMIT :limit
        """,
        {"org_id": org_id, "id": id, "limit": limit},
    )
    return take(rows, "resolution_note")[::-1]


def last_status(db: Connection, org_id: str, id: str) -> Row:
    """Return the entry of the status that the incident reached last."""
    (last,) = status_history(db, org_id, id, limit=1)
    return last


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


def opened_between(
    db: Connection, org_id: str, integration_id: str, since: str, until: str, *, limit: int
) -> int:
    """Return how many of an integration's `limit` newest incidents were opened in a time.

    Both ends are included.
    """
    row = db.execute(
        """
        SELECT count(*) AS number FROM (
            SELECT created_at FROM incidents
            WHERE org_id = :org_id AND integration_id = :integration_id
            ORDER BY sequential_id DESC LIMIT :limit) AS those
        WHERE created_at BETWEEN :since AND :until
        """,
        {
            "org_id": org_id,
            "integration_id": integration_id,
            "since": since,
            "until": until,
            "limit": limit,
        },
    ).fetchone()
    return int(row["number"])


def open_storm(db: Connection, org_id: str, integration_id: str) -> Row | None:
    """Return the unresolved incident that takes in all kinds of an integration's alerts."""
    return one_or_none(
        db,
        """
        SELECT * FROM incidents
        WHERE org_id = :org_id AND integration_id = :integration_id AND is_storm = 1
          AND +status <> 'resolved'
        ORDER BY sequential_id DESC LIMIT 1
        """,
        {"org_id": org_id, "integration_id": integration_id},
    )
