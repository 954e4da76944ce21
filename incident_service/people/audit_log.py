"""Reading the audit log: who changed what, of everything but incidents (contract §6)."""

from __future__ import annotations

import functools
from datetime import datetime

from incident_service.database.engine import Connection
from incident_service.ids import canonical_uuid
from incident_service.people.caller import Caller
from incident_service.store import Row, changes, numbers, users


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
    org_id = caller.org_id
    filters = {name: _as_stored(db, org_id, name, value) for name, value in filters.items()}
    last_before = functools.partial(changes.last_before, db, org_id)
    after, before = numbers.around(since, until, before=before, last_before=last_before)
    newest = changes.newest(db, org_id, filters, after=after, before=before, limit=limit)
    if not newest:
        return [], None
    last = newest[-1]["number"]
    more = changes.newest(db, org_id, filters, after=after, before=last, limit=1)
    return newest, last if more else None


def last_number(db: Connection, caller: Caller) -> int:
    """Return a number that rises with every change to anything but incidents."""
    return changes.last(db, caller.org_id)


def _as_stored(db: Connection, org_id: str, filter_: str, value: str) -> str:
    """Return what a filter looks for: of an id that is not a user's own, the UUID in lower case."""
    if filter_ == "resource_type" or users.id_was_used(db, org_id, value):
        return value
    try:
        return canonical_uuid(value)
    except ValueError:
        return value
