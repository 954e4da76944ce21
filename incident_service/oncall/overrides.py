"""Overrides: a user stands in on a schedule for a while (contract §4)."""

from __future__ import annotations

from datetime import datetime

from incident_service import ids, resources
from incident_service.clock import FIRST, LAST, format_instant, parse_instant, sortable
from incident_service.database.file import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.people.caller import Caller
from incident_service.store import Row, users
from incident_service.store import overrides as rows

MAX_OVERRIDES = 10_000
"""How many a schedule may have, past ones too."""


def get_all(
    db: Connection, caller: Caller, schedule_id: str, start: datetime | None, end: datetime | None
) -> list[Row]:
    """Return the schedule's overrides in their order in time. Raises `NotFound`.

    With `start` and `end`, only those that cover any of `start <= t < end`.
    """
    resources.find(db, "schedules", caller.org_id, schedule_id)
    window = (sortable(start or FIRST), sortable(end or LAST))
    return rows.between(db, caller.org_id, schedule_id, *window)


def create(db: Connection, caller: Caller, schedule_id: str, values: Row, *, now: datetime) -> Row:
    """Make an override of `user_id`, `starts_at`, `ends_at` and a `reason`, and return it.

    The two instants are RFC 3339 text, and kept as such. Raises `NotFound`, `InvalidRequest`
    `invalid_user_id`, and `Conflict` `override_overlaps` or `too_many_overrides`.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    if users.get(db, caller.org_id, values["user_id"]) is None:
        raise InvalidRequest(
            f"userId: {values['user_id']} is not a user in your organization.",
            code="invalid_user_id",
        )
    starts_at_utc = sortable(parse_instant(values["starts_at"]))
    ends_at_utc = sortable(parse_instant(values["ends_at"]))
    other = rows.first_between(db, caller.org_id, schedule_id, starts_at_utc, ends_at_utc)
    if other is not None:
        raise Conflict(
            f"startsAt: override {other['id']} of {schedule['name']} lasts from "
            f"{other['starts_at']} until {other['ends_at']}.",
            code="override_overlaps",
        )
    if rows.is_full(db, caller.org_id, schedule_id, MAX_OVERRIDES):
        raise Conflict(
            f"{schedule['name']} has {MAX_OVERRIDES} overrides, as many as a schedule may have. "
            "Delete old ones.",
            code="too_many_overrides",
        )
    override = {
        "reason": None,
        **values,
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "schedule_id": schedule_id,
        "starts_at_utc": starts_at_utc,
        "ends_at_utc": ends_at_utc,
        "created_by": caller.actor_id,
        "created_at": format_instant(now),
    }
    rows.insert(db, override)
    return override


def delete(db: Connection, caller: Caller, schedule_id: str, id: str) -> None:
    """Delete an override. Raises `NotFound`."""
    resources.find(db, "schedules", caller.org_id, schedule_id)
    if rows.get(db, caller.org_id, schedule_id, id) is None:
        raise NotFound(f"There is no override {id} of schedule {schedule_id}.")
    rows.delete(db, caller.org_id, id)
