"""Components: the parts of a product that incidents affect (contract §6)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from incident_service import resources
from incident_service.caller import Caller
from incident_service.component_status import operational_status
from incident_service.db import Connection
from incident_service.errors import InvalidRequest
from incident_service.store import Row, components
from incident_service.store import named as rows


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all components by name."""
    found = rows.all_by_name(db, "components", caller.org_id)
    return _shown(db, caller, found)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the component. Raises `NotFound`."""
    row = resources.find(db, "components", caller.org_id, id)
    return _shown(db, caller, [row])[0]


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a component with `name`, and `description`, `group_label` and `aliases` where given.

    Raises `Conflict` `name_taken`.
    """
    columns = {"description": None, "group_label": None, "aliases": None, **values}
    row = resources.create(db, "components", caller.org_id, _stored(columns), now=now)
    return _shown(db, caller, [row])[0]


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a component's values. Raises `NotFound` and `Conflict` `name_taken`."""
    row = resources.change(db, "components", caller.org_id, id, _stored(changes), now=now)
    return _shown(db, caller, [row])[0]


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a component; incidents keep naming it. Raises `NotFound`."""
    resources.find(db, "components", caller.org_id, id)
    resources.hide(db, "components", caller.org_id, id, now=now)


def named(db: Connection, org_id: str, ids: Sequence[str]) -> list[Row]:
    """Return the `id` and `name` of components that an incident is to name, in their order.

    Raises `InvalidRequest` `duplicate_component_id` or `invalid_component_id`, for the first id
    at fault.
    """
    for n, id in enumerate(ids):
        if id in ids[:n]:
            raise InvalidRequest(
                f"componentIds: {id} stands there twice.", code="duplicate_component_id"
            )
    found = []
    for id in ids:
        row = rows.get(db, "components", org_id, id)
        if row is None:
            raise InvalidRequest(
                f"componentIds: {id} is no component of your organization.",
                code="invalid_component_id",
            )
        found.append({"id": id, "name": row["name"]})
    return found


def _stored(values: Row) -> Row:
    if "aliases" not in values:
        return values
    return {**values, "aliases": json.dumps(values["aliases"] or [], ensure_ascii=False)}


def _shown(db: Connection, caller: Caller, found: list[Row]) -> list[Row]:
    severities = components.open_severities(db, caller.org_id)
    return [
        {
            **row,
            "aliases": json.loads(row["aliases"]),
            "operational_status": operational_status(severities.get(row["id"], ())),
        }
        for row in found
    ]
