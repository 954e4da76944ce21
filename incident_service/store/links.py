"""Rows of `acknowledge_links`."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.store import Row


def put(db: Connection, link: Row) -> str:
    """Add a link, or let the one of that incident and user expire later; return its token.

    `link` has a value for each column.
    """
    row = db.execute(
        """
        INSERT INTO acknowledge_links (token, org_id, incident_id, user_id, expires_at)
        VALUES (:token, :org_id, :incident_id, :user_id, :expires_at)
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
    row: Row | None = db.execute(
        "SELECT * FROM acknowledge_links WHERE token = :token", {"token": token}
    ).fetchone()
    return row
