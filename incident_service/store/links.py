"""Rows of `acknowledge_links`."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.store import Row, insert_into, one_or_none


def put(db: Connection, link: Row) -> str:
    """Add a link, or let the link of that incident and user expire later. Return its token.

    `link` has a value for each column.
    """
    row = db.execute(
        f"""
        {insert_into("acknowledge_links", link)}
        ON CONFLICT (org_id, incident_id, user_id) DO UPDATE SET
            expires_at = max(expires_at, excluded.expires_at)
        RETURNING token
        """,
        link,
    ).fetchone()
    token: str = row["token"]
    return token


def get(db: Connection, token: str) -> Row | None:
    """Return the link."""
    return one_or_none(db, "SELECT * FROM acknowledge_links WHERE token = :token", {"token": token})
