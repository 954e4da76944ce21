"""Rows of `idempotency_keys`: the first answer to a request, kept for when it is repeated."""

from __future__ import annotations

import json

from incident_service.database.engine import Connection
from incident_service.store import Row, one_or_none, put_rows


def get(db: Connection, org_id: str, key: str, *, since: str) -> Row | None:
    """Return the key's `request_hash` and `answer`, unless it is older than `since`."""
    row = one_or_none(
        db,
        """
        SELECT request_hash, answer FROM idempotency_keys
        WHERE org_id = :org_id AND key = :key AND created_at > :since
        """,
        {"org_id": org_id, "key": key, "since": since},
    )
    return {**row, "answer": json.loads(row["answer"])} if row else None


def put(db: Connection, *, org_id: str, key: str, request_hash: str, answer: Row, at: str) -> None:
    """Keep the first answer. It replaces one that has expired."""
    row = {
        "org_id": org_id,
        "key": key,
        "request_hash": request_hash,
        "answer": json.dumps(answer, ensure_ascii=False),
        "created_at": at,
    }
    put_rows(db, "idempotency_keys", [row], key=("org_id", "key"))


def delete_expired(db: Connection, *, until: str) -> None:
    """Delete keys from `until` or before; a few at a time, so that no call pays for all."""
    db.execute(
        """
        DELETE FROM idempotency_keys WHERE (org_id, key) IN (
            SELECT org_id, key FROM idempotency_keys WHERE created_at <= :until
            ORDER BY created_at LIMIT 100)
        """,
        {"until": until},
    )
