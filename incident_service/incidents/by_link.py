"""What the link in a page does: acknowledge an incident, or move it on, without an API key (§8)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.errors import NotFound
from incident_service.incidents import lifecycle, updates
from incident_service.paging import acknowledge_links, signed_links
from incident_service.people.caller import Caller
from incident_service.store import Row, incidents, links, users

_TOKEN = re.compile(f"[A-Za-z0-9]{{{acknowledge_links.LENGTH}}}")

_WRONG = "This link is not valid. Perhaps only a part of it was copied."
_EXPIRED = "This link has expired: it was good for 7 days."
_GONE = "What this link leads to is no longer there."


@dataclass(frozen=True, slots=True)
class Link:
    """What a link stands for: one incident, and the user who acts on it by the link."""

    incident: Row
    user: Row


def find(db: Connection, token: str, *, now: datetime) -> Link:
    """Return what the last part of a link stands for; a wrong one costs one indexed read.

    Raises `NotFound` if the token is not ours, has expired, or names what is gone.
    """
    if _TOKEN.fullmatch(token):
        row = links.get(db, token)
    else:
        row = signed_links.read(signed_links.signing_key(db), token)
    if row is None:
        raise NotFound(_WRONG)
    if format_instant(now) >= row["expires_at"]:
        raise NotFound(_EXPIRED)
    user = users.get(db, row["org_id"], row["user_id"])
    incident = incidents.get(db, row["org_id"], row["incident_id"])
    if user is None or incident is None:
        raise NotFound(_GONE)
    return Link(incident, user)


def act(db: Connection, token: str, status: str | None, *, now: datetime) -> bool:
    """Acknowledge the link's incident as its user, or move it on to a status; raises as `find`.

    Return whether that could be done: the status may have moved on meanwhile. Acknowledging
    changes nothing if somebody had, or if it is resolved.
    """
    link = find(db, token, now=now)
    org_id, id = link.incident["org_id"], link.incident["id"]
    caller = Caller(org_id=org_id, key_id="", user_id=link.user["id"], role=link.user["role"])
    if status is None:
        lifecycle.acknowledge(db, caller, id, now=now, by_link=True)
    elif lifecycle.NEXT.get(link.incident["status"]) == status:
        updates.advance(db, caller, id, lifecycle.NEXT[link.incident["status"]], None, now=now)
    else:
        return False
    return True
