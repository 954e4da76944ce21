"""On-call schedules, and who is on call by them (contract §4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from incident_service import resources
from incident_service.clock import LAST, sortable
from incident_service.database.engine import Connection
from incident_service.errors import Conflict
from incident_service.oncall import calculator, layers, watching
from incident_service.oncall.names import NamedTarget, Names
from incident_service.oncall.rotation import Layer
from incident_service.people.caller import Caller
from incident_service.store import Row, changes, named, overrides
from incident_service.store import schedules as rows

POLICIES_AT_MOST = 20
"""How many policies that page a schedule are told."""

MAX_WINDOW = timedelta(days=366)
"""The longest time over which shifts are told."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all schedules by name, without their layers."""
    return named.all_by_name(db, "schedules", caller.org_id)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the schedule with its `layers` by position. Raises `NotFound`."""
    schedule = resources.find(db, "schedules", caller.org_id, id)
    return {**schedule, "layers": layers.get_all(db, caller.org_id, id)}


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a schedule of `name`, `timezone` and a `description`, without layers.

    Raises `Conflict` `name_conflict`.
    """
    columns = {"description": None, **values, "created_by": caller.actor_id}
    schedule = resources.create(db, "schedules", caller.org_id, columns, now=now)
    changes.record(db, "schedule", None, schedule, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule["id"], now=now)
    return {**schedule, "layers": []}


def replace(db: Connection, caller: Caller, id: str, values: Row, *, now: datetime) -> Row:
    """Replace the same values; the layers stay. Raises `NotFound`, `Conflict` `name_conflict`.

    Another time zone counts from now on.
    """
    columns = {"description": None, **values}
    before = resources.find(db, "schedules", caller.org_id, id)
    if before["timezone"] != columns["timezone"]:
        layers.change_zone(db, before, columns["timezone"], now=now)
    schedule = resources.change(db, "schedules", caller.org_id, id, columns, now=now)
    changes.record(db, "schedule", before, schedule, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, id, now=now)
    return {**schedule, "layers": layers.get_all(db, caller.org_id, id)}


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a schedule. Raises `NotFound`, and `Conflict` `schedule_in_use` by a policy."""
    schedule = resources.find(db, "schedules", caller.org_id, id)
    for policy in rows.policies_that_target(db, caller.org_id, id, limit=1):
        raise Conflict(
            f"The schedule {schedule['name']} is a target of the escalation policy "
            f"{policy['name']}.",
            code="schedule_in_use",
        )
    resources.hide(db, "schedules", caller.org_id, id, now=now)
    changes.record(db, "schedule", schedule, None, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, id, now=now)


def policies_of(db: Connection, caller: Caller, id: str) -> list[Row]:
    """Return the `id` and `name` of policies that page the schedule: they keep it from deletion."""
    return rows.policies_that_target(db, caller.org_id, id, limit=POLICIES_AT_MOST)


def order_layers(
    db: Connection, caller: Caller, id: str, layer_ids: Sequence[str], *, now: datetime
) -> Row:
    """Put the layers in a new order, and return the schedule. Raises as `layers.order`."""
    layers.order(db, caller, id, layer_ids, now=now)
    return get(db, caller, id)


@dataclass(frozen=True, slots=True)
class Owned:
    """Who owns one schedule at one instant."""

    schedule: Row
    schedule_owner: calculator.Target | None


@dataclass(frozen=True, slots=True)
class Followed(Owned):
    """Who owns one schedule at one instant, and who does next."""

    next: calculator.Target | None


@dataclass(frozen=True, slots=True)
class Resolved(Owned):
    """Who is on call by one schedule at one instant."""

    at: datetime
    paging_targets: Sequence[calculator.Target]


def resolve(
    db: Connection, caller: Caller, id: str, at: datetime | None, *, now: datetime
) -> Resolved:
    """Return who is on call by the schedule at the instant, or now; by name.

    Raises `NotFound`.
    """
    found = _resolved(db, caller.org_id, id, at or now, now)
    if found is None:
        raise resources.not_found("schedules", id)
    names = Names(db, caller.org_id, (found.schedule_owner, *found.paging_targets))
    return dataclasses.replace(
        found,
        schedule_owner=names.put(found.schedule_owner),
        paging_targets=names.put_all(found.paging_targets),
    )


def owned(db: Connection, caller: Caller, at: datetime | None, *, now: datetime) -> list[Followed]:
    """Return who owns each schedule at the instant, or now, and who does next; by name."""
    rotas = rows.rotas(db, caller.org_id, sortable(at or now))
    return _all_followed(db, caller, rotas, at or now, now)


def owned_of(
    db: Connection, caller: Caller, ids: Sequence[str], *, now: datetime
) -> dict[str, Followed]:
    """Return what `owned` does, of those of the schedules that there are, by id."""
    rotas = rows.rotas_of(db, caller.org_id, ids, sortable(now))
    return {each.schedule["id"]: each for each in _all_followed(db, caller, rotas, now, now)}


def _all_followed(
    db: Connection, caller: Caller, rotas: Iterable[Row], at: datetime, now: datetime
) -> list[Followed]:
    found = [_followed(rota, at, now) for rota in rotas]
    targets = (target for each in found for target in (each.schedule_owner, each.next))
    names = Names(db, caller.org_id, targets)
    return [
        Followed(each.schedule, names.put(each.schedule_owner), names.put(each.next))
        for each in found
    ]


def find_resolved(db: Connection, org_id: str, id: str, now: datetime) -> Resolved | None:
    """Return who is on call by the schedule now; `None` if there is no such schedule."""
    return _resolved(db, org_id, id, now, now)


def find_all_resolved(
    db: Connection, org_id: str, ids: Sequence[str], now: datetime
) -> dict[str, Resolved]:
    """Return who is on call now by those of the schedules that exist, by id, in one statement."""
    rotas = rows.rotas_of(db, org_id, ids, sortable(now))
    return {rota["id"]: _on_call(rota, now, now) for rota in rotas}


def find_owned(db: Connection, org_id: str, id: str, now: datetime) -> Owned | None:
    """Return who owns the schedule now; `None` if there is no such schedule."""
    rota = rows.rota(db, org_id, id, sortable(now))
    return None if rota is None else _owned(rota, now, now)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who owns a schedule now, or `None` for nobody, and until when; `None` for good."""

    owner_id: str | None
    until: datetime | None


def find_watch(db: Connection, org_id: str, id: str, now: datetime) -> Watch | None:
    """Return who owns the schedule now and until when; `None` if there is no such schedule."""
    rota = rows.rota(db, org_id, id, sortable(now))
    if rota is None:
        return None
    shift = next(calculator.owners(*known_at(rota, now), now, LAST), None)
    if shift is None:
        return Watch(None, None)
    if shift.starts_at > now:
        return Watch(None, shift.starts_at)
    return Watch(shift.user_id, shift.ends_at if shift.ends_at < LAST else None)


def _resolved(db: Connection, org_id: str, id: str, at: datetime, now: datetime) -> Resolved | None:
    rota = rows.rota(db, org_id, id, sortable(at))
    return None if rota is None else _on_call(rota, at, now)


def _on_call(rota: Row, at: datetime, now: datetime) -> Resolved:
    answer = calculator.on_call(*known_at(rota, now), at)
    return Resolved(rota, answer.owner, at, answer.paging_targets)


def shifts(
    db: Connection, caller: Caller, id: str, start: datetime, end: datetime, *, now: datetime
) -> list[NamedTarget]:
    """Return who owns the schedule over the window, in order, by name. Raises `NotFound`."""
    schedule = resources.find(db, "schedules", caller.org_id, id)
    found = list(calculator.owners(*known(db, schedule, start, end, now=now), start, end))
    return Names(db, caller.org_id, found).put_all(found)


def known(
    db: Connection, schedule: Row, start: datetime, end: datetime, *, now: datetime
) -> tuple[list[Layer], list[calculator.Override]]:
    """Return what the calculator has to know of a schedule for the window."""
    key = (schedule["org_id"], schedule["id"])
    zone = ZoneInfo(schedule["timezone"])
    stored = rows.layers(db, *key) + rows.versions(db, *key, sortable(start))
    covering = overrides.counted_between(db, *key, sortable(start), sortable(end))
    return (
        [Layer.from_row(row, zone, now) for row in stored],
        [calculator.Override.from_row(row, now) for row in covering],
    )


def _owned(rota: Row, at: datetime, now: datetime) -> Owned:
    return Owned(rota, calculator.owner(*known_at(rota, now), at))


def _followed(rota: Row, at: datetime, now: datetime) -> Followed:
    known = known_at(rota, now)
    name = {"id": rota["id"], "name": rota["name"]}
    return Followed(name, calculator.owner(*known, at), calculator.next_owner(*known, at))


def known_at(rota: Row, now: datetime) -> tuple[list[Layer], list[calculator.Override]]:
    """Return what the calculator has to know of a schedule that `rows.rota` returns."""
    zone = ZoneInfo(rota["timezone"])
    return (
        [Layer.from_row(row, zone, now) for row in rota["layers"]],
        [calculator.Override.from_row(row, now) for row in rota["overrides"]],
    )
