"""Who is on call, in one look: a user's own schedules, and the first of the others (contract §11).

A bounded number of statements and schedules, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incident_service.clock import sortable
from incident_service.database.engine import Connection
from incident_service.oncall import own_shifts, schedules
from incident_service.oncall.own_shifts import OwnShift
from incident_service.oncall.schedules import Followed
from incident_service.people.caller import Caller
from incident_service.store import calendar_feeds, named

MAX_OWN = 8
"""How many of the schedules that the user is on are told, the first by name."""

MAX_OTHERS = 4


@dataclass(frozen=True, slots=True)
class Glance:
    """Who is on call."""

    now: list[Followed]
    """The schedules that the user owns now, by name."""
    own: list[Followed]
    """The schedules that the user is on: those of `now` first, and then by name."""
    others: list[Followed]
    """The first of the others, by name."""
    has_more: bool
    """Whether there are schedules that are in neither."""
    next_shift: OwnShift | None
    """The user's next shift to begin."""


def look(db: Connection, caller: Caller, user_id: str, *, now: datetime) -> Glance:
    """Return who is on call now."""
    org_id = caller.org_id
    on = calendar_feeds.schedules_with(db, org_id, user_id, sortable(now), limit=MAX_OWN + 1)
    own = {schedule["id"] for schedule in on[:MAX_OWN]}
    first = named.slice_by_name(db, "schedules", org_id, after="", limit=len(own) + MAX_OTHERS + 1)
    others = [schedule["id"] for schedule in first if schedule["id"] not in own]
    found = sorted(
        schedules.owned_of(db, caller, [*own, *others[:MAX_OTHERS]], now=now).values(),
        key=lambda each: each.schedule["name"],
    )
    mine = [each for each in found if each.schedule["id"] in own]
    on_now = [
        each for each in mine if each.schedule_owner and each.schedule_owner.user_id == user_id
    ]
    return Glance(
        now=on_now,
        own=[*on_now, *(each for each in mine if each not in on_now)],
        others=[each for each in found if each.schedule["id"] not in own],
        has_more=len(on) > MAX_OWN or len(others) > MAX_OTHERS,
        next_shift=own_shifts.find_next(db, caller, user_id, now=now),
    )
