"""What the link in a page does, without an API key: acknowledge, resolve, snooze, escalate (§8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest, NotFound
from incident_service.incidents import lifecycle, once, responding, updates
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


@dataclass(frozen=True, slots=True)
class Act:
    """What a button of the page says: at most one of these; if it is none, acknowledge.

    `status`: the next status. `minutes`: for how long to snooze. `escalate_from`: what
    `once.position` returned when the button was shown, so that pressing it twice pages one layer.
    """

    status: str | None = None
    minutes: int | None = None
    escalate_from: str | None = None


def act(db: Connection, link: Link, wanted: Act, by_email: bool, *, now: datetime) -> bool:
    """Do as the link's user what a button says.

    Return `False` if it cannot be done, perhaps because somebody else already did. Acknowledging
    changes nothing if somebody already did, or if the incident is resolved. `by_email`: whether
    users are paged by email too. Raises `NotFound` if the user or the incident no longer exists.
    """
    user = get_user(db, link)
    caller = Caller(org_id=link.org_id, key_id="", user_id=link.user_id, role=user["role"])
    try:
        return _act(db, caller, link.incident_id, wanted, by_email, now)
    except NotFound:
        raise NotFound(GONE) from None
    except InvalidRequest:  # raised before anything is written, or undone
        return False


def _act(
    db: Connection, caller: Caller, id: str, wanted: Act, by_email: bool, now: datetime
) -> bool:
    if wanted.status == "resolved":
        return once.resolve(db, caller, id, None, now=now, by_link=True)
    if wanted.status is not None:  # a text that is not a status is refused: it is not the next
        next_status = cast(lifecycle.Status, wanted.status)
        updates.advance(db, caller, id, next_status, None, now=now, by_link=True)
    elif wanted.minutes is not None:
        responding.snooze(db, caller, id, wanted.minutes, now=now, by_link=True)
    elif wanted.escalate_from is not None:
        return once.escalate(db, caller, id, wanted.escalate_from, by_email, now=now, by_link=True)
    else:
        lifecycle.acknowledge(db, caller, id, now=now, by_link=True)
    return True
