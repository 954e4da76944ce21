"""Working hours: the times of the week at which a policy's layer takes part (contract §5)."""

from __future__ import annotations

import json
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service import resources
from incident_service.database.engine import Connection
from incident_service.errors import Conflict
from incident_service.oncall import hours
from incident_service.people.caller import Caller
from incident_service.store import Row, named, policies
from incident_service.store import changes as log

USES_AT_MOST = 20
"""How many policies that use the same hours are told."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all working hours by name."""
    return [_from_row(row) for row in named.all_by_name(db, "working_hours", caller.org_id)]


def get_slice(
    db: Connection, caller: Caller, *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return working hours by name, and the name after which there are more.

    `after`: the name that the last slice gave, or an empty one.
    """
    org_id = caller.org_id
    found, end = resources.get_slice(db, "working_hours", org_id, after=after, limit=limit)
    return [_from_row(row) for row in found], end


def are_now(working_hours: Row, *, now: datetime) -> bool:
    """Whether the instant is within the working hours."""
    windows = [hours.Window.from_json(window) for window in working_hours["windows"]]
    return hours.is_within(ZoneInfo(working_hours["timezone"]), windows, now)


def uses(db: Connection, caller: Caller, id: str) -> list[Row]:
    """Return `USES_AT_MOST` escalation policies that use the working hours: `id` and `name`."""
    return policies.with_working_hours(db, caller.org_id, id, limit=USES_AT_MOST)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the working hours. Raises `NotFound`."""
    return _from_row(resources.find(db, "working_hours", caller.org_id, id))


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make working hours with `name`, `timezone` and `windows`.

    Raises `Conflict` `name_conflict`.
    """
    row = resources.create(db, "working_hours", caller.org_id, _to_row(values), now=now)
    made = _from_row(row)
    log.record(db, "working_hours", None, made, actor_id=caller.actor_id, now=now)
    return made


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of the working hours' values. Raises `NotFound` and `Conflict` `name_conflict`."""
    before = get(db, caller, id)
    row = resources.change(db, "working_hours", caller.org_id, id, _to_row(changes), now=now)
    after = _from_row(row)
    log.record(db, "working_hours", before, after, actor_id=caller.actor_id, now=now)
    return after


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete working hours. Raises `NotFound`, and `Conflict` `working_hours_in_use`."""
    before = get(db, caller, id)
    for policy in policies.with_working_hours(db, caller.org_id, id, limit=1):
        raise Conflict(
            f"The escalation policy {policy['name']} ({policy['id']}) uses {before['name']}.",
            code="working_hours_in_use",
        )
    resources.hide(db, "working_hours", caller.org_id, id, now=now)
    log.record(db, "working_hours", before, None, actor_id=caller.actor_id, now=now)


def _to_row(values: Row) -> Row:
    if "windows" not in values:
        return values
    return {**values, "windows": json.dumps(values["windows"])}


def _from_row(row: Row) -> Row:
    return {**row, "windows": json.loads(row["windows"])}
