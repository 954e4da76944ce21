"""Escalation policies: whom to page, in which order, until somebody acknowledges (contract §5).

A layer's values are `escalate_after_seconds`, `target` (`{"type": "schedule", "schedule_id"}` or
`{"type": "users", "user_ids"}`) and `condition` (`{"working_hours_id", "when"}`, or none).
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from incident_service import ids, resources
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.people.caller import Caller
from incident_service.store import (
    Row,
    components,
    named,
    organizations,
    routing_policies,
    users,
)
from incident_service.store import changes as log
from incident_service.store import policies as rows

TargetType = Literal["schedule", "users"]

TARGET_TYPES: tuple[TargetType, ...] = get_args(TargetType)

MAX_LAYERS = 20

MAX_REPEAT = 9

USES_AT_MOST = 20
"""How many things of a kind that use a policy are told."""


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all policies by name, without their layers."""
    return named.all_by_name(db, "escalation_policies", caller.org_id)


def get_slice(
    db: Connection, caller: Caller, *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return policies by name, with their `layers`, and the name after which there are more.

    `after`: the name that the last slice gave, or an empty one.
    """
    org_id = caller.org_id
    found, end = resources.get_slice(db, "escalation_policies", org_id, after=after, limit=limit)
    layers = rows.layers_of(db, org_id, [policy["id"] for policy in found])
    return [
        {**policy, "layers": [_to_values(layer) for layer in layers[policy["id"]]]}
        for policy in found
    ], end


def names(db: Connection, caller: Caller, ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those of the policies that there are, by id."""
    return named.names(db, "escalation_policies", caller.org_id, ids)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the policy with its `layers` by position. Raises `NotFound`."""
    return _with_layers(db, resources.find(db, "escalation_policies", caller.org_id, id))


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a policy with a `name`; `description`, `repeat` and `steps` (layers) are optional.

    Raises `Conflict` `name_conflict` or `too_many_escalation_policies`, and `InvalidRequest`
    `invalid_target` or `invalid_condition`.
    """
    columns = {
        "name": values["name"],
        "description": values.get("description"),
        "repeat": values.get("repeat", 0),
        "created_by": caller.actor_id,
    }
    policy = resources.create(db, "escalation_policies", caller.org_id, columns, now=now)
    _set_layers(db, policy, values.get("steps", []), at=format_instant(now))
    policy = _with_layers(db, policy)
    _record(db, caller, None, policy, now=now)
    return policy


def replace(db: Connection, caller: Caller, id: str, values: Row, *, now: datetime) -> Row:
    """Replace a policy's name and description; `repeat` and its layers (`steps`) if given.

    The layer at each position keeps its id. Raises `NotFound` and what `create` raises.
    """
    columns = {"name": values["name"], "description": values.get("description")}
    if "repeat" in values:
        columns["repeat"] = values["repeat"]
    before = get(db, caller, id)
    policy = resources.change(db, "escalation_policies", caller.org_id, id, columns, now=now)
    if "steps" in values:
        _set_layers(db, policy, values["steps"], at=format_instant(now))
    policy = _with_layers(db, policy)
    _record(db, caller, before, policy, now=now)
    return policy


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set a policy's name, description or `repeat`; `None` is no repeat.

    Raises `NotFound` and `Conflict` `name_conflict`.
    """
    if "repeat" in changes and changes["repeat"] is None:
        changes = {**changes, "repeat": 0}
    before = get(db, caller, id)
    policy = resources.change(db, "escalation_policies", caller.org_id, id, changes, now=now)
    policy = _with_layers(db, policy)
    _record(db, caller, before, policy, now=now)
    return policy


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a policy, and remove it where it is a default: of components, the organization.

    Raises `NotFound` and `Conflict` `policy_in_use`.
    """
    policy = get(db, caller, id)
    for incident in rows.unresolved_incidents(db, caller.org_id, id, limit=1):
        raise Conflict(
            f"Incident {incident['sequential_id']} is not resolved, and escalates by "
            f"{policy['name']}.",
            code="policy_in_use",
        )
    for routing in routing_policies.naming_escalation_policy(db, caller.org_id, id, limit=1):
        raise Conflict(
            f"The routing policy {routing['name']} names {policy['name']}.", code="policy_in_use"
        )
    resources.hide(db, "escalation_policies", caller.org_id, id, now=now)
    record = functools.partial(log.record, db, actor_id=caller.actor_id, now=now)
    for thing in components.forget_policy(db, caller.org_id, id, at=format_instant(now)):
        field = "escalation_policy_id"
        record("component", {**thing, field: id}, {**thing, field: None})
    for thing in organizations.forget_policy(db, caller.org_id, id):
        field = "default_escalation_policy_id"
        record("organization", {**thing, field: id}, {**thing, field: None})
    _record(db, caller, policy, None, now=now)


@dataclass(frozen=True, slots=True)
class Uses:
    """What uses a policy, of each kind `USES_AT_MOST`: the first two keep it from being deleted."""

    incidents: list[Row]
    """Unresolved ones: `sequential_id` and `title`."""
    routing_policies: list[Row]
    components: list[Row]
    is_default: bool
    """Whether it is the organization's default."""


def uses(db: Connection, caller: Caller, id: str) -> Uses:
    """Return what uses the policy."""
    org_id, limit = caller.org_id, USES_AT_MOST
    organization = organizations.get(db, org_id) or {}
    return Uses(
        rows.unresolved_incidents(db, org_id, id, limit=limit),
        routing_policies.naming_escalation_policy(db, org_id, id, limit=limit),
        components.with_policy(db, org_id, id, limit=limit),
        organization.get("default_escalation_policy_id") == id,
    )


def add_layer(db: Connection, caller: Caller, policy_id: str, values: Row, *, now: datetime) -> Row:
    """Add a layer at `position`, or at the end; later layers move down. Return the layer.

    Raises `NotFound`, `InvalidRequest` `invalid_target` or `invalid_condition`, and `Conflict`
    `too_many_layers`.
    """
    policy = resources.find(db, "escalation_policies", caller.org_id, policy_id)
    _check_references(db, caller.org_id, values)
    layer_ids = [layer["id"] for layer in rows.layers(db, caller.org_id, policy_id)]
    if len(layer_ids) >= MAX_LAYERS:
        raise Conflict(
            f"{policy['name']} has {MAX_LAYERS} layers, as many as a policy may have.",
            code="too_many_layers",
        )
    at = format_instant(now)
    id = _insert(db, policy, values, position=len(layer_ids) + 1, at=at)
    _place(layer_ids, id, values.get("position"))
    _arrange(db, policy, layer_ids, at=at)
    layer = _to_values(_find_layer(db, policy, id))
    log.record(db, "escalation_layer", None, layer, actor_id=caller.actor_id, now=now)
    return layer


def change_layer(
    db: Connection, caller: Caller, policy_id: str, layer_id: str, changes: Row, *, now: datetime
) -> Row:
    """Set some of a layer's values; `position` moves it. Return the layer.

    Raises `NotFound`, and `InvalidRequest` `invalid_target` or `invalid_condition`.
    """
    policy = resources.find(db, "escalation_policies", caller.org_id, policy_id)
    layer = _find_layer(db, policy, layer_id)
    columns, position = _columns(changes), changes.get("position")
    if not columns and position is None:
        return _to_values(layer)
    _check_references(db, caller.org_id, changes)
    at = format_instant(now)
    rows.update_layer(db, caller.org_id, layer_id, {**columns, "updated_at": at})
    layer_ids = [each["id"] for each in rows.layers(db, caller.org_id, policy_id)]
    if position is not None:
        layer_ids.remove(layer_id)
        _place(layer_ids, layer_id, position)
    _arrange(db, policy, layer_ids, at=at)
    before, layer = _to_values(layer), _to_values(_find_layer(db, policy, layer_id))
    log.record(db, "escalation_layer", before, layer, actor_id=caller.actor_id, now=now)
    return layer


def delete_layer(
    db: Connection, caller: Caller, policy_id: str, layer_id: str, *, now: datetime
) -> None:
    """Remove a layer; later layers move up. Raises `NotFound`."""
    policy = resources.find(db, "escalation_policies", caller.org_id, policy_id)
    layer = _to_values(_find_layer(db, policy, layer_id))
    rows.delete_layer(db, caller.org_id, layer_id)
    layer_ids = [layer["id"] for layer in rows.layers(db, caller.org_id, policy_id)]
    _arrange(db, policy, layer_ids, at=format_instant(now))
    log.record(db, "escalation_layer", layer, None, actor_id=caller.actor_id, now=now)


def order_layers(
    db: Connection, caller: Caller, policy_id: str, layer_ids: list[str], *, now: datetime
) -> Row:
    """Put all of a policy's layers into this order. Return the policy.

    Raises `NotFound`, and `InvalidRequest` `invalid_layer_order`.
    """
    before = get(db, caller, policy_id)
    sent = Counter(layer_ids)
    present = Counter(layer["id"] for layer in before["layers"])
    for id in (sent - present) + (present - sent):
        fault = "must be listed exactly once" if id in present else "is not a layer of this policy"
        raise InvalidRequest(f"layerIds: {id} {fault}.", code="invalid_layer_order")
    policy = _with_layers(db, _arrange(db, before, layer_ids, at=format_instant(now)))
    _record(db, caller, before, policy, now=now)
    return policy


def _record(
    db: Connection, caller: Caller, before: Row | None, after: Row | None, *, now: datetime
) -> None:
    """Record a change to a policy, as `changes.record` says, with its layers."""
    log.record(
        db,
        "escalation_policy",
        _recorded(before),
        _recorded(after),
        actor_id=caller.actor_id,
        now=now,
    )


def _recorded(policy: Row | None) -> Row | None:
    if policy is None:
        return None
    names = ("id", "escalate_after_seconds", "target", "condition")
    layers = [{name: layer[name] for name in names} for layer in policy["layers"]]
    return {**policy, "layers": layers}


def _set_layers(db: Connection, policy: Row, steps: list[Row], *, at: str) -> None:
    """Give the policy these layers, in this order, and reuse the rows of its present layers."""
    org_id = policy["org_id"]
    for step in steps:
        _check_references(db, org_id, step)
    present = [layer["id"] for layer in rows.layers(db, org_id, policy["id"])]
    for id in present[len(steps) :]:
        rows.delete_layer(db, org_id, id)
    for id, step in zip(present, steps, strict=False):
        rows.update_layer(db, org_id, id, {**_columns(_with_defaults(step)), "updated_at": at})
    for n, step in enumerate(steps[len(present) :], start=len(present) + 1):
        _insert(db, policy, step, position=n, at=at)


def _insert(db: Connection, policy: Row, values: Row, *, position: int, at: str) -> str:
    """Add a layer at a free position, and return its id."""
    id = ids.new_id()
    rows.insert_layer(
        db,
        {
            "org_id": policy["org_id"],
            "id": id,
            "policy_id": policy["id"],
            "position": position,
            **_columns(_with_defaults(values)),
            "created_at": at,
            "updated_at": at,
        },
    )
    return id


def _place(layer_ids: list[str], id: str, position: int | None) -> None:
    """Insert the id at a position counted from 1; at the end if there is no such position."""
    end = len(layer_ids)
    layer_ids.insert(end if position is None else min(position - 1, end), id)


def _arrange(db: Connection, policy: Row, layer_ids: list[str], *, at: str) -> Row:
    """Store the order of the policy's layers, and when it changed; return the policy."""
    rows.set_positions(db, policy["org_id"], policy["id"], layer_ids, at=at)
    named.update(db, "escalation_policies", policy["org_id"], policy["id"], {"updated_at": at})
    return {**policy, "updated_at": at}


def _check_references(db: Connection, org_id: str, values: Row) -> None:
    """Raise `InvalidRequest` if a layer's values name something that does not exist (§5)."""
    target, condition = values.get("target") or {}, values.get("condition")
    schedule_id = target.get("schedule_id")
    if schedule_id is not None and named.get(db, "schedules", org_id, schedule_id) is None:
        raise InvalidRequest(
            f"target: {schedule_id} is not a schedule in your organization.", code="invalid_target"
        )
    user_ids = target.get("user_ids") or []
    present = users.present(db, org_id, user_ids) if user_ids else set()
    for user_id in user_ids:
        if user_id not in present:
            raise InvalidRequest(
                f"target: {user_id} is not a user in your organization.", code="invalid_target"
            )
    hours_id = condition["working_hours_id"] if condition else None
    if hours_id is not None and named.get(db, "working_hours", org_id, hours_id) is None:
        raise InvalidRequest(
            f"condition: {hours_id} is not a set of working hours in your organization.",
            code="invalid_condition",
        )


def _with_defaults(values: Row) -> Row:
    """Return the values of a new layer. Without a `condition`, it has none."""
    return {"condition": None, **values}


def _columns(values: Row) -> Row:
    """Return the columns, and `user_ids`, that store a layer's values."""
    columns: Row = {}
    if "escalate_after_seconds" in values:
        columns["escalate_after_seconds"] = values["escalate_after_seconds"]
    if "target" in values:
        target = values["target"]
        columns["target_type"] = target["type"]
        columns["schedule_id"] = target.get("schedule_id")
        columns["user_ids"] = target.get("user_ids") or []
    if "condition" in values:
        condition = values["condition"] or {}
        columns["working_hours_id"] = condition.get("working_hours_id")
        columns["working_hours_when"] = condition.get("when")
    return columns


def _find_layer(db: Connection, policy: Row, id: str) -> Row:
    for layer in rows.layers(db, policy["org_id"], policy["id"]):
        if layer["id"] == id:
            return layer
    raise NotFound(f"There is no layer {id} in the escalation policy {policy['id']}.")


def _with_layers(db: Connection, policy: Row) -> Row:
    layers = rows.layers(db, policy["org_id"], policy["id"])
    return {**policy, "layers": [_to_values(layer) for layer in layers]}


def _to_values(layer: Row) -> Row:
    """Return a layer with its `target` and `condition`, made from its columns."""
    target = (
        {"type": "schedule", "schedule_id": layer["schedule_id"]}
        if layer["target_type"] == "schedule"
        else {"type": "users", "user_ids": layer["user_ids"]}
    )
    hours_id, when = layer["working_hours_id"], layer["working_hours_when"]
    condition = {"working_hours_id": hours_id, "when": when} if hours_id is not None else None
    return {**layer, "target": target, "condition": condition}
