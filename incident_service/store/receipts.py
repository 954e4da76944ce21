"""Rows of `receipts`: the latest requests that came for an integration."""

from __future__ import annotations

import json
from typing import Any

from incident_service.database.engine import Connection
from incident_service.store import Row, put_rows

KEPT = 50
"""How many an integration has at most: the next one takes the place of the oldest."""


def put(
    db: Connection,
    *,
    org_id: str,
    integration_id: str,
    number: int,
    id: str,
    at: str,
    status: int,
    body: str,
    result: Any,
) -> None:
    """Keep a request that came at `at`, the integration's `number`th, in place of the oldest.

    `result` is what became of it, as JSON can say it.
    """
    row = {
        "org_id": org_id,
        "integration_id": integration_id,
        "slot": number % KEPT,
        "id": id,
        "received_at": at,
        "status": status,
        "body": body,
        "result": json.dumps(result, ensure_ascii=False),
    }
    put_rows(db, "receipts", [row], key=("org_id", "integration_id", "slot"))


def all_by_arrival(db: Connection, org_id: str, integration_id: str) -> list[Row]:
    """Return the integration's receipts, newest first, with `result` parsed."""
    rows = db.execute(
        """
        SELECT * FROM receipts WHERE org_id = :org_id AND integration_id = :integration_id
        ORDER BY id DESC
        """,
        {"org_id": org_id, "integration_id": integration_id},
    ).fetchall()
    return [{**row, "result": json.loads(row["result"])} for row in rows]


def delete_of_integration(db: Connection, org_id: str, integration_id: str) -> None:
    """Delete the integration's receipts."""
    db.execute(
        "DELETE FROM receipts WHERE org_id = :org_id AND integration_id = :integration_id",
        {"org_id": org_id, "integration_id": integration_id},
    )


def delete_expired(db: Connection, *, until: str, limit: int) -> int:
    """Delete receipts from `until` or before, at most `limit` of them; return how many."""
    rows = db.execute(
        """
        SELECT org_id, integration_id, slot FROM receipts
        WHERE received_at <= :until ORDER BY received_at LIMIT :limit
        """,
        {"until": until, "limit": limit},
    ).fetchall()
    db.executemany(
        """
        DELETE FROM receipts
        WHERE org_id = :org_id AND integration_id = :integration_id AND slot = :slot
        """,
        rows,
    )
    return len(rows)
