"""Layers of schedules: the rotations, and what an edit leaves of their past (contract §4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service import ids, resources
from incident_service.clock import FIRST, format_instant, sortable, whole_milliseconds
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.oncall import versions, watching
from incident_service.oncall.rotation import Layer
from incident_service.people.caller import Caller
from incident_service.store import Row, users
from incident_service.store import changes as log
from incident_service.store import schedules as rows

MAX_LAYERS = 100
"""How many a schedule may have."""


def get_all(db: Connection, org_id: str, schedule_id: str) -> list[Row]:
    """Return the schedule's layers in order, their positions counted from 0."""
    stored = rows.layers(db, org_id, schedule_id)
    return [{**layer, "position": number} for number, layer in enumerate(stored)]


def add(db: Connection, caller: Caller, schedule_id: str, values: Row, *, now: datetime) -> Row:
    """Add a layer after the others, and return it. It counts from its `effective_from`.

    `values` are the columns that a client sets, and `participant_ids`. Raises
    `NotFound`, `InvalidRequest` `invalid_participant_id`, and `Conflict` `too_many_layers`.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    check_participants(db, caller.org_id, values["participant_ids"])
    number = len(rows.layers(db, caller.org_id, schedule_id))
    check_number(schedule, number + 1)
    at = format_instant(now)
    layer = {
        "effective_until": None,
        **values,
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "schedule_id": schedule_id,
        "position": rows.next_position(db, caller.org_id, schedule_id),
        "created_at": at,
        "updated_at": at,
        "valid_from": None,
        "turns_from": None,
    }
    rows.insert_layer(db, layer)
    log.record(db, "schedule_layer", None, layer, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)
    return {**layer, "position": number}


def replace(
    db: Connection, caller: Caller, schedule_id: str, layer_id: str, values: Row, *, now: datetime
) -> Row:
    """Replace a layer's values from now on; its position stays. Raises as `add`."""
    schedule, stored = _find(db, caller, schedule_id, layer_id)
    check_participants(db, caller.org_id, values["participant_ids"])
    (layer,) = (layer for layer in stored if layer["id"] == layer_id)
    zone = ZoneInfo(schedule["timezone"])
    changes = {"effective_until": None, **values}
    _edit(db, schedule, layer, changes, zone, now)
    shown = {"position": stored.index(layer), "updated_at": format_instant(now)}
    replaced = {**layer, **changes, **shown}
    log.record(db, "schedule_layer", layer, replaced, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)
    return replaced


def delete(
    db: Connection, caller: Caller, schedule_id: str, layer_id: str, *, now: datetime
) -> None:
    """Delete a layer; those after it move up. What it was stays in the past. Raises `NotFound`."""
    schedule, stored = _find(db, caller, schedule_id, layer_id)
    (layer,) = (layer for layer in stored if layer["id"] == layer_id)
    at = whole_milliseconds(now)
    kept = versions.ended(Layer.from_row(layer, ZoneInfo(schedule["timezone"]), at), at)
    _keep(db, schedule, [kept])
    rows.delete_layer(db, caller.org_id, layer_id)
    log.record(db, "schedule_layer", layer, None, actor_id=caller.actor_id, now=now)
    watching.look_again(db, caller.org_id, schedule_id, now=now)


def order(
    db: Connection, caller: Caller, schedule_id: str, layer_ids: Sequence[str], *, now: datetime
) -> None:
    """Put the layers in a new order from now on.

    Raises `NotFound`, and `InvalidRequest` `invalid_layer_order` unless each is named once.
    """
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    stored = {layer["id"]: layer for layer in rows.layers(db, caller.org_id, schedule_id)}
    if sorted(layer_ids) != sorted(stored):
        raise InvalidRequest(
            "layerIds: must name every layer of the schedule exactly once.",
            code="invalid_layer_order",
        )
    at, zone = whole_milliseconds(now), ZoneInfo(schedule["timezone"])
    edits = versions.ordered([Layer.from_row(stored[id], zone, at) for id in layer_ids], at)
    _keep(db, schedule, [kept for kept, _ in edits])
    moved = [
        {
            "id": layer.id,
            "position": layer.position,
            "valid_from": sortable(layer.valid_from),
            "updated_at": format_instant(now),
        }
        for _, layer in edits
        if layer.position != stored[layer.id]["position"]
    ]
    rows.move_layers(db, caller.org_id, moved)
    log.record(
        db,
        "schedule",
        {**schedule, "layer_ids": list(stored)},
        {**schedule, "layer_ids": list(layer_ids)},
        actor_id=caller.actor_id,
        now=now,
    )
    watching.look_again(db, caller.org_id, schedule_id, now=now)


def change_zone(db: Connection, schedule: Row, timezone: str, *, now: datetime) -> None:
    """Let the schedule's layers hand over by the clocks of another time zone from now on."""
    for layer in rows.layers(db, schedule["org_id"], schedule["id"]):
        _edit(db, schedule, layer, {}, ZoneInfo(timezone), now)
    rows.keep_zone(db, schedule, until_utc=sortable(whole_milliseconds(now)))


def check_participants(
    db: Connection, org_id: str, user_ids: Sequence[str], *, place: str = ""
) -> None:
    """Raise `InvalidRequest` `invalid_participant_id` if one is not a user.

    `place`: what the error names before the field.
    """
    present = users.present(db, org_id, user_ids)
    for user_id in user_ids:
        if user_id not in present:
            raise InvalidRequest(
                f"{place}participantIds: {user_id} is not a user in your organization.",
                code="invalid_participant_id",
            )


def check_number(schedule: Row, number: int) -> None:
    """Raise `Conflict` `too_many_layers` if the schedule may not have so many layers."""
    if number > MAX_LAYERS:
        raise Conflict(
            f"{schedule['name']} can have {MAX_LAYERS} layers at most.", code="too_many_layers"
        )


def _edit(
    db: Connection, schedule: Row, layer: Row, changes: Row, zone: ZoneInfo, now: datetime
) -> None:
    """Change a layer's columns, or the zone it is in, and keep what it was."""
    at = whole_milliseconds(now)
    old = Layer.from_row(layer, ZoneInfo(schedule["timezone"]), at)
    kept, new = versions.edited(old, Layer.from_row({**layer, **changes}, zone, at), at)
    dates = {"valid_from": _stored(new.valid_from), "turns_from": _stored(new.turns_from)}
    if changes:
        dates["updated_at"] = format_instant(now)
    rows.update_layer(db, schedule["org_id"], layer["id"], {**changes, **dates})
    _keep(db, schedule, [kept])


def _keep(db: Connection, schedule: Row, kept: Iterable[Layer | None]) -> None:
    rows.keep_versions(
        db,
        [
            {
                "org_id": schedule["org_id"],
                "schedule_id": schedule["id"],
                "layer_id": layer.id,
                "position": layer.position,
                "timezone": layer.zone.key,
                "rotation_length_days": layer.rotation_length_days,
                "handoff_time": layer.handoff_time.isoformat("minutes"),
                "effective_from": sortable(layer.effective_from),
                "effective_until": layer.effective_until and sortable(layer.effective_until),
                "participant_ids": layer.participant_ids,
                "valid_from": _stored(layer.valid_from),
                "valid_until": sortable(layer.valid_until),
                "turns_from": _stored(layer.turns_from),
            }
            for layer in kept
            if layer is not None
        ],
    )


def _stored(instant: datetime) -> str | None:
    return None if instant == FIRST else sortable(instant)


def _find(db: Connection, caller: Caller, schedule_id: str, layer_id: str) -> tuple[Row, list[Row]]:
    """Return the schedule and its layers, of which one has the id. Raises `NotFound`."""
    schedule = resources.find(db, "schedules", caller.org_id, schedule_id)
    stored = rows.layers(db, caller.org_id, schedule_id)
    if not any(layer["id"] == layer_id for layer in stored):
        raise NotFound(f"There is no layer {layer_id} in schedule {schedule_id}.")
    return schedule, stored
