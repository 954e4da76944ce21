"""Sets and stops what falls due for an incident: its owner's page, its policy's layers (§8).

Timers live in the database and change in the transaction of what changes them, so any number of
paging processes may fire them: each exactly once, and none is forgotten over a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.store import Row, deliveries, progress, timers


def begin(db: Connection, incident: Row) -> None:
    """Let a new incident page its owner and its policy's first layer at once.

    If there is neither an owner nor a policy, the owner's timer is set all the same, and pages the
    admins.
    """
    waits: dict[timers.Kind, int | None] = {}
    if incident["owner_id"] is not None or incident["escalation_policy_id"] is None:
        waits["owner"] = None
    if incident["escalation_policy_id"] is not None:
        waits["layer"] = 0
    timers.insert(db, incident, waits, due_at=incident["created_at"])


def stop(db: Connection, incident: Row) -> None:
    """Page nobody else for now, because somebody has acknowledged the incident."""
    deliveries.delete_pages(db, incident["org_id"], incident["id"])
    timers.stop(db, incident)


def end(db: Connection, incident: Row) -> None:
    """Page nobody else, because the incident is resolved."""
    stop(db, incident)
    timers.delete(db, incident, "layer")
    progress.delete(db, incident)


def call_owner(db: Connection, incident: Row, *, now: datetime) -> None:
    """Page the owner of an incident once more, although somebody has acknowledged it."""
    timers.put(db, incident, "owner", due_at=format_instant(now))


def restart(db: Connection, org_id: str, incident_ids: Sequence[str], *, now: datetime) -> None:
    """Page the new owner of incidents at once, and start the timers of the current layers again.

    There is none to start once the layers are used up. What is on its way to the former owner is
    called off, and nothing else.
    """
    deliveries.delete_for_owners(db, org_id, incident_ids)
    timers.call_owners(db, org_id, incident_ids, at=format_instant(now))
    timers.restart_layers(db, org_id, incident_ids, now=now)


def tell_owner(db: Connection, incident: Row, *, now: datetime) -> None:
    """Send the owner a notice that somebody else has acknowledged the incident."""
    timers.put(db, incident, "notice", due_at=format_instant(now))
