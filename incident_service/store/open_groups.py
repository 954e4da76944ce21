"""Rows of `open_groups`: the unresolved incident that the alerts of a group join."""

from __future__ import annotations

import json
from collections.abc import Collection

from incident_service.database.engine import Connection
from incident_service.store import Row, put_rows


def incidents(
    db: Connection, org_id: str, integration_id: str, group_keys: Collection[str]
) -> dict[str, Row]:
    """Return the unresolved incident of each of an integration's groups that has one."""
    rows = db.execute(
        """
        SELECT open.group_key, incident.*
        FROM json_each(:keys) AS asked
        CROSS JOIN open_groups AS open
          ON open.org_id = :org_id AND open.integration_id = :integration_id
         AND open.group_key = asked.value
        CROSS JOIN incidents AS incident
          ON incident.org_id = open.org_id AND incident.id = open.incident_id
        """,
        {
            "org_id": org_id,
            "integration_id": integration_id,
            "keys": json.dumps([*group_keys]),
        },
    ).fetchall()
    return {row.pop("group_key"): row for row in rows}


def put(
    db: Connection, org_id: str, integration_id: str, incident_ids_by_key: dict[str, str]
) -> None:
    """Let the alerts of groups join incidents; the keys are the groups'."""
    rows = [
        {
            "org_id": org_id,
            "integration_id": integration_id,
            "group_key": group_key,
            "incident_id": incident_id,
        }
        for group_key, incident_id in incident_ids_by_key.items()
    ]
    put_rows(db, "open_groups", rows, key=("org_id", "integration_id", "group_key"))


def keys_of(db: Connection, incident: Row) -> list[str]:
    """Return the group keys of the incident's alerts."""
    rows = db.execute(
        """
        SELECT DISTINCT group_key FROM alerts
        WHERE org_id = :org_id AND incident_id = :id
        """,
        {"org_id": incident["org_id"], "id": incident["id"]},
    )
    return [row["group_key"] for row in rows]


def close(db: Connection, incident: Row) -> None:
    """Let nothing join an incident any more, because it is resolved."""
    db.execute(
        "DELETE FROM open_groups WHERE org_id = :org_id AND incident_id = :id",
        {"org_id": incident["org_id"], "id": incident["id"]},
    )
