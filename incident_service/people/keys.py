"""API keys, as the admins of an organization manage them (contract §6)."""

from __future__ import annotations

from datetime import datetime

from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.errors import NotFound
from incident_service.people import accounts
from incident_service.people.caller import Caller
from incident_service.store import Row, api_keys


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all keys, oldest first, without the revoked ones."""
    return api_keys.all_by_creation(db, caller.org_id)


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a key with `name` and `role`, and `user_id` where given.

    Returns it with the `key` itself, which nobody can read again. Raises `InvalidRequest`
    `invalid_user_id`.
    """
    columns = {"user_id": None, **values}
    id, key = accounts.create_key(db, org_id=caller.org_id, **columns, now=now)
    return {**_find(db, caller, id), "key": key}


def revoke(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Revoke a key: from here on it opens nothing. Raises `NotFound`."""
    _find(db, caller, id)
    api_keys.revoke(db, caller.org_id, id, at=format_instant(now))


def _find(db: Connection, caller: Caller, id: str) -> Row:
    row = api_keys.get(db, caller.org_id, id)
    if row is None:
        raise NotFound(f"There is no API key {id} in your organization.")
    return row
