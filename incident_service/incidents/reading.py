"""Reading incidents: one of them, a slice of their list, a slice of a trail (contract §3)."""

from __future__ import annotations

import functools
from datetime import datetime

from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.people.caller import Caller
from incident_service.store import Row, audit, numbers, organizations, responders
from incident_service.store import incidents as rows

OPEN = "open"
"""The filter of the status that finds all incidents which are not resolved."""

HISTORY_LENGTH = 1000
"""How many statuses an incident comes with, at most: it may be reopened any number of times."""

TRAIL_LENGTH = 1000
"""How many events of its trail an incident comes with, at most: the latest (contract §3)."""


def find(db: Connection, caller: Caller, id: str) -> Row:
    """Return the incident's own row. Raises `NotFound`."""
    incident = rows.get(db, caller.org_id, id)
    if incident is None:
        raise NotFound(f"There is no incident {id} in your organization.")
    return incident


def id_of_number(db: Connection, caller: Caller, number: int) -> str | None:
    """Return the id of the organization's incident that has this number, if there is one."""
    return rows.id_of_number(db, caller.org_id, number)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the incident with `responders`, and the ends of `status_history` and `audit_trail`.

    `audit_trail_omitted`: how many older events there are. Raises `NotFound`.
    """
    incident = find(db, caller, id)
    trail = audit.latest(db, caller.org_id, id, limit=TRAIL_LENGTH)
    return {
        **_with_components(db, caller.org_id, [incident])[0],
        "status_history": rows.status_history(db, caller.org_id, id, limit=HISTORY_LENGTH),
        "responders": responders.of_incident(db, caller.org_id, id),
        "audit_trail": trail,
        "audit_trail_omitted": trail[0]["number"] - 1 if trail else 0,
    }


def affected(db: Connection, incident: Row) -> list[Row]:
    """Return the `id` and `name` of the components that the incident names, in order."""
    return rows.components(db, incident["org_id"], [incident["id"]])[incident["id"]]


def responders_of(db: Connection, caller: Caller, id: str) -> list[Row]:
    """Return who was asked to help with an incident, those asked first, first."""
    return responders.of_incident(db, caller.org_id, id)


def latest_instant(db: Connection, incident: Row, now: datetime) -> datetime:
    """Return now, or the trail's last instant if the clock was set back behind it (contract §3)."""
    trail = audit.latest(db, incident["org_id"], incident["id"], limit=1)
    return max([now, *(parse_instant(event["at"]) for event in trail)])


def get_slice(
    db: Connection,
    caller: Caller,
    filters: Row,
    *,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
    with_provisional: bool = False,
) -> tuple[list[Row], int | None]:
    """Return the newest incidents that fit, newest first, and the number before which more follow.

    A search by words that takes long gives fewer than `limit`, or none, though more may follow.
    Provisional ones are left out, unless `with_provisional`.
    `filters`: any of `status` (also `open`), `severity`, `owner_id` and `component_id`. `since` and
    `until` are whole milliseconds and included. `before`: the number that came with the last slice.
    """
    org_id = caller.org_id
    if not with_provisional:
        filters = {**filters, "is_provisional": False}
    if since is not None:
        filters = {**filters, "since": format_instant(since)}
    if until is not None:
        filters = {**filters, "until": format_instant(until)}
    after, before = numbers.around(
        since,
        until,
        before=before,
        last_before=functools.partial(rows.last_before, db, org_id),
        setback=organizations.clock_setback(db, org_id),
    )
    newest, end = rows.newest(db, org_id, filters, after=after, before=before, limit=limit + 1)
    incidents = _with_components(db, org_id, newest[:limit])
    return incidents, incidents[-1]["sequential_id"] if len(newest) > limit else end


def get_trail_slice(
    db: Connection, caller: Caller, id: str, *, after: int, limit: int
) -> tuple[list[Row], int | None]:
    """Return events of the trail, oldest first, and the number after which more follow.

    `after`: the number that came with the last slice, or 0. Raises `NotFound`.
    """
    find(db, caller, id)
    following = audit.numbered_after(db, caller.org_id, id, after, limit=limit + 1)
    events = following[:limit]
    return events, events[-1]["number"] if len(following) > limit else None


def _with_components(db: Connection, org_id: str, incidents: list[Row]) -> list[Row]:
    affected = rows.components(db, org_id, [incident["id"] for incident in incidents])
    return [{**incident, "affected_components": affected[incident["id"]]} for incident in incidents]
