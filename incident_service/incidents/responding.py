"""What responders do about an incident's pages: snooze it, escalate it, ask others to help (§3).

What each of these does to the acknowledgement and the timers is a table in `docs/contributing.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from incident_service.clock import format_instant
from incident_service.database.engine import Connection, savepoint
from incident_service.errors import Conflict, InvalidRequest, NotFound
from incident_service.incidents import lifecycle, reading
from incident_service.paging import escalation, firing
from incident_service.people.caller import Caller
from incident_service.store import deliveries, incidents, responders, users

SNOOZE_MINUTES = (5, 1440)
"""The shortest and the longest snooze."""

MAX_RESPONDERS = 100


def unacknowledge(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Record that nobody works on the incident; the current layer's time starts again.

    Nothing changes if nobody does, or if the incident is resolved. Raises `NotFound`.
    """
    incident = reading.find(db, caller, id)
    incident = lifecycle.heed_person(db, caller, incident, now=now, only_confirms=True)
    if incident["acknowledged_at"] is not None and incident["status"] != "resolved":
        incident = lifecycle.change(db, incident, incidents.UNACKNOWLEDGED, now)
        escalation.resume(db, incident, now=now)
        lifecycle.record(db, caller, incident, "incident_unacknowledged", {}, now=now)


def snooze(
    db: Connection,
    caller: Caller,
    id: str,
    minutes: int,
    *,
    now: datetime,
    by_link: bool = False,
) -> None:
    """Acknowledge the incident for so many minutes; then it is unacknowledged by itself.

    Raises `NotFound`, and `InvalidRequest` `incident_resolved`.
    """
    lifecycle.check_unresolved(reading.find(db, caller, id))
    incident = lifecycle.acknowledge(db, caller, id, now=now, by_link=by_link)
    until = format_instant(now + timedelta(minutes=minutes))
    incident = lifecycle.change(db, incident, {"snoozed_until": until}, now)
    escalation.snooze(db, incident, until=until)
    details = {"minutes": minutes, "until": until, **lifecycle.via(by_link)}
    lifecycle.record(db, caller, incident, "incident_snoozed", details, now=now)


def escalate(
    db: Connection,
    caller: Caller,
    id: str,
    by_email: bool,
    *,
    now: datetime,
    by_link: bool = False,
) -> None:
    """Fire the next layer that pages somebody now. The incident counts as unacknowledged.

    `by_email`: whether users are paged by email too. Raises `NotFound`, and `InvalidRequest`
    `incident_resolved` or `escalation_exhausted`.
    """
    incident = reading.find(db, caller, id)
    lifecycle.check_unresolved(incident)
    with savepoint(db):
        incident = lifecycle.heed_person(db, caller, incident, now=now)
        if incident["acknowledged_at"] is not None:
            incident = lifecycle.change(db, incident, incidents.UNACKNOWLEDGED, now)
            escalation.forget_acknowledgement(db, incident)
        if not firing.fire_next_layer(
            db,
            incident,
            actor_id=caller.actor_id,
            details=lifecycle.via(by_link),
            now=now,
            by_email=by_email,
        ):
            raise InvalidRequest(
                f"Incident {id} has no layer left that would page anybody.",
                code="escalation_exhausted",
            )


def add_responders(
    db: Connection,
    caller: Caller,
    id: str,
    user_ids: Sequence[str],
    by_email: bool,
    *,
    now: datetime,
) -> None:
    """Ask users to help with the incident, and page each who was not asked yet.

    `by_email`: whether users are paged by email too. Raises `NotFound`, `InvalidRequest`
    `incident_resolved` or `invalid_user_id`, and `Conflict` `too_many_responders`.
    """
    incident = reading.find(db, caller, id)
    lifecycle.check_unresolved(incident)
    present = users.present(db, caller.org_id, list(user_ids))
    for user_id in user_ids:
        if user_id not in present:
            raise InvalidRequest(
                f"userIds: {user_id} is not a user in your organization.", code="invalid_user_id"
            )
    asked = {row["user_id"] for row in responders.of_incident(db, caller.org_id, id)}
    added = [user_id for user_id in user_ids if user_id not in asked]
    if not added:
        return
    if len(asked) + len(added) > MAX_RESPONDERS:
        raise Conflict(
            f"Incident {id} may have {MAX_RESPONDERS} responders.", code="too_many_responders"
        )
    incident = lifecycle.heed_person(db, caller, incident, now=now)
    made = {
        "org_id": caller.org_id,
        "incident_id": id,
        "added_at": format_instant(reading.latest_instant(db, incident, now)),
        "added_by": caller.actor_id,
    }
    responders.insert(db, [{**made, "user_id": user_id} for user_id in added])
    lifecycle.record(db, caller, incident, "responder_added", {"userIds": added}, now=now)
    firing.ask_for_help(db, incident, added, now=now, by_email=by_email)


def remove_responder(
    db: Connection, caller: Caller, id: str, user_id: str, *, now: datetime
) -> None:
    """Ask a responder no more. A page that is on its way to them as a responder is called off.

    Raises `NotFound`, and `InvalidRequest` `incident_resolved`.
    """
    incident = reading.find(db, caller, id)
    if user_id not in {row["user_id"] for row in responders.of_incident(db, caller.org_id, id)}:
        raise NotFound(f"Incident {id} has no responder {user_id}.")
    lifecycle.check_unresolved(incident)
    incident = lifecycle.heed_person(db, caller, incident, now=now)
    responders.delete(db, caller.org_id, id, user_id)
    deliveries.call_off_help(db, caller.org_id, id, user_id)
    lifecycle.record(db, caller, incident, "responder_removed", {"userId": user_id}, now=now)
