"""The row of `paging_presence`: since when paging processes have been at work."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import Row, set_columns


def get(db: Connection) -> Row:
    """Return `seen_at` and `present_since`; both are null before the first paging process."""
    row: Row = db.execute(
        "SELECT seen_at, present_since FROM paging_presence WHERE number = 1"
    ).fetchone()
    return row


def put(db: Connection, *, seen_at: str, present_since: str) -> None:
    """Record that a paging process is at work, and since when one has been all the time."""
    changes = {"seen_at": seen_at, "present_since": present_since}
    set_columns(db, "paging_presence", changes, number=1)
