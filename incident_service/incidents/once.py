"""What people do on a page that may be old: nothing that somebody did meanwhile happens twice.

A form says where things stood when it was shown. If they stand elsewhere by now, nothing changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle, reading, responding, updates
from incident_service.people.caller import Caller
from incident_service.store import Row, incidents, progress
from incident_service.store import updates as update_rows

UPDATES_COMPARED = 100
"""With how many updates that were posted meanwhile a new one is compared."""

_EDITED = ("title", "description", "severity", "is_public", "public_title")


def position(db: Connection, incident: Row) -> str:
    """Return how far the incident has come in its policy, as text that each layer changes."""
    done = progress.of_incident(db, incident["org_id"], incident["id"])
    return f"{incident['repeats']}.{sum(done.values())}"


def ownership(incident: Row) -> str:
    """Return who owns the incident and since when, as text that each handoff changes."""
    return _digest(incident["owner_id"], incident["handed_off_at"])


def acknowledgement(incident: Row) -> str:
    """Return who acknowledged the incident and when, as text that each change of it changes."""
    return _digest(incident["acknowledged_by"], incident["acknowledged_at"])


def fields(incident: Row) -> str:
    """Return what people can edit of the incident, as text that each edit changes."""
    return _digest(*(incident[name] for name in _EDITED))


def components(db: Connection, incident: Row) -> str:
    """Return which components the incident names, as text that each change of them changes."""
    rows = incidents.components(db, incident["org_id"], [incident["id"]])[incident["id"]]
    return _digest(*(row["id"] for row in rows))


def acknowledge(db: Connection, caller: Caller, id: str, *, now: datetime) -> bool:
    """As `lifecycle.acknowledge`; return whether it is the caller who has acknowledged it."""
    incident = lifecycle.acknowledge(db, caller, id, now=now)
    return bool(incident["status"] != "resolved" and incident["acknowledged_by"] == caller.actor_id)


def unacknowledge(db: Connection, caller: Caller, id: str, seen: str, *, now: datetime) -> bool:
    """As `responding.unacknowledge`, unless the `acknowledgement` changed since.

    Return whether it was done.
    """
    if acknowledgement(reading.find(db, caller, id)) != seen:
        return False
    responding.unacknowledge(db, caller, id, now=now)
    return True


def escalate(
    db: Connection,
    caller: Caller,
    id: str,
    seen: str,
    by_email: bool,
    *,
    now: datetime,
    by_link: bool = False,
) -> bool:
    """As `responding.escalate`, unless a layer fired since `position` was `seen`.

    Return whether it was done.
    """
    if position(db, reading.find(db, caller, id)) != seen:
        return False
    responding.escalate(db, caller, id, by_email, now=now, by_link=by_link)
    return True


def resolve(
    db: Connection,
    caller: Caller,
    id: str,
    note: str | None,
    *,
    now: datetime,
    by_link: bool = False,
) -> bool:
    """As `updates.resolve`; return whether it was not resolved before."""
    if reading.find(db, caller, id)["status"] == "resolved":
        return False
    updates.resolve(db, caller, id, note, now=now, by_link=by_link)
    return True


def hand_off(
    db: Connection, caller: Caller, id: str, seen: str, target_user_id: str, *, now: datetime
) -> bool:
    """As `lifecycle.hand_off`, unless `ownership` changed since; return whether it was done."""
    if ownership(reading.find(db, caller, id)) != seen:
        return False
    lifecycle.hand_off(db, caller, id, target_user_id, now=now)
    return True


def edit(
    db: Connection, caller: Caller, id: str, seen: str, changes: Row, *, now: datetime
) -> bool:
    """As `lifecycle.edit`, unless the `fields` changed since; return whether it was done."""
    if fields(reading.find(db, caller, id)) != seen:
        return False
    lifecycle.edit(db, caller, id, changes, now=now)
    return True


def set_components(
    db: Connection,
    caller: Caller,
    id: str,
    seen: str,
    component_ids: Sequence[str],
    *,
    now: datetime,
) -> bool:
    """As `lifecycle.set_components`, unless they changed since; return whether it was done."""
    if components(db, reading.find(db, caller, id)) != seen:
        return False
    lifecycle.set_components(db, caller, id, component_ids, now=now)
    return True


def post_update(
    db: Connection, caller: Caller, id: str, seen: int, new: updates.NewUpdate, *, now: datetime
) -> bool:
    """As `updates.post`, unless the caller posted the same since the update numbered `seen`.

    Return whether it was done.
    """
    reading.find(db, caller, id)
    meanwhile = update_rows.numbered_after(db, caller.org_id, id, seen, limit=UPDATES_COMPARED)
    if any(
        update["posted_by"] == caller.actor_id
        and update["body"] == new.body
        and update["visibility"] == new.visibility
        and update["status_change"] == new.status_change
        for update in meanwhile
    ):
        return False
    updates.post(db, caller, id, new, now=now)
    return True


def _digest(*values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
