"""What the link in a page does: acknowledge an incident, or move it on, without an API key (§8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.errors import InvalidRequest, NotFound
from incident_service.incidents import lifecycle, updates
from incident_service.paging import acknowledge_links, signed_links
from incident_service.people.caller import Caller
from incident_service.store import Row, incidents, links, users

_TOKEN = re.compile(f"[A-Za-z0-9]{{{acknowledge_links.LENGTH}}}")

WRONG = "This link is not valid. Perhaps only a part of it was copied."
EXPIRED = "This link has expired. A link works for 7 days."
GONE = "The incident or the user of this link is no longer there."
"""Why a link does not work; `docs/at-3am.md` says what to do."""


@dataclass(frozen=True, slots=True)
class Link:
    """The incident that a link is about, and the user who acts by it."""

    org_id: str
    incident_id: str
    user_id: str


def find(db: Connection, token: str, *, now: datetime) -> Link:
    """Return the link that has this token. Costs one indexed read.

    Raises `NotFound` if the token is not from this service, or has expired.
    """
    if _TOKEN.fullmatch(token):
        row = links.get(db, token)
    else:
        row = signed_links.read(signed_links.signing_key(db), token)
    if row is None:
        raise NotFound(WRONG)
    if format_instant(now) >= row["expires_at"]:
        raise NotFound(EXPIRED)
    return Link(row["org_id"], row["incident_id"], row["user_id"])


def get_user(db: Connection, link: Link) -> Row:
    """Return the link's user. Raises `NotFound` if they were deleted."""
    user = users.get(db, link.org_id, link.user_id)
    if user is None:
        raise NotFound(GONE)
    return user


def get_incident(db: Connection, link: Link) -> Row:
    """Return the link's incident. Raises `NotFound` if it does not exist."""
    incident = incidents.get(db, link.org_id, link.incident_id)
    if incident is None:
        raise NotFound(GONE)
    return incident


def act(db: Connection, link: Link, status: str | None, *, now: datetime) -> bool:
    """Acknowledge the link's incident as its user, or move it on to `status`.

    Return `False` if the incident cannot move on to that status, perhaps because it already has.
    Acknowledging changes nothing if somebody already did, or if the incident is resolved. Raises
    `NotFound` if the user or the incident no longer exists.
    """
    user = get_user(db, link)
    caller = Caller(org_id=link.org_id, key_id="", user_id=link.user_id, role=user["role"])
    try:
        if status is None:
            lifecycle.acknowledge(db, caller, link.incident_id, now=now, by_link=True)
        else:  # a text that is not a status at all is refused as one that cannot follow
            next_status = cast(lifecycle.Status, status)
            updates.advance(db, caller, link.incident_id, next_status, None, now=now)
    except NotFound:
        raise NotFound(GONE) from None
    except InvalidRequest:  # raised before anything is written
        return False
    return True
