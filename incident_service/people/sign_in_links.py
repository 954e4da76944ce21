"""Links that sign a user in to the console, once (contract §11)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Literal

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.people import sessions
from incident_service.store import Row, secrets, users
from incident_service.store import sign_in_links as rows

GOOD_FOR = timedelta(minutes=15)

TOKEN_LENGTH = 40
"""Characters of a token, 4 bits each."""

WRONG = (
    "This link was used before, is older than 15 minutes, or is incomplete. A link signs you in "
    "once. Ask for a new one."
)


def create(
    db: Connection,
    org_id: str,
    user_id: str,
    *,
    method: Literal["link", "mail"] = "link",
    now: datetime,
) -> Row:
    """Make a link for a user, and return it with its `token`.

    `method`: whether it is mailed. Raises `NotFound` if there is no such user.
    """
    if users.get(db, org_id, user_id) is None:
        raise NotFound(f"There is no user {user_id} in the organization.")
    id = ids.new_id()
    token = token_of(db, id)
    link = {
        "org_id": org_id,
        "id": id,
        "user_id": user_id,
        "method": method,
        "token_hash": ids.hash_token(token),
        "created_at": format_instant(now),
        "expires_at": format_instant(now + GOOD_FOR),
    }
    rows.insert(db, link)
    return {**link, "token": token}


def token_of(db: Connection, id: str) -> str:
    """Return the token of a link, which is the same whenever its mail is tried again."""
    digest = hmac.new(secrets.get(db, "sign_in"), id.encode(), hashlib.sha256)
    return digest.hexdigest()[:TOKEN_LENGTH]


def url_of(base_url: str, token: str) -> str:
    """Return where the link that has the token leads."""
    return f"{base_url}/sign-in/{token}"


def find(db: Connection, token: str, *, now: datetime) -> Row:
    """Return the link that has the token, with its `organization_name`.

    It also has its user's `user_email`, `first_name` and `last_name`. Raises `NotFound` if there is
    none, or if it is over.
    """
    link = rows.with_token(db, ids.hash_token(token), at=format_instant(now))
    if link is None:
        raise NotFound(WRONG)
    return link


def use(db: Connection, token: str, agent: str | None, *, now: datetime) -> Row:
    """Sign the link's user in, and use the link up; return the new session with its `token`.

    `agent`: what the browser calls itself. Raises `NotFound` as `find`.
    """
    link = find(db, token, now=now)
    rows.delete(db, [link])
    return sessions.start(
        db, link["org_id"], link["user_id"], method=link["method"], agent=agent, now=now
    )
