"""Rows of `secrets`: the service's own keys, made with the file."""

from __future__ import annotations

from incident_service.database.engine import Connection


def get(db: Connection, name: str) -> bytes:
    """Return the 32 bytes of a key; `name` is one that `schema.sql` makes."""
    value: str = db.execute(
        "SELECT value FROM secrets WHERE name = :name", {"name": name}
    ).fetchone()["value"]
    return bytes.fromhex(value)
