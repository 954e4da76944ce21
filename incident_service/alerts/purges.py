"""Deletes what is kept for a time only, a little in each write (contract §6, §9, §10 and §11)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.alerts import retention
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
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
"""From when they were resolved, unless a retention is shorter. Those of incidents stay as long as
their incidents have details."""

KEEP_INVITATIONS = timedelta(days=30)
"""From their end, so that whoever opens the link late is told why it does not work."""

DELETED_A_WRITE = 200
"""Rows of each table, few of them, so that the API does not wait long for its turn."""


def purge(db: Connection, *, now: datetime, retention_days: int | None = None) -> bool:
    """Delete some of what has expired; return whether there may be more.

    `retention_days`: how long history is kept, if not for good.
    """
    keep_alerts = KEEP_ALERTS
    is_more = False
    if retention_days is not None:
        keep_alerts = min(KEEP_ALERTS, timedelta(days=retention_days))
        is_more = retention.delete_old(db, retention_days, now=now)
    number = receipts.delete_expired(
        db, until=format_instant(now - KEEP_RECEIPTS), limit=DELETED_A_WRITE
    )
    expired = alerts.expired(db, until=format_instant(now - keep_alerts), limit=DELETED_A_WRITE)
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
    return is_more or max(numbers) == DELETED_A_WRITE
