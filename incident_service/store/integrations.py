"""Rows of `integrations` and `integration_selectors`: the tools that send alerts.

An integration comes with `severity_map` and `mapping` parsed, and with `selectors` where an answer
shows them: each is `{"matchers": [{"key", "value"}, …], "routing_policy_id"}`, in the order in
which they are tried. There may be a thousand matchers: taking in alerts reads them only if needed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_rows, one_or_none, set_columns


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the integration, unless deleted."""
    row = one_or_none(
        db,
        "SELECT * FROM integrations WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    )
    return {**_parsed(row), "selectors": selectors(db, org_id, id)} if row else None


def name(db: Connection, org_id: str, id: str) -> str | None:
    """Return what the integration is called, or was before it was deleted."""
    row = one_or_none(
        db,
        "SELECT name FROM integrations WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )
    return row["name"] if row else None


def with_token(db: Connection, token_hash: str) -> Row | None:
    """Return the integration whose token has this SHA-256, without selectors, unless deleted."""
    row = one_or_none(
        db,
        "SELECT * FROM integrations WHERE token_hash = :token_hash AND deleted_at IS NULL",
        {"token_hash": token_hash},
    )
    return _parsed(row) if row else None


def selectors(db: Connection, org_id: str, id: str) -> list[Row]:
    """Return the selectors of an integration."""
    rows = db.execute(
        """
        SELECT matchers, routing_policy_id FROM integration_selectors
        WHERE org_id = :org_id AND integration_id = :id ORDER BY ordinal
        """,
        {"org_id": org_id, "id": id},
    ).fetchall()
    return [_selector(row) for row in rows]


def all_by_name(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's integrations by name, without the deleted ones."""
    rows = db.execute(
        "SELECT * FROM integrations WHERE org_id = :org_id AND deleted_at IS NULL ORDER BY name",
        {"org_id": org_id},
    ).fetchall()
    found = db.execute(
        """
        SELECT selector.* FROM integrations AS integration
        CROSS JOIN integration_selectors AS selector
          ON selector.org_id = integration.org_id AND selector.integration_id = integration.id
        WHERE integration.org_id = :org_id AND integration.deleted_at IS NULL
        ORDER BY selector.integration_id, selector.ordinal
        """,
        {"org_id": org_id},
    ).fetchall()
    by_integration: dict[str, list[Row]] = {}
    for row in found:
        by_integration.setdefault(row["integration_id"], []).append(_selector(row))
    return [{**_parsed(row), "selectors": by_integration.get(row["id"], [])} for row in rows]


def stored(columns: Row) -> Row:
    """Return the columns as the table has them: those that hold JSON as text."""
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for name, value in columns.items()
    }


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change an integration; the keys of `changes` are the columns to set."""
    set_columns(db, "integrations", stored(changes), org_id=org_id, id=id)


def set_selectors(db: Connection, org_id: str, id: str, chosen: Sequence[Row]) -> None:
    """Give the integration exactly these selectors, in order."""
    db.execute(
        "DELETE FROM integration_selectors WHERE org_id = :org_id AND integration_id = :id",
        {"org_id": org_id, "id": id},
    )
    rows = [
        {
            "org_id": org_id,
            "integration_id": id,
            "ordinal": n,
            "matchers": json.dumps(selector["matchers"], ensure_ascii=False),
            "routing_policy_id": selector["routing_policy_id"],
        }
        for n, selector in enumerate(chosen)
    ]
    insert_rows(db, "integration_selectors", rows)


def count_receipt(db: Connection, org_id: str, id: str, *, at: str) -> int:
    """Record that a request came at `at`; return how many came up to now, this one included."""
    row: Row = db.execute(
        """
        UPDATE integrations SET receipts = receipts + 1, last_received_at = :at
        WHERE org_id = :org_id AND id = :id RETURNING receipts
        """,
        {"org_id": org_id, "id": id, "at": at},
    ).fetchone()
    number: int = row["receipts"]
    return number


def naming_routing_policy(db: Connection, org_id: str, policy_id: str, *, limit: int) -> list[Row]:
    """Return integrations that name the routing policy, by themselves or by a selector.

    By name, without the deleted ones.
    """
    return db.execute(
        """
        SELECT * FROM integrations
        WHERE org_id = :org_id AND deleted_at IS NULL AND id IN (
            SELECT id FROM integrations
            WHERE org_id = :org_id AND routing_policy_id = :policy_id
            UNION
            SELECT integration_id FROM integration_selectors
            WHERE org_id = :org_id AND routing_policy_id = :policy_id)
        ORDER BY name LIMIT :limit
        """,
        {"org_id": org_id, "policy_id": policy_id, "limit": limit},
    ).fetchall()


def forget_component(db: Connection, org_id: str, component_id: str, *, at: str) -> list[Row]:
    """Remove the component from integrations; return the `org_id` and `id` of each."""
    return db.execute(
        """
        UPDATE integrations SET component_id = NULL, updated_at = :at
        WHERE org_id = :org_id AND component_id = :component_id AND deleted_at IS NULL
        RETURNING org_id, id
        """,
        {"org_id": org_id, "component_id": component_id, "at": at},
    ).fetchall()


def _selector(row: Row) -> Row:
    return {
        "matchers": json.loads(row["matchers"]),
        "routing_policy_id": row["routing_policy_id"],
    }


def _parsed(row: Row) -> Row:
    mapping = row["mapping"]
    return {
        **row,
        "severity_map": json.loads(row["severity_map"]),
        "mapping": None if mapping is None else json.loads(mapping),
    }
