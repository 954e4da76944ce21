"""API keys: making them, telling whose call a key makes, revoking them (contract §1 and §6)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from incident_service import ids
from incident_service.clock import format_instant, parse_instant, sortable
from incident_service.database.engine import Connection
from incident_service.errors import (
    Conflict,
    InvalidRequest,
    NotAuthorized,
    NotFound,
    ValidationFailed,
)
from incident_service.people import organizations
from incident_service.people.caller import Caller, Role
from incident_service.store import Row, changes, is_full, users
from incident_service.store import api_keys as rows

KEY_START = "scl_live_"

MAX_KEYS = 10_000
"""How many an organization may have, without the revoked ones: the list has all of them."""

USE_IS_RECORDED_EVERY = timedelta(seconds=60)


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all keys, oldest first, without the revoked ones."""
    return rows.all_by_creation(db, caller.org_id)


def create(
    db: Connection,
    *,
    org_id: str,
    name: str,
    role: Role,
    user_id: str | None = None,
    expires_at: str | None = None,
    actor_id: str | None = None,
    now: datetime,
) -> Row:
    """Make an API key and return it, with the `key` itself, which nobody can read again.

    `expires_at`: RFC 3339 text, which is kept as such, or `None` for a key that never expires.
    `actor_id`: who makes it, or `None` for a command. Raises `ValidationFailed` if it would have
    expired, `NotFound` for the organization, `Conflict` `too_many_api_keys`, and `InvalidRequest`
    `invalid_user_id` (contract §6).
    """
    expires_at_utc = None if expires_at is None else sortable(parse_instant(expires_at))
    if expires_at_utc is not None and expires_at_utc <= sortable(now):
        raise ValidationFailed({"expiresAt": ["Must be in the future."]})
    organizations.check(db, org_id)
    if is_full(db, "api_keys", org_id, MAX_KEYS):
        raise Conflict(
            f"The organization has {MAX_KEYS} API keys, as many as it may have. Revoke some.",
            code="too_many_api_keys",
        )
    if user_id is not None and users.get(db, org_id, user_id) is None:
        raise InvalidRequest(
            f"userId: {user_id} is not a user in your organization.", code="invalid_user_id"
        )
    key = KEY_START + secrets.token_urlsafe(32)  # 256 bits
    row = {
        "org_id": org_id,
        "id": ids.new_id(),
        "user_id": user_id,
        "name": name,
        "role": role,
        "key_hash": _hash(key),
        "key_prefix": key[:14],
        "created_at": format_instant(now),
        "expires_at": expires_at,
        "expires_at_utc": expires_at_utc,
        "last_used_at": None,
    }
    rows.insert(db, row)
    changes.record(db, "api_key", None, row, actor_id=actor_id, now=now)
    return {**row, "key": key}


def revoke(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Revoke a key: it opens nothing from now on. Raises `NotFound`."""
    key = rows.get(db, caller.org_id, id)
    if key is None:
        raise NotFound(f"There is no API key {id} in your organization.")
    rows.revoke(db, caller.org_id, id, at=format_instant(now))
    changes.record(db, "api_key", key, None, actor_id=caller.actor_id, now=now)


def authenticate(db: Connection, key: str, *, now: datetime) -> tuple[Caller, bool]:
    """Return who calls with the key, and whether this use of it is to be recorded.

    The caller's role is the lesser of the key's and its user's at this moment (contract §6). Raises
    `NotAuthorized` if the key is unknown, revoked or expired.
    """
    row = rows.bearer_with_hash(db, _hash(key), now=sortable(now))
    if row is None:
        raise NotAuthorized("The API key is unknown.")
    return _caller(row), is_use_outdated(row["last_used_at"], now)


def authenticate_again(db: Connection, caller: Caller, *, now: datetime) -> Caller:
    """Return the caller with the role of this moment: what changed in between counts at once.

    Raises `NotAuthorized` if the key has been revoked, or has expired.
    """
    return _caller(rows.bearer(db, caller.org_id, caller.key_id, now=sortable(now)))


def _caller(row: Row) -> Caller:
    if row["deleted_at"] is not None:
        raise NotAuthorized("The API key has been revoked.")
    if row["is_expired"]:
        raise NotAuthorized("The API key has expired.")
    return Caller(row["org_id"], row["id"], row["user_id"], row["role"])


def is_use_outdated(last_used_at: str | None, now: datetime) -> bool:
    """Whether the last recorded use of a key is over a minute ago: not every request writes."""
    return last_used_at is None or last_used_at < _outdated_before(now)


def record_use(db: Connection, caller: Caller, *, now: datetime) -> None:
    """Record that the caller's key is used, unless another request did within the minute."""
    rows.record_use(
        db,
        caller.org_id,
        caller.key_id,
        at=format_instant(now),
        outdated_before=_outdated_before(now),
    )


def _outdated_before(now: datetime) -> str:
    return format_instant(now - USE_IS_RECORDED_EVERY)


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
