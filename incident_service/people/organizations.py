"""Organizations: each owns all that is kept for it (contract §1)."""

from __future__ import annotations

from datetime import datetime

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.errors import Conflict, NotFound
from incident_service.store import organizations as rows


def create(db: Connection, *, name: str, now: datetime) -> str:
    """Make an organization and return its id.

    Raises `Conflict` `name_conflict`. Files from before that rule may have two of one name.
    """
    taken_by = rows.oldest_named(db, name)
    if taken_by is not None:
        raise Conflict(
            f"name: {name} is the name of organization {taken_by['id']}.", code="name_conflict"
        )
    id = ids.new_org_id()
    rows.insert(db, id=id, name=name, at=format_instant(now))
    return id


def check(db: Connection, org_id: str) -> None:
    """Raise `NotFound` if there is no such organization."""
    if rows.get(db, org_id) is None:
        raise NotFound(f"There is no organization {org_id}.")
