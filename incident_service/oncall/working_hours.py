"""Working hours: the times of the week at which a policy's layer takes part (contract §5)."""

from __future__ import annotations

import json
from datetime import datetime

from incident_service import resources
from incident_service.database.file import Connection
from incident_service.errors import Conflict
from incident_service.people.caller import Caller
from incident_service.store import Row, named, policies
from incident_service.store import changes as log


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all working hours by name."""
    return [_from_row(row) for row in named.all_by_name(db, "working_hours", caller.org_id)]


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the working hours. Raises `NotFound`."""
    return _from_row(resources.find(db, "working_hours", caller.org_id, id))


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make working hours with `name`, `timezone` and `windows`.

    Raises `Conflict` `name_conflict`.
    """
    row = resources.create(db, "working_hours", caller.org_id, _to_row(values), now=now)
    hours = _from_row(row)
    log.record(db, "working_hours", None, hours, actor_id=caller.actor_id, now=now)
    return hours


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of the working hours' values. Raises `NotFound` and `Conflict` `name_conflict`."""
    before = get(db, caller, id)
    row = resources.change(db, "working_hours", caller.org_id, id, _to_row(changes), now=now)
    hours = _from_row(row)
    log.record(db, "working_hours", before, hours, actor_id=caller.actor_id, now=now)
    return hours


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete working hours. Raises `NotFound`, and `Conflict` `working_hours_in_use`."""
    hours = get(db, caller, id)
    policy = policies.with_working_hours(db, caller.org_id, id)
    if policy is not None:
        raise Conflict(
            f"The escalation policy {policy['name']} ({policy['id']}) uses {hours['name']}.",
            code="working_hours_in_use",
        )
    resources.hide(db, "working_hours", caller.org_id, id, now=now)
    log.record(db, "working_hours", hours, None, actor_id=caller.actor_id, now=now)


def _to_row(values: Row) -> Row:
    if "windows" not in values:
        return values
    return {**values, "windows": json.dumps(values["windows"])}


def _from_row(row: Row) -> Row:
    return {**row, "windows": json.loads(row["windows"])}
