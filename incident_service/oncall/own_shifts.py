"""The shifts of one user over all schedules, for their home page (contract §11).

Two statements each, whatever the number of schedules.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_service.clock import LAST, sortable
from incident_service.database.engine import Connection
from incident_service.oncall import calculator, schedules
from incident_service.oncall.calculator import Override
from incident_service.oncall.overrides import MAX_OVERRIDES
from incident_service.oncall.rotation import Layer
from incident_service.people.caller import Caller
from incident_service.store import Row, calendar_feeds
from incident_service.store import schedules as rows

MAX_SCHEDULES = 50
"""Of how many schedules a user sees their shifts, the first by name."""

FURTHEST = timedelta(days=366)
"""How far ahead a next shift is looked for."""


@dataclass(frozen=True, slots=True)
class OwnShift:
    """A time for which the user owns a schedule; turns of theirs in a row are one."""

    schedule: Row
    starts_at: datetime
    ends_at: datetime


def between(
    db: Connection, caller: Caller, user_id: str, start: datetime, end: datetime, *, now: datetime
) -> list[OwnShift]:
    """Return the user's shifts in `start <= t < end`, cut to it, in the order of their starts."""
    found = [
        shift
        for rota in _rotas(db, caller, user_id, start, end)
        for shift in _shifts(rota, user_id, start, end, before=end, now=now)
    ]
    return sorted(found, key=lambda shift: (shift.starts_at, shift.schedule["name"]))


def find_next(db: Connection, caller: Caller, user_id: str, *, now: datetime) -> OwnShift | None:
    """Return the user's next shift to begin, of all schedules; `None` if none does in a year.

    It ends a year from now at the latest.
    """
    horizon = min(now, LAST - FURTHEST) + FURTHEST
    earliest: OwnShift | None = None
    for rota in _rotas(db, caller, user_id, now, horizon):
        before = earliest.starts_at if earliest else horizon
        shifts = _shifts(rota, user_id, now, horizon, before=before, now=now)
        earliest = next((shift for shift in shifts if shift.starts_at > now), earliest)
    return earliest


def _rotas(
    db: Connection, caller: Caller, user_id: str, start: datetime, end: datetime
) -> Iterator[Row]:
    """Yield what decides who owns each of the schedules that the user is on."""
    on = calendar_feeds.schedules_with(
        db, caller.org_id, user_id, sortable(start), limit=MAX_SCHEDULES
    )
    return rows.rotas_between(
        db,
        caller.org_id,
        sortable(start),
        sortable(end),
        ids=[schedule["id"] for schedule in on],
        most=MAX_OVERRIDES,
    )


def _shifts(
    rota: Row, user_id: str, start: datetime, end: datetime, *, before: datetime, now: datetime
) -> Iterator[OwnShift]:
    """Yield the user's shifts by one schedule in the window, those that begin before an instant."""
    layers, overrides = schedules.known_at(rota, now)
    if not _may_own(layers, overrides, user_id, start, end):
        return
    held: OwnShift | None = None
    schedule = {"id": rota["id"], "name": rota["name"]}
    for target in calculator.owners(layers, overrides, start, end):
        goes_on = held is not None and target.starts_at == held.ends_at
        if held is not None and not (goes_on and target.user_id == user_id):
            yield held
            held = None
        if held is None and target.starts_at >= before:
            return
        if target.user_id == user_id:
            since = held.starts_at if held else target.starts_at
            held = OwnShift(schedule, since, target.ends_at)
    if held is not None:
        yield held


def _may_own(
    layers: Iterable[Layer],
    overrides: Iterable[Override],
    user_id: str,
    start: datetime,
    end: datetime,
) -> bool:
    """Whether the user can own the schedule in the window, by an override or by a layer.

    A layer below one that is active all the time never owns it. Without this, the window would be
    gone through turn by turn for those who only stand by.
    """
    if any(override.user_id == user_id for override in overrides):
        return True
    layers = [layer for layer in layers if layer.starts_at < end and layer.ends_at > start]
    lowest = min(
        (la.position for la in layers if la.starts_at <= start and la.ends_at >= end), default=None
    )
    return any(
        user_id in layer.participant_ids and (lowest is None or layer.position <= lowest)
        for layer in layers
    )
