"""Reading alerts, and resolving one by hand (contract §10)."""

from __future__ import annotations

from datetime import datetime

from incident_service.alerts import over
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.incidents import reading as incidents
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.store import Row, changes, components
from incident_service.store import alerts as rows


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the alert. Raises `NotFound`."""
    alert = rows.get(db, caller.org_id, id)
    if alert is None:
        raise NotFound(f"There is no alert {id} in your organization.")
    return alert


def get_with_names(db: Connection, caller: Caller, id: str) -> Row:
    """Return the alert with `integration_name`, `component_name` and `incident_number`.

    Each is `None` if there is none. Raises `NotFound`.
    """
    alert, org_id = get(db, caller, id), caller.org_id
    component_id, incident_id = alert["component_id"], alert["incident_id"]
    return {
        **alert,
        "integration_name": actors.name(db, org_id, alert["integration_id"]),
        "component_name": components.names(db, org_id, [component_id]).get(component_id),
        "incident_number": None
        if incident_id is None
        else incidents.find(db, caller, incident_id)["sequential_id"],
    }


def get_slice(
    db: Connection, caller: Caller, filters: Row, *, before: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """Return the newest alerts that fit, newest first, and the id before which more follow.

    `filters`: any of `status`, `severity`, `integration_id` and `incident_id`. `before`: the id
    that came with the last slice.
    """
    newest = rows.newest(db, caller.org_id, filters, before=before, limit=limit + 1)
    alerts = newest[:limit]
    return alerts, alerts[-1]["id"] if len(newest) > limit else None


def get_slice_of_incident(
    db: Connection, caller: Caller, incident_id: str, *, before: str | None, limit: int
) -> tuple[list[Row], str | None]:
    """As `get_slice`, of the alerts attached to an incident. Raises `NotFound`."""
    incidents.find(db, caller, incident_id)
    return get_slice(db, caller, {"incident_id": incident_id}, before=before, limit=limit)


def resolve(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Let an alert fire no more, though the tool did not say so. Raises `NotFound`.

    Nothing changes if it does not fire.
    """
    alert = get(db, caller, id)
    if alert["status"] == "firing":
        rows.resolve(db, caller.org_id, [id], at=format_instant(now))
        over.settle(db, caller, over.by_incident([alert]), now=now)
        resolved = {**alert, "status": "resolved"}
        changes.record(db, "alert", alert, resolved, actor_id=caller.actor_id, now=now)
