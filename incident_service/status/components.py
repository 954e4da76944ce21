"""Components: the parts of a product that incidents affect (contract §6)."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from incident_service import resources
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest
from incident_service.people.caller import Caller
from incident_service.status.levels import operational_status
from incident_service.store import Row, integrations, maintenance_windows, tasks
from incident_service.store import changes as log
from incident_service.store import components as rows
from incident_service.store import named as named_rows

_NEVER = "~"
"""Comes after every instant."""


def get_slice(
    db: Connection, caller: Caller, *, after: str, limit: int, now: datetime
) -> tuple[list[Row], str | None]:
    """Return components by name, and the name after which there are more.

    `after`: the name that the last slice gave, or an empty one.
    """
    found, end = resources.get_slice(db, "components", caller.org_id, after=after, limit=limit)
    return with_status(db, caller, found, now=now), end


def choices(
    db: Connection, caller: Caller, chosen: Sequence[str] = (), *, limit: int
) -> tuple[list[Row], bool]:
    """Return components to choose from, those that are `chosen` first, and whether more exist.

    Up to `limit` others, by name; each has its `id` and `name`.
    """
    names = named_rows.names(db, "components", caller.org_id, chosen)
    read = named_rows.slice_by_name(db, "components", caller.org_id, after="", limit=limit + 1)
    first = [{"id": id, "name": names[id]} for id in chosen if id in names]
    return [*first, *(row for row in read[:limit] if row["id"] not in names)], len(read) > limit


def get(db: Connection, caller: Caller, id: str, *, now: datetime) -> Row:
    """Return the component. Raises `NotFound`."""
    row = resources.find(db, "components", caller.org_id, id)
    return with_status(db, caller, [row], now=now)[0]


def get_names(db: Connection, caller: Caller) -> list[Row]:
    """Return the `id` and `name` of all components, by name."""
    return named_rows.all_names(db, "components", caller.org_id)


def names(db: Connection, caller: Caller, ids: Sequence[str]) -> dict[str, str]:
    """Return the names of those of the components that there are, by id."""
    return named_rows.names(db, "components", caller.org_id, ids)


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a component with a `name`; return its row.

    `description`, `group_label`, `aliases` and `escalation_policy_id` are optional.
    Raises `Conflict` `name_conflict` or `too_many_components`, and `InvalidRequest`
    `invalid_escalation_policy_id`.
    """
    columns = {
        "description": None,
        "group_label": None,
        "aliases": None,
        "escalation_policy_id": None,
        **values,
    }
    _check_policy(db, caller, values)
    row = resources.create(db, "components", caller.org_id, _stored(columns), now=now)
    _set_names(db, row)
    log.record(db, "component", None, _parsed(row), actor_id=caller.actor_id, now=now)
    return row


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a component's values; return its row.

    Raises `NotFound`, and what `create` raises.
    """
    before = resources.find(db, "components", caller.org_id, id)
    _check_policy(db, caller, changes)
    row = resources.change(db, "components", caller.org_id, id, _stored(changes), now=now)
    if {"name", "aliases"} & changes.keys():
        _set_names(db, row)
    log.record(db, "component", _parsed(before), _parsed(row), actor_id=caller.actor_id, now=now)
    return row


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a component; incidents still name it, integrations do not. Raises `NotFound`.

    What maintenance suppressed about it and still fires is routed at once.
    """
    org_id, at = caller.org_id, format_instant(now)
    component = resources.find(db, "components", org_id, id)
    resources.hide(db, "components", org_id, id, now=now)
    rows.set_names(db, org_id, id, ())
    record = functools.partial(log.record, db, actor_id=caller.actor_id, now=now)
    for thing in integrations.forget_component(db, org_id, id, at=at):
        record("integration", {**thing, "component_id": id}, {**thing, "component_id": None})
    tasks.put(db, org_id, "end_maintenance", org_id, due_at=at)  # mostly it finds nothing to do
    record("component", _parsed(component), None)


def named(db: Connection, org_id: str, ids: Sequence[str]) -> list[Row]:
    """Return the `id` and `name` of components that something is to be about, in their order.

    Raises `InvalidRequest` `duplicate_component_id` or `invalid_component_id`, for the first id
    at fault.
    """
    for n, id in enumerate(ids):
        if id in ids[:n]:
            raise InvalidRequest(f"componentIds lists {id} twice.", code="duplicate_component_id")
    names = named_rows.names(db, "components", org_id, ids)
    for id in ids:
        if id not in names:
            raise InvalidRequest(
                f"componentIds: {id} is not a component in your organization.",
                code="invalid_component_id",
            )
    return [{"id": id, "name": names[id]} for id in ids]


def with_status(
    db: Connection, caller: Caller, components: list[Row], *, now: datetime
) -> list[Row]:
    """Return rows of components with their `operational_status` and `maintenance_window`.

    Of several active windows that is the one that ends last; the status knows public ones alone.
    """
    severities = rows.open_severities(db, caller.org_id)
    windows: defaultdict[str, list[Row]] = defaultdict(list)
    for window in maintenance_windows.active(db, caller.org_id, at=now):
        windows[window["component_id"]].append(window)
    return [
        {
            **_parsed(row),
            "operational_status": operational_status(
                severities.get(row["id"], ()),
                in_maintenance=any(window["is_public"] for window in windows[row["id"]]),
            ),
            "maintenance_window": _last_to_end(windows[row["id"]]),
        }
        for row in components
    ]


def _last_to_end(windows: list[Row]) -> Row | None:
    """Return the window that ends last, of equals the one that began first; `None` for none."""
    if not windows:
        return None
    last = max(window["ends_at_utc"] or _NEVER for window in windows)
    window = min(
        (window for window in windows if (window["ends_at_utc"] or _NEVER) == last),
        key=lambda window: window["starts_at_utc"],
    )
    return {"started_at": window["starts_at"], "ends_at": window["ends_at"]}


def _set_names(db: Connection, row: Row) -> None:
    rows.set_names(db, row["org_id"], row["id"], (row["name"], *json.loads(row["aliases"])))


def _check_policy(db: Connection, caller: Caller, values: Row) -> None:
    id = values.get("escalation_policy_id")
    resources.check_reference(db, "escalation_policies", caller.org_id, id, "escalationPolicyId")


def _parsed(row: Row) -> Row:
    return {**row, "aliases": json.loads(row["aliases"])}


def _stored(values: Row) -> Row:
    if "aliases" not in values:
        return values
    return {**values, "aliases": json.dumps(values["aliases"] or [], ensure_ascii=False)}
