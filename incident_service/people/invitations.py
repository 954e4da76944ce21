"""Invitations: asking somebody by email to join, and their becoming a user (contract §6)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, NotFound
from incident_service.people import sessions, users
from incident_service.people.caller import Caller, Role
from incident_service.store import Row, changes, secrets
from incident_service.store import invitations as rows
from incident_service.store import users as user_rows

GOOD_FOR = timedelta(days=7)

MAX_PENDING = 1000
"""How many an organization may have that are not over: the list has all of them."""

DAY = timedelta(days=1)

MAX_A_DAY = 1000
MAX_A_DAY_TO_ONE = 5
"""How many an organization may make within 24 hours, in all and to one email, revoked ones too.

So nobody floods a mailbox by inviting its owner again and again.
"""

TOKEN_LENGTH = 40
"""Characters of a token, 4 bits each."""

WRONG = (
    "This invitation was accepted, withdrawn, replaced by a newer one, or expired long ago; or its "
    "link is incomplete. If you have just accepted it, you are in."
)
EXPIRED = "This invitation has expired. An invitation is good for 7 days."


def get_all(db: Connection, caller: Caller, *, now: datetime) -> list[Row]:
    """Return the pending invitations, oldest first."""
    return rows.pending(db, caller.org_id, at=format_instant(now))


def create(db: Connection, caller: Caller, email: str, role: Role, *, now: datetime) -> Row:
    """Invite an email address; return the invitation with its `token`.

    One that is there for the same address is replaced: its link works no longer. Called by
    `inviting`, which mails it. Raises `Conflict` with `email_taken`, `too_many_users` or
    `too_many_invitations`.
    """
    org_id, at = caller.org_id, format_instant(now)
    email_key = users.free_email_key(db, org_id, email, field="emailAddress")
    _refuse_too_often(db, org_id, email_key, now)
    replaced = rows.with_email(db, org_id, email_key)
    if replaced is not None:
        rows.delete(db, [replaced])
        if replaced["expires_at"] > at:
            _record(db, replaced, None, caller.actor_id, now)
    users.check_place(db, org_id, now=now)
    if rows.is_full(db, org_id, MAX_PENDING, at=at):
        raise Conflict(
            f"The organization has {MAX_PENDING} pending invitations, as many as it may have.",
            code="too_many_invitations",
        )
    id = ids.new_invitation_id()
    token = token_of(db, id)
    invitation = {
        "org_id": org_id,
        "id": id,
        "email": email,
        "email_key": email_key,
        "role": role,
        "token_hash": ids.hash_token(token),
        "created_by": caller.actor_id,
        "created_at": at,
        "expires_at": format_instant(now + GOOD_FOR),
    }
    rows.insert(db, invitation)
    _record(db, None, invitation, caller.actor_id, now)
    return {**invitation, "token": token}


def revoke(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Withdraw an invitation: its link works no longer. Raises `NotFound`."""
    invitation = rows.get(db, caller.org_id, id)
    if invitation is None or invitation["expires_at"] <= format_instant(now):
        raise NotFound(f"There is no pending invitation {id} in your organization.")
    rows.delete(db, [invitation])
    _record(db, invitation, None, caller.actor_id, now)


def token_of(db: Connection, id: str) -> str:
    """Return the token of an invitation, which is the same whenever its mail is tried again."""
    digest = hmac.new(secrets.get(db, "invitation"), id.encode(), hashlib.sha256)
    return digest.hexdigest()[:TOKEN_LENGTH]


def url_of(base_url: str, token: str) -> str:
    """Return where the invitation that has the token is accepted."""
    return f"{base_url}/invitations/{token}"


def find(db: Connection, token: str, *, now: datetime) -> Row:
    """Return the invitation that has the token, with its `organization_name`.

    Raises `NotFound` if there is none, or if it is over.
    """
    invitation = rows.with_token(db, ids.hash_token(token))
    if invitation is None:
        raise NotFound(WRONG)
    if invitation["expires_at"] <= format_instant(now):
        raise NotFound(EXPIRED)
    return invitation


def inviter(db: Connection, invitation: Row) -> str | None:
    """Return the name of the user who invites, even if deleted since; `None` if a key does."""
    found = user_rows.with_ids(db, invitation["org_id"], [invitation["created_by"]])
    return users.display_name(found[0]) if found else None


def accept(
    db: Connection, token: str, first_name: str, last_name: str | None, *, now: datetime
) -> Row:
    """Make the invited person a user, by themselves, and return them.

    Raises `NotFound`, and `Conflict` with `email_taken` or `too_many_users`.
    """
    invitation = find(db, token, now=now)
    id = ids.new_user_id()
    rows.delete(db, [invitation])
    _record(db, invitation, None, id, now)
    return users.create(
        db,
        org_id=invitation["org_id"],
        email=invitation["email"],
        role=invitation["role"],
        id=id,
        first_name=first_name,
        last_name=last_name,
        actor_id=id,
        now=now,
    )


def join(
    db: Connection,
    token: str,
    first_name: str,
    last_name: str | None,
    agent: str | None,
    *,
    now: datetime,
) -> Row:
    """Accept an invitation, and sign the new user in; return the session with its `token`.

    `agent`: what the browser calls itself. Raises as `accept`.
    """
    user = accept(db, token, first_name, last_name, now=now)
    return sessions.start(db, user["org_id"], user["id"], method="invitation", agent=agent, now=now)


def _refuse_too_often(db: Connection, org_id: str, email_key: str, now: datetime) -> None:
    """Raise `Conflict` `too_many_invitations` if too many were made within 24 hours."""
    since = format_instant(now - DAY)
    made = changes.created_since(db, org_id, "invitation", since, limit=MAX_A_DAY)
    if len(made) >= MAX_A_DAY:
        raise Conflict(
            f"The organization has made {MAX_A_DAY} invitations within 24 hours, as many as it may "
            "make. Try again tomorrow.",
            code="too_many_invitations",
        )
    of_email = [row for row in made if row["after"]["emailAddress"].lower() == email_key]
    if len(of_email) >= MAX_A_DAY_TO_ONE:
        raise Conflict(
            f"emailAddress: was invited {MAX_A_DAY_TO_ONE} times within 24 hours, as often as it "
            "may be. Try again tomorrow.",
            code="too_many_invitations",
        )


def _record(
    db: Connection, before: Row | None, after: Row | None, actor_id: str, now: datetime
) -> None:
    old, new = (row and {**row, "email_address": row["email"]} for row in (before, after))
    changes.record(db, "invitation", old, new, actor_id=actor_id, now=now)
