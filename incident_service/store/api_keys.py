"""Rows of `api_keys`."""

from __future__ import annotations

from incident_service.db import Connection
from incident_service.store import Row


def insert(db: Connection, key: Row) -> None:
    """Add a key; `key` has a value for each column but `deleted_at`."""
    db.execute(
        """
        INSERT INTO api_keys (org_id, id, user_id, name, role, key_hash, key_prefix, created_at)
        VALUES (:org_id, :id, :user_id, :name, :role, :key_hash, :key_prefix, :created_at)
        """,
        key,
    )


def with_hash(db: Connection, key_hash: str) -> Row | None:
    """Return the key with that SHA-256, revoked or not."""
    row: Row | None = db.execute(
        "SELECT org_id, id, user_id, role, deleted_at FROM api_keys WHERE key_hash = :key_hash",
        {"key_hash": key_hash},
    ).fetchone()
    return row
