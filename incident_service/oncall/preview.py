"""What a change of a schedule would do: who gains, who loses, where nobody is on call (§4).

It takes the steps of the real change with the same functions, in memory, and writes nothing.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from incident_service import resources
from incident_service.clock import LAST, sortable, whole_milliseconds
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest, NotFound, ValidationFailed
from incident_service.oncall import calculator, layers, overrides, schedules, versions, warnings
from incident_service.oncall.calculator import Override, Target
from incident_service.oncall.gaps import Gap, gaps
from incident_service.oncall.names import NamedTarget, Names
from incident_service.oncall.rotation import Layer
from incident_service.people.caller import Caller
from incident_service.store import Row
from incident_service.store import schedules as rows

DEFAULT_WINDOW = timedelta(days=28)

_NEW = "new "
"""How the ids begin of what would be made; answers leave them out."""


@dataclass(frozen=True, slots=True)
class BeforeAndAfter:
    """Who owns the schedule at this instant, without the change and with it."""

    before: NamedTarget | None
    after: NamedTarget | None


@dataclass(frozen=True, slots=True)
class Hours:
    """How long a user owns the schedule in the window, without the change and with it."""

    user_id: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change would do, from now on and over a window."""

    now: BeforeAndAfter
    shifts: list[NamedTarget]
    gaps: list[Gap]
    hours: list[Hours]
    warnings: list[str]


def preview(
    db: Connection,
    caller: Caller,
    schedule_id: str,
    proposed: Sequence[Row],
    added: Sequence[Row],
    start: datetime | None,
    end: datetime | None,
    *,
    now: datetime,
) -> Preview:
    """Return what it would do if the schedule had the layers and the overrides were added.

    `proposed`: all layers in order, as `layers.add` takes each, with its `id` if there is one.
    `added`: as `overrides.create_all`. Raises what the real changes raise, and `InvalidRequest`
    `invalid_layer_id`, `ValidationFailed` for the window.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    rota = rows.rota(db, caller.org_id, schedule_id, sortable(now))
    if rota is None:  # as `find` has it
        raise NotFound(f"There is no schedule {schedule_id} in your organization.")
    start, end = _window(start, end, now)
    stored = {row["id"]: row for row in rows.layers(db, caller.org_id, schedule_id)}
    _check_layers(db, schedule, stored, proposed)
    made = overrides.proposed(db, caller, schedule, added, now=now, field="overrides")
    at = whole_milliseconds(now)
    plan = _Plan(db, schedule, stored, proposed, at)
    extra = [_new_override(row, at) for row in made]

    known_layers, known_overrides = schedules.known(db, schedule, start, end, now=at)
    shifts_before = list(calculator.owners(known_layers, known_overrides, start, end))
    in_window = (plan.applied(known_layers), [*known_overrides, *extra])
    shifts = list(calculator.owners(*in_window, start, end))

    layers_now, overrides_now = schedules.known_at(rota, at)
    before = calculator.owner(layers_now, overrides_now, now)
    after = calculator.owner(plan.applied(layers_now), [*overrides_now, *extra], now)

    names = Names(db, caller.org_id, (*shifts_before, *shifts, before, after))
    uncovered = list(gaps(*in_window, start, end))
    hours = _hours(shifts_before, shifts)
    changes_now = BeforeAndAfter(names.put(before), names.put(_shown(after)))
    return Preview(
        now=changes_now,
        shifts=names.put_all([_without_new_ids(target) for target in shifts]),
        gaps=uncovered,
        hours=hours,
        warnings=[
            *warnings.of_now(changes_now.before, changes_now.after),
            *warnings.of_gaps(uncovered, schedule["timezone"]),
            *warnings.of_people(
                [names.of(each.user_id) for each in hours if each.before and not each.after]
            ),
            *warnings.of_layers(proposed, now),
        ],
    )


def _window(
    start: datetime | None, end: datetime | None, now: datetime
) -> tuple[datetime, datetime]:
    start = start or now
    end = end or (start + DEFAULT_WINDOW if start < LAST - DEFAULT_WINDOW else LAST)
    if end <= start:
        raise ValidationFailed({"to": ["Must be after from, which is now unless given."]})
    if end - start > schedules.MAX_WINDOW:
        days = schedules.MAX_WINDOW.days
        raise ValidationFailed({"to": [f"More than {days} days after from."]})
    return start, end


def _check_layers(
    db: Connection, schedule: Row, stored: dict[str, Row], proposed: Sequence[Row]
) -> None:
    """Raise what the real edits of the layers raise."""
    seen: set[str] = set()
    for number, values in enumerate(proposed):
        id = values.get("id")
        if id is not None and id not in stored:
            raise InvalidRequest(
                f"layers[{number}].id: {id} is not a layer of {schedule['name']}.",
                code="invalid_layer_id",
            )
        if id in seen:
            raise InvalidRequest(f"layers lists {id} twice.", code="invalid_layer_order")
        seen |= {id} if id else set()
    layers.check_number(schedule, len(proposed))
    for number, values in enumerate(proposed):
        before = stored.get(values.get("id", ""))
        if before is None or before["participant_ids"] != values["participant_ids"]:
            user_ids = values["participant_ids"]
            layers.check_participants(db, schedule["org_id"], user_ids, place=f"layers[{number}].")


class _Plan:
    """The steps of the real change: layers go, change, are added, and take their order."""

    def __init__(
        self,
        db: Connection,
        schedule: Row,
        stored: dict[str, Row],
        proposed: Sequence[Row],
        at: datetime,
    ) -> None:
        """Take them, in memory."""
        zone = ZoneInfo(schedule["timezone"])
        current = {id: Layer.from_row(row, zone, at) for id, row in stored.items()}
        named = {values.get("id") for values in proposed}
        kept = [versions.ended(layer, at) for id, layer in current.items() if id not in named]
        positions = itertools.count(rows.next_position(db, schedule["org_id"], schedule["id"]))
        changed: list[Layer] = []
        for values in proposed:
            columns = {"effective_until": None, **values}
            id = values.get("id")
            if id is None:
                position = next(positions)
                columns |= {"id": f"{_NEW}{position}", "position": position}
                changed.append(Layer.from_row(columns, zone, at))
            else:
                new = Layer.from_row({**stored[id], **columns}, zone, at)
                was, layer = versions.edited(current[id], new, at)
                kept.append(was)
                changed.append(layer)
        edits = versions.ordered(changed, at)
        kept += [was for was, _ in edits]
        self._layers = [layer for _, layer in edits] + [layer for layer in kept if layer]

    def applied(self, known: Sequence[Layer]) -> list[Layer]:
        """Return the layers as they would be, with what is known of their past."""
        past = [layer for layer in known if layer.valid_until < LAST]
        return [*past, *self._layers]


def _new_override(row: Row, now: datetime) -> Override:
    return dataclasses.replace(Override.from_row(row, now), id=f"{_NEW}{row['id']}")


def _shown(target: Target | None) -> Target | None:
    return None if target is None else _without_new_ids(target)


def _without_new_ids(target: Target) -> Target:
    """Return the target without the id of what is not there yet."""
    return dataclasses.replace(
        target, layer_id=_known_id(target.layer_id), override_id=_known_id(target.override_id)
    )


def _known_id(id: str | None) -> str | None:
    return None if id is None or id.startswith(_NEW) else id


def _hours(before: Sequence[Target], after: Sequence[Target]) -> list[Hours]:
    """Return the hours of everyone who has or had some, most first."""
    was, will_be = _by_user(before), _by_user(after)
    hours = [Hours(id, was.get(id, 0.0), will_be.get(id, 0.0)) for id in was.keys() | will_be]
    return sorted(hours, key=lambda each: (-each.after, -each.before, each.user_id))


def _by_user(shifts: Sequence[Target]) -> dict[str, float]:
    lengths: dict[str, timedelta] = defaultdict(timedelta)
    for shift in shifts:
        lengths[shift.user_id] += shift.ends_at - shift.starts_at
    return {id: round(length / timedelta(hours=1), 2) for id, length in lengths.items()}
