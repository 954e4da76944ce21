"""Organizations, their users and their API keys."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from incident_service import emails, ids
from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.errors import (
    Conflict,
    InvalidRequest,
    NotAuthorized,
    NotFound,
    ValidationFailed,
)
from incident_service.people.caller import Caller, Role
from incident_service.store import Row, api_keys, organizations, users

KEY_START = "scl_live_"

MAX_USERS = 10_000
MAX_KEYS = 10_000
"""How many an organization may have, without the deleted and revoked ones: lists list all."""

USE_IS_RECORDED_EVERY = timedelta(seconds=60)


def is_email(text: str) -> bool:
    """Whether the text can be a user's email: one address, as a mail server reads it."""
    return emails.mail_address(text) is not None


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

    Raises `ValidationFailed` for the id, `NotFound` for the organization, `Conflict` with
    `id_taken`, `email_taken` or `too_many_users` (contract §6).
    """
    if id is not None and ("/" in id or id in (".", "..")):  # no path could name the user
        raise ValidationFailed({"id": ['Must not contain "/", and must not be "." or "..".']})
    _require_organization(db, org_id)
    if users.is_full(db, org_id, MAX_USERS):
        raise Conflict(
            f"The organization has {MAX_USERS} users, as many as it may have.",
            code="too_many_users",
        )
    if id is not None and users.id_was_used(db, org_id, id):
        raise Conflict(f"id: {id} is, or was, another user's.", code="id_taken")
    email_key = free_email_key(db, org_id, email)
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


def free_email_key(db: Connection, org_id: str, email: str, *, user_id: str | None = None) -> str:
    """Return the key under which an email is unique, for the user who is to have it.

    Raises `Conflict` `email_taken` where another user has it.
    """
    email_key = email.lower()
    taken_by = users.with_email(db, org_id, email_key)
    if taken_by is not None and taken_by["id"] != user_id:
        raise Conflict(f"email: {email} is another user's.", code="email_taken")
    return email_key


def create_key(
    db: Connection, *, org_id: str, user_id: str | None, role: Role, name: str, now: datetime
) -> tuple[str, str]:
    """Make an API key; return its id and the key itself, which nobody can read again.

    Raises `NotFound` for the organization, `Conflict` `too_many_api_keys`, `InvalidRequest`
    `invalid_user_id` (contract §6).
    """
    _require_organization(db, org_id)
    if api_keys.is_full(db, org_id, MAX_KEYS):
        raise Conflict(
            f"The organization has {MAX_KEYS} API keys, as many as it may have. Revoke some.",
            code="too_many_api_keys",
        )
    if user_id is not None and users.get(db, org_id, user_id) is None:
        raise InvalidRequest(
            f"userId: {user_id} is not a user in your organization.", code="invalid_user_id"
        )
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


def authenticate(db: Connection, key: str, *, now: datetime) -> tuple[Caller, bool]:
    """Return whom the key acts for, and whether this use of it is to be recorded.

    The caller's role is the lesser of the key's and its user's at this moment (contract §6). Raises
    `NotAuthorized` if the key is unknown or revoked.
    """
    row = api_keys.bearer_with_hash(db, _hash(key))
    if row is None:
        raise NotAuthorized("The API key is unknown.")
    return _caller(row), is_use_outdated(row["last_used_at"], now)


def authenticate_again(db: Connection, caller: Caller) -> Caller:
    """Return the caller with the role of this moment: what changed in between counts at once.

    Raises `NotAuthorized` if the key has been revoked.
    """
    return _caller(api_keys.bearer(db, caller.org_id, caller.key_id))


def _caller(row: Row) -> Caller:
    if row["deleted_at"] is not None:
        raise NotAuthorized("The API key has been revoked.")
    return Caller(row["org_id"], row["id"], row["user_id"], row["role"])


def is_use_outdated(last_used_at: str | None, now: datetime) -> bool:
    """Whether the last recorded use of a key is over a minute ago: not every request writes."""
    return last_used_at is None or last_used_at < _outdated_before(now)


def record_use(db: Connection, caller: Caller, *, now: datetime) -> None:
    """Record that the caller's key is used, unless another request did within the minute."""
    api_keys.record_use(
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


def _require_organization(db: Connection, org_id: str) -> None:
    if organizations.get(db, org_id) is None:
        raise NotFound(f"There is no organization {org_id}.")
