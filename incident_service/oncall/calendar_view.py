"""Who owns schedules over some weeks, for people to look at (contract §11).

Many schedules at once, or one with its layers unfolded. Whatever their number, a view reads the
schedules in one statement, and the names of the people in another.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from incident_service import resources
from incident_service.clock import sortable
from incident_service.database.engine import Connection
from incident_service.oncall import calendar_lanes, schedules
from incident_service.oncall.calendar_lanes import Lane, Span
from incident_service.oncall.names import Names
from incident_service.people.caller import Caller
from incident_service.store import Row
from incident_service.store import schedules as rows


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """Who owns a schedule over the window; `schedule` has its `id`, `name` and `timezone`."""

    schedule: Row
    lane: Lane


@dataclass(frozen=True, slots=True)
class LayerView:
    """Whose turn it is by one layer alone; `layer` has its `id` and `name`.

    A layer that takes no part for a while has gaps there, which need not be gaps of the schedule.
    """

    layer: Row
    lane: Lane


@dataclass(frozen=True, slots=True)
class UnfoldedView(ScheduleView):
    """Who owns a schedule over the window, and how that came: the overrides, and each layer.

    `layers`: those that there are now, by position. One that was deleted still counts in the past.
    """

    overrides: Lane
    layers: list[LayerView]


def get_slice(
    db: Connection,
    caller: Caller,
    start: datetime,
    end: datetime,
    *,
    after: str,
    limit: int,
    now: datetime,
) -> tuple[list[ScheduleView], str | None]:
    """Return who owns schedules of the organization in `start <= t < end`, by name.

    `after`: the name that the last slice gave, or an empty one. With it comes the name after which
    there are more.
    """
    span = Span(start, end, now)
    found = [
        (_described(rota), span.owners(*schedules.known_at(rota, now)), _reasons(rota))
        for rota in _rotas(db, caller, span, after=after, limit=limit + 1)
    ]
    listed = found[:limit]
    names = Names(db, caller.org_id, (each for _, targets, _ in listed for each in targets))
    views = [
        ScheduleView(schedule, span.lane(targets, names.of, reasons))
        for schedule, targets, reasons in listed
    ]
    return views, views[-1].schedule["name"] if len(found) > limit else None


def get(
    db: Connection, caller: Caller, id: str, start: datetime, end: datetime, *, now: datetime
) -> UnfoldedView:
    """Return who owns the schedule in `start <= t < end`, unfolded. Raises `NotFound`."""
    span = Span(start, end, now)
    rota = next(_rotas(db, caller, span, ids=[id]), None)
    if rota is None:
        raise resources.not_found("schedules", id)
    layers, overrides = schedules.known_at(rota, now)
    owners, standing_in = span.owners(layers, overrides), span.owners([], overrides)
    turns = [
        (
            {"id": row["id"], "name": row["name"]},
            span.owners([layer for layer in layers if layer.id == row["id"]], []),
        )
        for row in _current_layers(rota)
    ]
    shown = itertools.chain(owners, standing_in, *(targets for _, targets in turns))
    names, reasons = Names(db, caller.org_id, shown), _reasons(rota)
    return UnfoldedView(
        _described(rota),
        span.lane(owners, names.of, reasons),
        overrides=span.lane(standing_in, names.of, reasons),
        layers=[LayerView(row, span.lane(targets, names.of, {})) for row, targets in turns],
    )


def _rotas(db: Connection, caller: Caller, span: Span, **chosen: Any) -> Iterator[Row]:
    """Yield what decides who owns the schedules around the window, chosen as the store has it."""
    start, end = map(sortable, span.around())
    # One more override than shifts: it may cut the last of them.
    most = calendar_lanes.MAX_SHIFTS + 1
    return rows.rotas_between(db, caller.org_id, start, end, most=most, **chosen)


def _described(rota: Row) -> Row:
    return {name: rota[name] for name in ("id", "name", "timezone")}


def _current_layers(rota: Row) -> list[Row]:
    """Return the layers that there are now, by position; the others are what they were before."""
    current = (row for row in rota["layers"] if "name" in row)
    return sorted(current, key=lambda row: int(row["position"]))


def _reasons(rota: Row) -> dict[str, str | None]:
    return {row["past_of"] or row["id"]: row["reason"] for row in rota["overrides"]}
