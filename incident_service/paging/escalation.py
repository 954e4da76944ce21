"""Sets and stops what falls due for an incident: its owner's page, its policy's layers (§8).

Timers live in the database and change in the transaction of what changes them, so any number of
paging processes may fire them: each exactly once, and none is forgotten over a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.store import Row, deliveries, links, progress, timers


def begin(db: Connection, incident: Row, *, at: str) -> None:
    """Let an incident page its owner and its policy's first layer at once, for it opens.

    If there is neither an owner nor a policy, the owner's timer is set all the same, and pages the
    admins.
    """
    waits: dict[timers.Kind, int | None] = {}
    if incident["owner_id"] is not None or incident["escalation_policy_id"] is None:
        waits["owner"] = None
    if incident["escalation_policy_id"] is not None:
        waits["layer"] = 0
    timers.insert(db, incident, waits, due_at=at)


def stop(db: Connection, incident: Row) -> None:
    """Page nobody else for now, because somebody has acknowledged the incident.

    Responders are asked to help all the same, but for what is delayed.
    """
    deliveries.call_off(db, incident["org_id"], [incident["id"]], "page")
    deliveries.call_off_delayed(db, incident["org_id"], incident["id"])
    timers.stop(db, incident)


def snooze(db: Connection, incident: Row, *, until: str) -> None:
    """Let the incident's acknowledgement end by itself at an instant."""
    timers.put(db, incident, "snooze", due_at=until)


def resume(db: Connection, incident: Row, *, now: datetime) -> None:
    """Start the current layer's timer again, because the incident is not acknowledged any more."""
    forget_acknowledgement(db, incident)
    timers.restart_layers(db, incident["org_id"], [incident["id"]], now=now)


def forget_acknowledgement(db: Connection, incident: Row) -> None:
    """Call off what an acknowledgement has set going: the end of a snooze, the owner's notice."""
    org_id, ids = incident["org_id"], [incident["id"]]
    deliveries.call_off(db, org_id, ids, "acknowledged")
    timers.forget_acknowledgements(db, org_id, ids)


def end(db: Connection, incident: Row, *, now: datetime) -> None:
    """Page nobody else, because the incident is resolved. Who was paged for it is told so."""
    org_id, id = incident["org_id"], incident["id"]
    deliveries.call_off(db, org_id, [id], "page", "help")
    timers.delete(db, incident, "owner", "layer", "snooze")
    progress.delete(db, incident)
    if links.user_ids(db, org_id, id):
        timers.put(db, incident, "resolved", due_at=format_instant(now))


def begin_again(db: Connection, incident: Row, *, now: datetime) -> None:
    """Page as when the incident opened, because it is reopened. Notices are called off."""
    deliveries.call_off(db, incident["org_id"], [incident["id"]], "acknowledged", "resolved")
    timers.delete(db, incident, "notice", "resolved")
    begin(db, incident, at=format_instant(now))


def call_owner(db: Connection, incident: Row, *, now: datetime) -> None:
    """Page the owner of an incident once more, although somebody has acknowledged it."""
    timers.put(db, incident, "owner", due_at=format_instant(now))


def restart(db: Connection, org_id: str, incident_ids: Sequence[str], *, now: datetime) -> None:
    """Page the new owner of incidents at once, and start the timers of the current layers again.

    There is none to start once the layers are used up. What is on its way to the former owner is
    called off, and nothing else.
    """
    deliveries.delete_for_owners(db, org_id, incident_ids)
    timers.forget_acknowledgements(db, org_id, incident_ids)
    timers.call_owners(db, org_id, incident_ids, at=format_instant(now))
    timers.restart_layers(db, org_id, incident_ids, now=now)


def tell_owner(db: Connection, incident: Row, *, now: datetime) -> None:
    """Send the owner a notice that somebody else has acknowledged the incident."""
    timers.put(db, incident, "notice", due_at=format_instant(now))
