"""Rows of `alerts`: what tools say is wrong."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows, one_or_none

FILTERS = {
    "incident_id": "incident_id = :incident_id",
    "integration_id": "integration_id = :integration_id",
    "severity": "severity = :severity",
    "status": "status = :status",
}
"""The condition of each filter of the list. Of several, the first has an index that fits best."""


def insert(db: Connection, alerts: Sequence[Row]) -> None:
    """Add alerts; each has a value for each column, `attributes` and `links` parsed."""
    insert_rows(db, "alerts", [_stored(alert) for alert in alerts])


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the alert."""
    row = one_or_none(
        db,
        "SELECT * FROM alerts WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )
    return _parsed(row) if row else None


def with_ids(db: Connection, org_id: str, ids: Sequence[str]) -> list[Row]:
    """Return the `id`, `title`, `status` and `severity` of those of the alerts that are there."""
    return db.execute(
        """
        SELECT id, title, status, severity FROM alerts
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()


def firing(
    db: Connection, org_id: str, integration_id: str, dedup_keys: Collection[str]
) -> dict[str, Row]:
    """Return those of an integration's alerts that fire, by their dedup keys.

    `incident_status`: how far the alert's incident is, or `None` if it has none. The texts of the
    alert are left out.
    """
    rows = db.execute(
        """
        SELECT alert.org_id, alert.id, alert.dedup_key, alert.group_key, alert.status,
               alert.severity, alert.component_id, alert.incident_id, alert.outcome,
               alert.count, alert.first_at, alert.last_at, alert.notified_at, alert.is_storm,
               incident.status AS incident_status
        FROM json_each(:keys) AS asked
        CROSS JOIN alerts AS alert
          ON alert.org_id = :org_id AND alert.integration_id = :integration_id
         AND alert.dedup_key = asked.value AND alert.status = 'firing'
        LEFT JOIN incidents AS incident
          ON incident.org_id = alert.org_id AND incident.id = alert.incident_id
        """,
        {"org_id": org_id, "integration_id": integration_id, "keys": json.dumps([*dedup_keys])},
    ).fetchall()
    return {row["dedup_key"]: row for row in rows}


def repeat(db: Connection, alerts: Sequence[Row]) -> None:
    """Store the count, the last instant and the latest texts of alerts that fire again."""
    db.executemany(
        """
        UPDATE alerts SET
            count = :count, last_at = :last_at, title = :title, description = :description,
            attributes = :attributes, links = :links
        WHERE org_id = :org_id AND id = :id
        """,
        [_stored(alert) for alert in alerts],
    )


def decide(db: Connection, alerts: Sequence[Row]) -> None:
    """Store the severity of alerts, and what becomes of them now."""
    db.executemany(
        """
        UPDATE alerts SET
            severity = :severity, outcome = :outcome, incident_id = :incident_id,
            notified_at = :notified_at, is_storm = :is_storm
        WHERE org_id = :org_id AND id = :id
        """,
        alerts,
    )


def resolve(db: Connection, org_id: str, ids: Sequence[str], *, at: str) -> None:
    """Let alerts fire no more. No instant of an alert runs backwards."""
    db.executemany(
        """
        UPDATE alerts SET status = 'resolved', resolved_at = max(last_at, :at)
        WHERE org_id = :org_id AND id = :id
        """,
        [{"org_id": org_id, "id": id, "at": at} for id in ids],
    )


def count_firing(
    db: Connection, org_id: str, integration_ids: Sequence[str], *, at_most: int
) -> dict[str, int]:
    """Return how many alerts of each integration fire, counting no further than `at_most`."""
    rows = db.execute(
        """
        SELECT asked.value AS id, (
            SELECT count(*) FROM (
                SELECT 1 FROM alerts
                WHERE org_id = :org_id AND integration_id = asked.value AND status = 'firing'
                LIMIT :at_most) AS those) AS count
        FROM json_each(:ids) AS asked
        """,
        {"org_id": org_id, "ids": json.dumps(integration_ids), "at_most": at_most},
    ).fetchall()
    return {row["id"]: row["count"] for row in rows}


def some_firing(db: Connection, org_id: str, integration_id: str, *, limit: int) -> list[Row]:
    """Return the `id` and `incident_id` of some of an integration's alerts that fire, by key."""
    return db.execute(
        """
        SELECT id, incident_id FROM alerts
        WHERE org_id = :org_id AND integration_id = :integration_id AND status = 'firing'
        ORDER BY dedup_key LIMIT :limit
        """,
        {"org_id": org_id, "integration_id": integration_id, "limit": limit},
    ).fetchall()


def suppressed(
    db: Connection, org_id: str, *, except_components: Collection[str], limit: int
) -> list[Row]:
    """Return alerts that fire and that maintenance kept from being routed, by component.

    Those about `except_components` are left out, and not even looked at. Each component's oldest
    alert comes first.
    """
    rows = db.execute(
        """
        WITH RECURSIVE component (id) AS (
            SELECT min(component_id) FROM alerts
            WHERE org_id = :org_id AND status = 'firing' AND outcome = 'suppressed'
            UNION ALL
            SELECT (
                SELECT min(component_id) FROM alerts
                WHERE org_id = :org_id AND status = 'firing' AND outcome = 'suppressed'
                  AND component_id > component.id)
            FROM component WHERE id IS NOT NULL)
        SELECT * FROM alerts WHERE org_id = :org_id AND id IN (
            SELECT alerts.id FROM component CROSS JOIN alerts
              ON alerts.org_id = :org_id AND alerts.component_id = component.id
             AND alerts.status = 'firing' AND alerts.outcome = 'suppressed'
            WHERE component.id NOT IN (SELECT value FROM json_each(:except))
            ORDER BY component.id, alerts.id LIMIT :limit)
        ORDER BY component_id, id
        """,
        {"org_id": org_id, "except": json.dumps([*except_components]), "limit": limit},
    ).fetchall()
    return [_parsed(row) for row in rows]


def notified_between(
    db: Connection, org_id: str, integration_id: str, since: str, until: str, *, limit: int
) -> int:
    """Return about how many of an integration's alerts a message was due in a time.

    Both ends are included. `limit` at most.
    """
    row = db.execute(
        """
        SELECT count(*) AS number FROM (
            SELECT 1 FROM alerts
            WHERE org_id = :org_id AND integration_id = :integration_id
              AND notified_at BETWEEN :since AND :until
            LIMIT :limit) AS those
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


def newest(
    db: Connection, org_id: str, filters: Row, *, before: str | None, limit: int
) -> list[Row]:
    """Return the newest alerts whose ids come before one, newest first.

    `filters` has values for any of `FILTERS`.
    """
    conditions = [FILTERS[name] for name in sorted(filters, key=_order(filters).index)]
    # A + keeps the indexes of all but the first out of it.
    conditions[1:] = ["+" + condition for condition in conditions[1:]]
    if before is not None:
        conditions.append("id < :before")
    rows = db.execute(
        f"""
        SELECT * FROM alerts WHERE org_id = :org_id
          {"".join(f" AND {condition}" for condition in conditions)}
        ORDER BY id DESC LIMIT :limit
        """,
        {**filters, "org_id": org_id, "before": before, "limit": limit},
    ).fetchall()
    return [_parsed(row) for row in rows]


def _order(filters: Row) -> list[str]:
    """Return the names of the filters, the one that leaves the fewest alerts first."""
    order = [*FILTERS]
    if filters.get("status") == "firing" and "incident_id" not in filters:
        order.insert(0, "status")  # few fire
    return order


def over(db: Connection, org_id: str, incident_ids: Collection[str]) -> list[Row]:
    """Return those of the incidents that resolve because none of their alerts fires.

    That is, unresolved ones that alerts opened and that are not left to people, if their
    integration resolves its incidents. With each comes `resolve_after_seconds`. A deleted
    integration resolves its incidents too.
    """
    return db.execute(
        """
        SELECT incident.*, integration.resolve_after_seconds
        FROM json_each(:ids) AS asked
        CROSS JOIN incidents AS incident
          ON incident.org_id = :org_id AND incident.id = asked.value
        CROSS JOIN integrations AS integration
          ON integration.org_id = incident.org_id AND integration.id = incident.integration_id
        WHERE incident.status <> 'resolved' AND incident.is_left_to_people = 0
          AND integration.auto_resolve = 1
          AND NOT EXISTS (
            SELECT 1 FROM alerts
            WHERE alerts.org_id = incident.org_id AND alerts.incident_id = incident.id
              AND alerts.status = 'firing')
        """,
        {"org_id": org_id, "ids": json.dumps([*incident_ids])},
    ).fetchall()


def expired(db: Connection, *, until: str, limit: int) -> list[Row]:
    """Return the `org_id` and `id` of alerts without an incident, resolved at `until` or before."""
    return db.execute(
        """
        SELECT org_id, id FROM alerts
        WHERE resolved_at IS NOT NULL AND incident_id IS NULL AND resolved_at <= :until
        ORDER BY resolved_at LIMIT :limit
        """,
        {"until": until, "limit": limit},
    ).fetchall()


def delete(db: Connection, alerts: Sequence[Row]) -> None:
    """Delete alerts; each has its `org_id` and `id`."""
    db.executemany("DELETE FROM alerts WHERE org_id = :org_id AND id = :id", alerts)


def _stored(alert: Row) -> Row:
    return {
        **alert,
        "attributes": json.dumps(alert["attributes"], ensure_ascii=False),
        "links": json.dumps(alert["links"], ensure_ascii=False),
    }


def _parsed(row: Row) -> Row:
    return {
        **row,
        "attributes": json.loads(row["attributes"]),
        "links": json.loads(row["links"]),
    }
