"""Organizations, their users and their API keys."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from incident_service import ids
from incident_service.caller import Caller, Role
from incident_service.clock import format_instant
from incident_service.db import Connection
from incident_service.errors import Conflict, NotAuthorized, NotFound
from incident_service.store import api_keys, organizations, users

KEY_START = "scl_live_"


def create_organization(db: Connection, *, name: str, now: datetime) -> str:
    """Make an organization and return its id."""
    org_id = ids.new_org_id()
    organizations.insert(db, id=org_id, name=name, at=format_instant(now))
    return org_id


def create_user(
    db: Connection,
    *,
    org_id: str,
    email: str,
    role: Role,
    now: datetime,
    id: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
) -> str:
    """Make a user and return the id: the one given, or a new one.

    Raises `NotFound` for the organization, `Conflict` with `id_taken` or `email_taken`
    (contract §6).
    """
    _require_organization(db, org_id)
    if id is not None and users.id_was_used(db, org_id, id):
        raise Conflict(f"id: {id} is, or was, another user's.", code="id_taken")
    email_key = email.casefold()
    if users.with_email(db, org_id, email_key):
        raise Conflict(f"email: {email} is another user's.", code="email_taken")
    at = format_instant(now)
    user_id = id or ids.new_user_id()
    users.insert(
        db,
        {
            "org_id": org_id,
            "id": user_id,
            "email": email,
            "email_key": email_key,
            "first_name": first_name,
            "last_name": last_name,
            "role": role,
            "created_at": at,
            "updated_at": at,
        },
    )
    return user_id


def create_key(
    db: Connection, *, org_id: str, user_id: str | None, role: Role, name: str, now: datetime
) -> tuple[str, str]:
    """Make an API key; return its id and the key itself, which nobody can read again.

    Raises `NotFound` for the organization or the user.
    """
    _require_organization(db, org_id)
    if user_id is not None and users.get(db, org_id, user_id) is None:
        raise NotFound(f"There is no user {user_id} in {org_id}.")
    key = KEY_START + secrets.token_urlsafe(32)  # 256 bits
    key_id = ids.new_id()
    api_keys.insert(
        db,
        {
            "org_id": org_id,
            "id": key_id,
            "user_id": user_id,
            "name": name,
            "role": role,
            "key_hash": _hash(key),
            "key_prefix": key[:14],
            "created_at": format_instant(now),
        },
    )
    return key_id, key


def authenticate(db: Connection, key: str) -> Caller:
    """Return whom the key acts for. Raises `NotAuthorized` where it is unknown or revoked."""
    row = api_keys.with_hash(db, _hash(key))
    if row is None:
        raise NotAuthorized("The API key is unknown.")
    if row["deleted_at"] is not None:
        raise NotAuthorized("The API key has been revoked.")
    return Caller(row["org_id"], row["id"], row["user_id"], row["role"])


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _require_organization(db: Connection, org_id: str) -> None:
    if organizations.get(db, org_id) is None:
        raise NotFound(f"There is no organization {org_id}.")
