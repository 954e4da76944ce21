"""Updates: news of an incident, for the organization alone or for everybody (contract §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from incident_service import ids
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import Forbidden, InvalidRequest, NotFound
from incident_service.incidents import lifecycle, reading
from incident_service.paging import announcing, matching
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.store import Row
from incident_service.store import updates as rows

Visibility = Literal["internal", "public"]

VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)

AUTHOR_MAY_REDACT_FOR = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class NewUpdate:
    """A `body`, the incident's next status, or both.

    `resolution_note`: how the incident was resolved, if that is the next status. `by_link`: whether
    somebody moves it on by the link in a page.
    """

    visibility: Visibility
    body: str | None = None
    status_change: lifecycle.Status | None = None
    resolution_note: str | None = None
    by_link: bool = False


def get_slice(
    db: Connection, caller: Caller, incident_id: str, *, after: int, limit: int
) -> tuple[list[Row], int | None]:
    """Return an incident's updates, oldest first, and the number after which more follow.

    `after`: the number that came with the last slice, or 0. Raises `NotFound`.
    """
    reading.find(db, caller, incident_id)
    updates = rows.numbered_after(db, caller.org_id, incident_id, after, limit=limit)
    end = updates[-1]["number"] if updates else after
    is_more = end < rows.last_number(db, caller.org_id, incident_id)
    return [_with_people(update) for update in updates], end if is_more else None


def post(db: Connection, caller: Caller, incident_id: str, new: NewUpdate, *, now: datetime) -> Row:
    """Add an update to an incident, and move the incident on if it says so. Return the update.

    A public update makes the incident public.

    Raises `NotFound`, and `InvalidRequest` with `incident_resolved`, `no_public_surface` (no
    published page shows a component of the incident) or `invalid_status_transition`.
    """
    incident = reading.find(db, caller, incident_id)
    if incident["status"] == "resolved":
        raise InvalidRequest(f"Incident {incident_id} is resolved.", code="incident_resolved")
    if new.visibility == "public" and not lifecycle.is_on_status_page(db, incident):
        raise InvalidRequest(
            "visibility: no published status page shows a component of the incident.",
            code="no_public_surface",
        )
    now = reading.latest_instant(db, incident, now)
    incident = lifecycle.heed_person(db, caller, incident, now=now)
    return _with_people(_post(db, caller, incident, new, now))


def advance(
    db: Connection,
    caller: Caller,
    incident_id: str,
    status: lifecycle.Status,
    note: str | None,
    *,
    now: datetime,
    by_link: bool = False,
) -> None:
    """Move an incident on by an internal update.

    `note` is how it was resolved. Raises `NotFound`, and `InvalidRequest`
    `invalid_status_transition`, also if it is already resolved.
    """
    incident = reading.find(db, caller, incident_id)
    new = NewUpdate("internal", status_change=status, resolution_note=note, by_link=by_link)
    _post(db, caller, incident, new, reading.latest_instant(db, incident, now))


def resolve(
    db: Connection,
    caller: Caller,
    incident_id: str,
    note: str | None,
    *,
    now: datetime,
    by_link: bool = False,
) -> None:
    """Move an incident on to `resolved`, step by step, by one internal update.

    `note` is how it was resolved. Nothing changes if it already is. Raises `NotFound`.
    """
    incident = reading.find(db, caller, incident_id)
    if incident["status"] == "resolved":
        return
    now = reading.latest_instant(db, incident, now)
    while (status := lifecycle.NEXT[incident["status"]]) != "resolved":
        incident = lifecycle.move_on(db, caller, incident, status, None, now=now, by_link=by_link)
    new = NewUpdate("internal", status_change="resolved", resolution_note=note, by_link=by_link)
    _post(db, caller, incident, new, now)


def redact(db: Connection, caller: Caller, incident_id: str, id: str, *, now: datetime) -> Row:
    """Remove the text of an update for good. Return what is left of it.

    Nothing else changes if somebody already did. Raises `NotFound`, and `Forbidden` unless the
    caller is an admin, or posted it within the last 5 minutes.
    """
    incident = reading.find(db, caller, incident_id)
    update = rows.get(db, caller.org_id, incident_id, id)
    if update is None:
        raise NotFound(f"Incident {incident_id} has no update {id}.")
    if not may_redact(caller, update, now=now):
        if update["posted_by"] != caller.actor_id:
            raise Forbidden("Only its author or an admin may redact an update.")
        raise Forbidden("After 5 minutes, only an admin may redact an update.")
    now, is_new = reading.latest_instant(db, incident, now), update["redacted_at"] is None
    incident = lifecycle.heed_person(db, caller, incident, now=now, only_confirms=not is_new)
    if is_new:
        redaction = {
            "body": None,
            "redacted_at": format_instant(now),
            "redacted_by": caller.actor_id,
            "redacted_by_name": _actor_name(db, caller),
        }
        rows.redact(db, update, redaction)
        if update["visibility"] == "public":
            lifecycle.touch_public(db, incident, now=now)
        lifecycle.record(db, caller, incident, "update_redacted", {"updateId": id}, now=now)
        update = {**update, **redaction}
    return _with_people(update)


def may_redact(caller: Caller, update: Row, *, now: datetime) -> bool:
    """Whether the caller may remove the text of the update's row."""
    if caller.role == "org:admin":
        return True
    is_recent = now - parse_instant(update["posted_at"]) <= AUTHOR_MAY_REDACT_FOR
    return bool(update["posted_by"] == caller.actor_id) and is_recent


def _post(db: Connection, caller: Caller, incident: Row, new: NewUpdate, now: datetime) -> Row:
    if new.visibility == "public":
        lifecycle.publish(db, caller, incident, now=now)
    before = incident["status"]
    if new.status_change is not None:
        incident = lifecycle.move_on(
            db,
            caller,
            incident,
            new.status_change,
            new.resolution_note,
            now=now,
            by_link=new.by_link,
        )
    elif new.visibility == "public":
        lifecycle.touch_public(db, incident, now=now)
    update: Row = {
        "org_id": caller.org_id,
        "incident_id": incident["id"],
        "id": ids.new_id(),
        "visibility": new.visibility,
        "body": new.body,
        "status_change": new.status_change,
        "posted_by": caller.actor_id,
        "posted_by_name": _actor_name(db, caller),
        "posted_at": format_instant(now),
        "redacted_at": None,
        "redacted_by": None,
        "redacted_by_name": None,
    }
    rows.insert(db, update)
    details = {
        "updateId": update["id"],
        "visibility": new.visibility,
        "statusChange": new.status_change,
    }
    lifecycle.record(db, caller, incident, "update_posted", details, now=now)
    _announce(db, caller, incident, update, before=before, now=now)
    return update


def _announce(
    db: Connection, caller: Caller, incident: Row, update: Row, *, before: str, now: datetime
) -> None:
    """Tell subscriptions of the update if it has a text, and of the status if it changed.

    Of both by one message, which is about the status.
    """
    events: list[matching.Event] = []
    details: dict[str, str | None] = {}
    if update["status_change"] == "resolved":
        events.append("incident_resolved")
    elif update["status_change"] is not None:
        events.append("status_changed")
        details.update(before=before, after=update["status_change"])
    if update["body"] is not None:
        events.append("update_posted")
        details.update(updateId=update["id"])
    announcing.announce(db, incident, *events, actor_id=caller.actor_id, now=now, **details)


def _actor_name(db: Connection, caller: Caller) -> str:
    return caller.integration_name or actors.name(db, caller.org_id, caller.actor_id)


def _with_people(update: Row) -> Row:
    return {
        **update,
        "posted_by": _person(update, "posted_by"),
        "redacted_by": _person(update, "redacted_by"),
    }


def _person(update: Row, column: str) -> Row | None:
    id = update[column]
    return None if id is None else {"id": id, "name": update[f"{column}_name"]}
