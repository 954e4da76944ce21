"""Deletes the history that a retention lets go: `RETENTION_DAYS` (contract §9).

It deletes what is older of the audit log, and the trails and alerts of incidents that were resolved
before then. Incidents themselves stay, and one that is not resolved keeps everything.

The database refuses to delete history that is not older than the organization's `kept_from`. After
the first time, that moves on by a day at most, and once an hour: a clock that is set wrong by years
costs a day of history an hour, until somebody notices, and not all of it at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.store import Row
from incident_service.store import retention as rows

DELETED_A_WRITE = 200
"""Rows, of all organizations together: others wait for this write."""

ORGANIZATIONS_A_WRITE = 5
"""Each has an equal share of the rows."""

STEP = timedelta(days=1)
"""How far `kept_from` moves on at most."""

REST = timedelta(minutes=50)
"""How long an organization is left alone once all is deleted: less than until the next purge."""


def delete_old(db: Connection, days: int, *, now: datetime) -> bool:
    """Delete some of what is older than so many days; return whether there may be more."""
    at = format_instant(now)
    rows.bring_forward(db, now=at, after=format_instant(now + 2 * REST))
    due = rows.due(db, now=at, limit=ORGANIZATIONS_A_WRITE)
    until = format_instant(now - timedelta(days=days))
    are_done = [_delete_of(db, row, until, DELETED_A_WRITE // len(due), now) for row in due]
    return len(due) == ORGANIZATIONS_A_WRITE or not all(are_done)


def _delete_of(db: Connection, row: Row, until: str, limit: int, now: datetime) -> bool:
    """Delete some of an organization's history; return whether all is deleted.

    Then `kept_from` moves on, and what that lets go is deleted the next time.
    """
    org_id, kept_from = row["org_id"], row["kept_from"] or until
    if not row["kept_from"]:
        rows.update(db, org_id, {"kept_from": until})
    before = min(kept_from, until)  # more days may be kept now than once
    left = limit - rows.delete_changes(db, org_id, before=before, limit=limit)
    gone_until = _delete_trails(db, row, before, left, format_instant(now))
    trails_from = max(row["trails_from"], gone_until)
    if left == 0 or gone_until < before:
        rows.update(db, org_id, {"trails_from": trails_from, "due_at": format_instant(now)})
        return False
    farthest = format_instant(parse_instant(kept_from) + STEP)
    changes = {
        "kept_from": max(kept_from, min(until, farthest)),
        "trails_from": trails_from,
        "due_at": format_instant(now + REST),
    }
    rows.update(db, org_id, changes)
    return True


def _delete_trails(db: Connection, row: Row, before: str, left: int, at: str) -> str:
    """Delete the details of incidents, at most `left` rows; an incident counts as one at least.

    Return the instant up to which nothing is left of those that were resolved before it.
    """
    if left == 0:
        return str(row["trails_from"])
    found = rows.incidents_with_details(
        db, row["org_id"], since=row["trails_from"], before=before, limit=left
    )
    for incident in found:
        left -= max(1, rows.delete_details(db, incident, at=at, limit=left))
        if left == 0:  # there may be more of this one
            return str(incident["resolved_at"])
    return before
