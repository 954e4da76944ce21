"""Remembers since when paging processes have been at work without a break.

What did not come while none was at work means nothing: the whole service may have been down.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection, Database
from incident_service.errors import Busy, StorageFull
from incident_service.store import presence, tasks

RECORD_AFTER = timedelta(seconds=15)
"""How old the record may be: not every round is a write."""

WAIT_SECONDS = 1.0
"""How long a round waits to record it."""

BREAK_AFTER = timedelta(minutes=1)
"""A gap of this length in the record, or a clock that was set back by as much, is a break."""


def show(database: Database, now: datetime) -> None:
    """Record that a paging process is at work, unless one did so a short time ago.

    If that cannot be written now, the next round tries again.
    """
    with database.read() as db:
        is_recorded = _is_recent(presence.get(db)["seen_at"], now)
    if not is_recorded:
        with suppress(Busy, StorageFull):
            database.write_within(WAIT_SECONDS, None, record)


def record(db: Connection, *, now: datetime) -> None:
    """Record that a paging process is at work, unless one did so a short time ago.

    If the clock was set back, all heartbeats are looked at now: the instants at which they would be
    missed are too far away.
    """
    found = presence.get(db)
    if _is_recent(found["seen_at"], now):
        return
    at = format_instant(now)
    seen_at = found["seen_at"] and parse_instant(found["seen_at"])
    is_set_back = seen_at is not None and seen_at - now > BREAK_AFTER
    is_break = seen_at is None or now - seen_at > BREAK_AFTER or is_set_back
    presence.put(db, seen_at=at, present_since=at if is_break else found["present_since"])
    if is_set_back:
        tasks.advance(db, "miss_heartbeat", to=at)


def present_since(db: Connection) -> datetime | None:
    """Return since when a paging process has been at work all the time, if one ever was."""
    since = presence.get(db)["present_since"]
    return since and parse_instant(since)


def _is_recent(seen_at: str | None, now: datetime) -> bool:
    """Whether the record is recent; one from the near future is, after a small set-back."""
    if seen_at is None:
        return False
    return -BREAK_AFTER <= now - parse_instant(seen_at) < RECORD_AFTER
