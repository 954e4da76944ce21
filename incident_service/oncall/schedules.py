"""On-call schedules, their layers, and who is on call by them (contract §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service import ids, resources
from incident_service.clock import format_instant, sortable
from incident_service.database.file import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.oncall import calculator
from incident_service.people.caller import Caller
from incident_service.store import Row, named, overrides, users
from incident_service.store import schedules as rows

MAX_LAYERS = 100
"""How many a schedule may have."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all schedules by name, without their layers."""
    return named.all_by_name(db, "schedules", caller.org_id)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the schedule with its `layers` by position. Raises `NotFound`."""
    schedule = resources.find(db, "schedules", caller.org_id, id)
    return {**schedule, "layers": rows.layers(db, caller.org_id, id)}


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a schedule of `name`, `timezone` and a `description`, without layers.

    Raises `Conflict` `name_conflict`.
    """
    columns = {"description": None, **values, "created_by": caller.actor_id}
    schedule = resources.create(db, "schedules", caller.org_id, columns, now=now)
    return {**schedule, "layers": []}


def replace(db: Connection, caller: Caller, id: str, values: Row, *, now: datetime) -> Row:
    """Replace the same values; the layers stay. Raises `NotFound`, `Conflict` `name_conflict`."""
    columns = {"description": None, **values}
    schedule = resources.change(db, "schedules", caller.org_id, id, columns, now=now)
    return {**schedule, "layers": rows.layers(db, caller.org_id, id)}


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a schedule. Raises `NotFound`, and `Conflict` `schedule_in_use` by a policy."""
    schedule = resources.find(db, "schedules", caller.org_id, id)
    policy = rows.policy_that_targets(db, caller.org_id, id)
    if policy is not None:
        raise Conflict(
            f"The schedule {schedule['name']} is a target of the escalation policy {policy}.",
            code="schedule_in_use",
        )
    resources.hide(db, "schedules", caller.org_id, id, now=now)


def add_layer(db: Connection, caller: Caller, id: str, values: Row, *, now: datetime) -> Row:
    """Add a layer after the others, and return it.

    `values` are the columns that a client sets, and `participant_ids`. Raises
    `NotFound`, `InvalidRequest` `invalid_participant_id`, and `Conflict` `too_many_layers`.
    """
    resources.find(db, "schedules", caller.org_id, id)
    _check_participants(db, caller.org_id, values["participant_ids"])
    position = rows.next_position(db, caller.org_id, id)
    if position >= MAX_LAYERS:
        raise Conflict(
            f"The schedule has {MAX_LAYERS} layers, as many as a schedule may have.",
            code="too_many_layers",
        )
    at = format_instant(now)
    layer = {
        "effective_until": None,
        **values,
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "schedule_id": id,
        "position": position,
        "created_at": at,
        "updated_at": at,
    }
    rows.insert_layer(db, layer)
    return layer


def replace_layer(
    db: Connection, caller: Caller, id: str, layer_id: str, values: Row, *, now: datetime
) -> Row:
    """Replace a layer's values, and return it; its position stays. Raises as `add_layer`."""
    layer = _layer(db, caller, id, layer_id)
    _check_participants(db, caller.org_id, values["participant_ids"])
    changes = {"effective_until": None, **values, "updated_at": format_instant(now)}
    rows.update_layer(db, caller.org_id, layer_id, changes)
    return {**layer, **changes}


def delete_layer(db: Connection, caller: Caller, id: str, layer_id: str, *, now: datetime) -> None:
    """Delete a layer and close the gap. Raises `NotFound`."""
    _layer(db, caller, id, layer_id)
    rows.delete_layer(db, caller.org_id, layer_id)
    left = [layer["id"] for layer in rows.layers(db, caller.org_id, id)]
    rows.order_layers(db, caller.org_id, id, left, at=format_instant(now))


def order_layers(
    db: Connection, caller: Caller, id: str, layer_ids: Sequence[str], *, now: datetime
) -> Row:
    """Put the layers in a new order, and return the schedule.

    Raises `NotFound`, and `InvalidRequest` `invalid_layer_order` unless each is named once.
    """
    schedule = get(db, caller, id)
    if sorted(layer_ids) != sorted(layer["id"] for layer in schedule["layers"]):
        raise InvalidRequest(
            "layerIds: must name every layer of the schedule exactly once.",
            code="invalid_layer_order",
        )
    rows.order_layers(db, caller.org_id, id, layer_ids, at=format_instant(now))
    return get(db, caller, id)


@dataclass(frozen=True, slots=True)
class Owned:
    """Who owns one schedule at one instant."""

    schedule: Row
    schedule_owner: calculator.Target | None


@dataclass(frozen=True, slots=True)
class Resolved(Owned):
    """Who is on call by one schedule at one instant."""

    at: datetime
    paging_targets: tuple[calculator.Target, ...]


def resolve(db: Connection, caller: Caller, id: str, at: datetime) -> Resolved:
    """Return who is on call by the schedule at the instant. Raises `NotFound`."""
    resolved = find_resolved(db, caller.org_id, id, at)
    if resolved is None:
        raise resources.not_found("schedules", id)
    return resolved


def owned(db: Connection, caller: Caller, at: datetime) -> list[Owned]:
    """Return who owns each schedule at the instant, by name."""
    return [_owned(rota, at) for rota in rows.rotas(db, caller.org_id, sortable(at))]


def find_resolved(db: Connection, org_id: str, id: str, at: datetime) -> Resolved | None:
    """Return who is on call by the schedule at the instant; `None` if there is no such schedule."""
    rota = rows.rota(db, org_id, id, sortable(at))
    if rota is None:
        return None
    answer = calculator.on_call(*_known(rota), at)
    return Resolved(rota, answer.owner, at, answer.paging_targets)


def find_owned(db: Connection, org_id: str, id: str, at: datetime) -> Owned | None:
    """Return who owns the schedule at the instant; `None` if there is no such schedule."""
    rota = rows.rota(db, org_id, id, sortable(at))
    return None if rota is None else _owned(rota, at)


def shifts(
    db: Connection, caller: Caller, id: str, start: datetime, end: datetime
) -> list[calculator.Target]:
    """Return who owns the schedule over the window, in order. Raises `NotFound`."""
    schedule = resources.find(db, "schedules", caller.org_id, id)
    key = (caller.org_id, id)
    covering = overrides.between(db, *key, sortable(start), sortable(end))
    return list(
        calculator.owners(
            ZoneInfo(schedule["timezone"]),
            map(calculator.Layer.from_row, rows.layers(db, *key)),
            map(calculator.Override.from_row, covering),
            start,
            end,
        )
    )


def _owned(rota: Row, at: datetime) -> Owned:
    return Owned(rota, calculator.owner(*_known(rota), at))


def _known(
    rota: Row,
) -> tuple[ZoneInfo, Iterable[calculator.Layer], Iterable[calculator.Override]]:
    """Return what the calculator has to know of a schedule that `rows.rota` returns."""
    return (
        ZoneInfo(rota["timezone"]),
        map(calculator.Layer.from_row, rota["layers"]),
        map(calculator.Override.from_row, rota["overrides"]),
    )


def _layer(db: Connection, caller: Caller, id: str, layer_id: str) -> Row:
    resources.find(db, "schedules", caller.org_id, id)
    for layer in rows.layers(db, caller.org_id, id):
        if layer["id"] == layer_id:
            return layer
    raise NotFound(f"There is no layer {layer_id} in schedule {id}.")


def _check_participants(db: Connection, org_id: str, user_ids: Sequence[str]) -> None:
    present = users.present(db, org_id, user_ids)
    for user_id in user_ids:
        if user_id not in present:
            raise InvalidRequest(
                f"participantIds: {user_id} is not a user in your organization.",
                code="invalid_participant_id",
            )
