"""Swaps: two users do each other's shifts on a schedule, both or none (contract §11)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_service import resources
from incident_service.clock import parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict
from incident_service.oncall import calculator, overrides, schedules
from incident_service.oncall.gaps import gaps_between
from incident_service.people.caller import Caller
from incident_service.store import Row


def swap(
    db: Connection, caller: Caller, schedule_id: str, values: Sequence[Row], *, now: datetime
) -> list[Row]:
    """Make the two overrides of a swap: each is for a time in which the other user has turns.

    Raises as `overrides.create_all`, and `Conflict` `shifts_changed` if somebody else has a turn in
    either time by now: they would lose it, and nobody asked them.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    made = overrides.create_all(db, caller, schedule_id, values, now=now)
    first, second = values
    for given, giver_id in ((first, second["user_id"]), (second, first["user_id"])):
        if not _has_turns(db, schedule, given, giver_id, now):
            raise Conflict("These shifts have changed meanwhile.", code="shifts_changed")
    return made


def _has_turns(db: Connection, schedule: Row, given: Row, user_id: str, now: datetime) -> bool:
    """Return whether all of the time is the user's by the layers alone."""
    start, end = parse_instant(given["starts_at"]), parse_instant(given["ends_at"])
    if end - start > schedules.MAX_WINDOW:
        return False
    layers, _ = schedules.known(db, schedule, start, end, now=now)
    turns = list(calculator.owners(layers, [], start, end))
    is_theirs = all(turn.user_id == user_id for turn in turns)
    return is_theirs and not any(gaps_between(turns, start, end))
