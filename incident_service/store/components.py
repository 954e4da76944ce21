"""Rows of `components`, as other tables name them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows, one_or_none


def open_severities(db: Connection, org_id: str) -> dict[str, list[str]]:
    """Return the severities of the open incidents that name each component, by its id.

    Provisional ones are left out.
    """
    rows = db.execute(
        """
        SELECT DISTINCT affected.component_id, incident.severity FROM incidents AS incident
        CROSS JOIN incident_components AS affected  -- in this order: few incidents are open
          ON affected.org_id = incident.org_id AND affected.incident_id = incident.id
        WHERE incident.org_id = :org_id
          AND incident.status IN ('investigating', 'identified', 'monitoring')
          AND incident.is_provisional = 0
        """,
        {"org_id": org_id},
    ).fetchall()
    severities: dict[str, list[str]] = {}
    for row in rows:
        severities.setdefault(row["component_id"], []).append(row["severity"])
    return severities


def with_policy(db: Connection, org_id: str, policy_id: str, *, limit: int) -> list[Row]:
    """Return the components that have the escalation policy, without the deleted ones, by name."""
    return db.execute(
        """
        SELECT id, name FROM components
        WHERE org_id = :org_id AND escalation_policy_id = :policy_id AND deleted_at IS NULL
        ORDER BY name LIMIT :limit
        """,
        {"org_id": org_id, "policy_id": policy_id, "limit": limit},
    ).fetchall()


def names(db: Connection, org_id: str, ids: Iterable[str]) -> dict[str, str]:
    """Return the names of the components, deleted ones too, by id."""
    rows = db.execute(
        """
        SELECT id, name FROM components
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps([*ids])},
    ).fetchall()
    return {row["id"]: row["name"] for row in rows}


def forget_policy(db: Connection, org_id: str, policy_id: str, *, at: str) -> list[Row]:
    """Remove the escalation policy from components; return the `org_id` and `id` of each."""
    return db.execute(
        """
        UPDATE components SET escalation_policy_id = NULL, updated_at = :at
        WHERE org_id = :org_id AND escalation_policy_id = :policy_id
        RETURNING org_id, id
        """,
        {"org_id": org_id, "policy_id": policy_id, "at": at},
    ).fetchall()


def set_names(db: Connection, org_id: str, id: str, names: Iterable[str]) -> None:
    """Let the component be found by exactly these names, letter case aside."""
    db.execute(
        "DELETE FROM component_names WHERE org_id = :org_id AND component_id = :id",
        {"org_id": org_id, "id": id},
    )
    keys = {name.casefold() for name in names}
    rows = [{"org_id": org_id, "name_key": key, "component_id": id} for key in sorted(keys)]
    insert_rows(db, "component_names", rows)


def named(db: Connection, org_id: str, name_key: str) -> str | None:
    """Return the oldest component that has the folded name, or an alias that is it."""
    row = one_or_none(
        db,
        """
        SELECT component_id FROM component_names
        WHERE org_id = :org_id AND name_key = :name_key ORDER BY component_id LIMIT 1
        """,
        {"org_id": org_id, "name_key": name_key},
    )
    return row["component_id"] if row else None
