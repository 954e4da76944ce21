"""Deletes what is kept for a time only, a little in each write (contract §6, §10 and §11)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.paging import signing_in
from incident_service.people.sessions import LASTS
from incident_service.store import (
    alerts,
    deliveries,
    invitations,
    receipts,
    sessions,
    sign_in_links,
)

KEEP_RECEIPTS = timedelta(days=7)
KEEP_ALERTS = timedelta(days=90)
"""From when they were resolved. Alerts of incidents stay."""

KEEP_INVITATIONS = timedelta(days=30)
"""From their end, so that whoever opens the link late is told why it does not work."""

DELETED_A_WRITE = 200
"""Rows of each table, few of them, so that the API does not wait long for its turn."""


def purge(db: Connection, *, now: datetime) -> bool:
    """Delete some of what has expired; return whether there may be more."""
    number = receipts.delete_expired(
        db, until=format_instant(now - KEEP_RECEIPTS), limit=DELETED_A_WRITE
    )
    expired = alerts.expired(db, until=format_instant(now - KEEP_ALERTS), limit=DELETED_A_WRITE)
    deliveries.delete_about_alerts(db, expired)
    alerts.delete(db, expired)
    ended = invitations.ended(
        db, until=format_instant(now - KEEP_INVITATIONS), limit=DELETED_A_WRITE
    )
    invitations.delete(db, ended)
    links = sign_in_links.ended(db, until=format_instant(now), limit=DELETED_A_WRITE)
    sign_in_links.delete(db, links)
    numbers = (
        number,
        len(expired),
        len(ended),
        len(links),
        sessions.delete_unused(db, since=format_instant(now - LASTS), limit=DELETED_A_WRITE),
        sign_in_links.delete_requests(
            db, until=format_instant(now - signing_in.WINDOW), limit=DELETED_A_WRITE
        ),
    )
    return max(numbers) == DELETED_A_WRITE
