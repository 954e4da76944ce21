"""What components, schedules, policies, integrations and such have in common (contract §1).

Each has a name of its own in its organization, and is hidden when it is deleted.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.store import Row, is_full, named
from incident_service.store.named import Table


class _Noun(NamedTuple):
    """What one thing and many things are called in errors."""

    one: str
    many: str


_NOUNS: dict[Table, _Noun] = {
    "components": _Noun("component", "components"),
    "schedules": _Noun("schedule", "schedules"),
    "escalation_policies": _Noun("escalation policy", "escalation policies"),
    "working_hours": _Noun("set of working hours", "sets of working hours"),
    "routing_policies": _Noun("routing policy", "routing policies"),
    "integrations": _Noun("integration", "integrations"),
}

MAX_THINGS: dict[Table, int] = {
    "components": 10_000,
    "schedules": 1000,
    "escalation_policies": 1000,
    "working_hours": 1000,
    "routing_policies": 1000,
    "integrations": 1000,
}
"""How many of each an organization may have: their lists, but that of components, have all."""


def get_slice(
    db: Connection, table: Table, org_id: str, *, after: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return things by name, and the name after which there are more.

    `after`: the name that the last slice gave, or an empty one.
    """
    read = named.slice_by_name(db, table, org_id, after=after, limit=limit + 1)
    things = read[:limit]
    return things, things[-1]["name"] if len(read) > limit else None


def find(db: Connection, table: Table, org_id: str, id: str) -> Row:
    """Return the thing that a path names. Raises `NotFound`."""
    row = named.get(db, table, org_id, id)
    if row is None:
        raise not_found(table, id)
    return row


def not_found(table: Table, id: str) -> NotFound:
    """Return the error for a path that names a thing that is not there."""
    return NotFound(f"There is no {_NOUNS[table].one} {id} in your organization.")


def check_reference(db: Connection, table: Table, org_id: str, id: str | None, field: str) -> None:
    """Raise `InvalidRequest` `invalid_<thing>_id` if a field names a thing that is not there."""
    if id is not None and named.get(db, table, org_id, id) is None:
        noun = _NOUNS[table].one
        article = "an" if noun[0] in "aeiou" else "a"
        raise InvalidRequest(
            f"{field}: {id} is not {article} {noun} in your organization.",
            code=f"invalid_{noun.replace(' ', '_')}_id",
        )


def create(db: Connection, table: Table, org_id: str, values: Row, *, now: datetime) -> Row:
    """Make a thing with the given columns, and return its row.

    Raises `Conflict` with `name_conflict` or `too_many_<things>`.
    """
    if is_full(db, table, org_id, MAX_THINGS[table]):
        most, things = MAX_THINGS[table], _NOUNS[table].many
        raise Conflict(
            f"Your organization has {most} {things}, as many as it may have.",
            code=f"too_many_{table}",
        )
    _refuse_taken_name(db, table, org_id, values["name"])
    at = format_instant(now)
    row = {"org_id": org_id, "id": ids.new_id(), **values, "created_at": at, "updated_at": at}
    named.insert(db, table, row)
    return row


def change(
    db: Connection, table: Table, org_id: str, id: str, changes: Row, *, now: datetime
) -> Row:
    """Set some columns of a thing; return its row.

    Raises `NotFound` and `Conflict` `name_conflict`.
    """
    row = find(db, table, org_id, id)
    if not changes:
        return row
    if "name" in changes and changes["name"] != row["name"]:
        _refuse_taken_name(db, table, org_id, changes["name"])
    changes = {**changes, "updated_at": format_instant(now)}
    named.update(db, table, org_id, id, changes)
    return {**row, **changes}


def hide(db: Connection, table: Table, org_id: str, id: str, *, now: datetime) -> None:
    """Delete a thing. Records keep its id and name, and another thing may have the name."""
    named.update(db, table, org_id, id, {"deleted_at": format_instant(now)})


def _refuse_taken_name(db: Connection, table: Table, org_id: str, name: str) -> None:
    taken_by = named.with_name(db, table, org_id, name)
    if taken_by is not None:
        raise Conflict(
            f"name: {name} is the name of {_NOUNS[table].one} {taken_by['id']}.",
            code="name_conflict",
        )
