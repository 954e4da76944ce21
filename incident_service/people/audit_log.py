"""Reading the audit log: who changed what, of everything but incidents (contract §6)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.clock import LAST, format_instant
from incident_service.database.file import Connection
from incident_service.people.caller import Caller
from incident_service.store import Row, changes

MAX_NUMBER = 2**63 - 1
"""More than any change's number."""

_MILLISECOND = timedelta(milliseconds=1)


def get_slice(
    db: Connection,
    caller: Caller,
    filters: Row,
    *,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> tuple[list[Row], int | None]:
    """Return the newest changes that fit, newest first, and the number before which more follow.

    `filters`: any of `resource_type`, `resource_id` and `actor_id`. `since` and `until` are whole
    milliseconds and included. `before`: the number that came with the last slice.
    """
    org_id, before = caller.org_id, before or MAX_NUMBER
    after = 0 if since is None else changes.last_before(db, org_id, format_instant(since))
    if until is not None and until < LAST - _MILLISECOND:
        end = changes.last_before(db, org_id, format_instant(until + _MILLISECOND))
        before = min(before, end + 1)
    newest = changes.newest(db, org_id, filters, after=after, before=before, limit=limit)
    if not newest:
        return [], None
    last = newest[-1]["number"]
    more = changes.newest(db, org_id, filters, after=after, before=last, limit=1)
    return newest, last if more else None
