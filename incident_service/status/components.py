"""Components: the parts of a product that incidents affect (contract §6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from incident_service import resources
from incident_service.database.file import Connection
from incident_service.errors import InvalidRequest
from incident_service.people.caller import Caller
from incident_service.status.levels import operational_status
from incident_service.store import Row
from incident_service.store import components as rows
from incident_service.store import named as named_rows


def get_slice(
    db: Connection, caller: Caller, *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return components by name, and the name after which there are more.

    `after`: the name that the last slice gave, or an empty one.
    """
    read = named_rows.slice_by_name(db, "components", caller.org_id, after=after, limit=limit + 1)
    components = read[:limit]
    next_after = components[-1]["name"] if len(read) > limit else None
    return with_status(db, caller, components), next_after


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the component. Raises `NotFound`."""
    row = resources.find(db, "components", caller.org_id, id)
    return with_status(db, caller, [row])[0]


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
    return resources.create(db, "components", caller.org_id, _stored(columns), now=now)


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a component's values; return its row.

    Raises `NotFound`, and what `create` raises.
    """
    resources.find(db, "components", caller.org_id, id)
    _check_policy(db, caller, changes)
    return resources.change(db, "components", caller.org_id, id, _stored(changes), now=now)


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a component; incidents still name it. Raises `NotFound`."""
    resources.find(db, "components", caller.org_id, id)
    resources.hide(db, "components", caller.org_id, id, now=now)


def named(db: Connection, org_id: str, ids: Sequence[str]) -> list[Row]:
    """Return the `id` and `name` of components that an incident is to name, in their order.

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


def with_status(db: Connection, caller: Caller, components: list[Row]) -> list[Row]:
    """Return rows of components with their `operational_status`."""
    severities = rows.open_severities(db, caller.org_id)
    return [
        {
            **row,
            "aliases": json.loads(row["aliases"]),
            "operational_status": operational_status(severities.get(row["id"], ())),
            "maintenance_window": None,
        }
        for row in components
    ]


def _check_policy(db: Connection, caller: Caller, values: Row) -> None:
    id = values.get("escalation_policy_id")
    if id is not None and named_rows.get(db, "escalation_policies", caller.org_id, id) is None:
        raise InvalidRequest(
            f"escalationPolicyId: {id} is not an escalation policy in your organization.",
            code="invalid_escalation_policy_id",
        )


def _stored(values: Row) -> Row:
    if "aliases" not in values:
        return values
    return {**values, "aliases": json.dumps(values["aliases"] or [], ensure_ascii=False)}
