"""What a calendar shows of a schedule: pure functions (contract §4).

A calendar program reads a feed again and again, and tells by the ids of its events what is new, has
changed or is gone. So an event has the same id and the same ends whenever it is asked for, as long
as nothing changes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from incident_service.clock import LAST, sortable
from incident_service.oncall import calculator
from incident_service.oncall.calculator import Override, Target
from incident_service.oncall.rotation import Layer


@dataclass(frozen=True, slots=True)
class Event:
    """Somebody who owns a schedule for a while, and the id under which calendars know it."""

    uid: str
    target: Target


def first_instant(layers: Iterable[Layer], start: datetime) -> datetime:
    """Return when the earliest turn began that may last beyond `start`.

    `events` has to know all overrides and versions of layers that end later than that.
    """
    active = (layer for layer in layers if layer.is_active(start))
    return min((calculator.turn_at(layer, start).starts_at for layer in active), default=start)


def events(
    layers: Sequence[Layer], overrides: Sequence[Override], start: datetime, end: datetime
) -> Iterator[Event]:
    """Yield who owns the schedule in any of `start <= t < end`, in order.

    They are the targets of `calculator.owners`, but not cut where the time asked for begins and
    ends.

    The id of an override's event is the override's own. That of a turn is made of its layer and the
    instant at which it began, so what cuts the turn does not change it. If a turn goes on after an
    interruption, the part after it is an event of its own; its id is made of the turn's and that of
    the event that interrupted it.
    """
    seen: set[str] = set()
    before = ""
    since = first_instant(layers, start)
    for turn, target in calculator.turns(layers, overrides, since, LAST):
        if target.starts_at >= end:
            return
        if target.layer_id is None:
            uid, target = str(target.override_id), turn
        else:
            uid = f"{target.layer_id}-{sortable(turn.starts_at)}"
            if uid in seen:
                uid = str(uuid.uuid5(uuid.UUID(target.layer_id), uid + before))
            seen.add(uid)
        before = uid
        if target.ends_at > start:
            yield Event(uid, target)
