"""Sessions: users who are signed in to the console, each in a browser of theirs (contract §11)."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

from incident_service import ids
from incident_service.clock import format_instant, sortable
from incident_service.database.engine import Connection
from incident_service.errors import NotAuthorized, NotFound
from incident_service.people import keys
from incident_service.people.caller import Caller
from incident_service.store import Row, changes, users
from incident_service.store import secrets as own_keys
from incident_service.store import sessions as rows

Method = Literal["link", "mail", "api_key", "oidc", "invitation"]
"""How a user signs in: `link` is one that a command made, `mail` one that was mailed."""

LASTS = timedelta(days=14)
"""From its last use."""

MAX_SESSIONS = 50
"""How many a user may have: the list has all of them."""

MAX_AGENT = 255
"""Characters that are kept of what a browser calls itself."""

ENDED = "Your session has ended. Sign in again."


def start(
    db: Connection,
    org_id: str,
    user_id: str,
    *,
    method: Method,
    agent: str | None,
    now: datetime,
    api_key_id: str | None = None,
) -> Row:
    """Sign a user in; return the session with its `token`, which nobody can read again.

    `agent`: what the browser calls itself. If the user has as many sessions as they may have, the
    one ends that was not used for the longest time. Raises `NotFound` if there is no such user.
    """
    if users.get(db, org_id, user_id) is None:
        raise NotFound(f"There is no user {user_id} in the organization.")
    for old in rows.used_before_latest(db, org_id, user_id, MAX_SESSIONS - 1):
        _end(db, old, actor_id=user_id, now=now)
    at = format_instant(now)
    token = secrets.token_urlsafe(32)  # 256 bits
    session = {
        "org_id": org_id,
        "id": ids.new_id(),
        "user_id": user_id,
        "api_key_id": api_key_id,
        "token_hash": ids.hash_token(token),
        "method": method,
        "user_agent": _as_text(agent)[:MAX_AGENT] or None,
        "created_at": at,
        "last_used_at": at,
    }
    rows.insert(db, session)
    changes.record(db, "session", None, session, actor_id=user_id, now=now)
    return {**session, "token": token}


def start_with_key(db: Connection, key: str, agent: str | None, *, now: datetime) -> Row:
    """Sign in the user that an API key acts for; return the session with its `token`.

    It may never do more than the key, and ends once the key is revoked or expires. Raises
    `NotAuthorized` if the key is unknown, revoked or expired, or acts for itself.
    """
    bearer, _ = keys.authenticate(db, key, now=now)
    if bearer.user_id is None:
        raise NotAuthorized("This key acts for itself. Use a key of a user.")
    keys.record_use(db, bearer, now=now)
    return start(
        db,
        bearer.org_id,
        bearer.user_id,
        method="api_key",
        agent=agent,
        api_key_id=bearer.key_id,
        now=now,
    )


def authenticate(db: Connection, token: str, *, now: datetime) -> tuple[Caller, bool]:
    """Return who is signed in with the token, and whether this use of it is to be recorded.

    The caller's role is the user's at this moment. Raises `NotAuthorized` if the session has ended.
    """
    session = rows.live_with_hash(
        db, ids.hash_token(token), used_after=_used_after(now), now=sortable(now)
    )
    caller = _caller(session)
    assert session is not None
    return caller, keys.is_use_outdated(session["last_used_at"], now)


def authenticate_again(db: Connection, caller: Caller, *, now: datetime) -> Caller:
    """Return the caller with the role of this moment: what changed in between counts at once.

    Raises `NotAuthorized` if the session has ended.
    """
    found = rows.live(
        db, caller.org_id, caller.key_id, used_after=_used_after(now), now=sortable(now)
    )
    return _caller(found)


def record_use(db: Connection, caller: Caller, *, now: datetime) -> None:
    """Record that the session is used, unless another request did within the minute."""
    rows.record_use(
        db,
        caller.org_id,
        caller.key_id,
        at=format_instant(now),
        outdated_before=format_instant(now - keys.USE_IS_RECORDED_EVERY),
    )


def get_all(db: Connection, caller: Caller, *, now: datetime) -> list[Row]:
    """Return the sessions of the caller's user, those used last, first.

    The current one is the one whose id is the caller's `key_id`.
    """
    if caller.user_id is None:
        return []
    return rows.live_of_user(
        db, caller.org_id, caller.user_id, used_after=_used_after(now), now=sortable(now)
    )


def end(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """End a session of the caller's user: nobody is signed in with it any more.

    Raises `NotFound`.
    """
    for session in get_all(db, caller, now=now):
        if session["id"] == id:
            return _end(db, session, actor_id=caller.actor_id, now=now)
    raise NotFound(f"There is no session {id} of yours.")


def end_with_token(db: Connection, token: str, *, now: datetime) -> None:
    """End the session that has the token: its user signs out. Raises `NotAuthorized`."""
    caller, _ = authenticate(db, token, now=now)
    end(db, caller, caller.key_id, now=now)


def end_others(db: Connection, caller: Caller, *, now: datetime) -> int:
    """End all sessions of the caller's user but the caller's own; return how many."""
    others = [row for row in get_all(db, caller, now=now) if row["id"] != caller.key_id]
    for session in others:
        _end(db, session, actor_id=caller.actor_id, now=now)
    return len(others)


def cookie_key(db: Connection) -> bytes:
    """Return the key that signs the console's cookies."""
    return own_keys.get(db, "console")


def _caller(session: Row | None) -> Caller:
    if session is None:
        raise NotAuthorized(ENDED)
    return Caller(
        session["org_id"], session["id"], session["user_id"], session["role"], is_session=True
    )


def _used_after(now: datetime) -> str:
    """Return since when a session that is not over was used."""
    return format_instant(now - LASTS)


def _end(db: Connection, session: Row, *, actor_id: str, now: datetime) -> None:
    rows.delete(db, session["org_id"], session["id"])
    changes.record(db, "session", session, None, actor_id=actor_id, now=now)


def _as_text(agent: str | None) -> str:
    """Return what a browser calls itself, without what no text has."""
    return (agent or "").replace("\0", "").encode("utf-8", "replace").decode().strip()
