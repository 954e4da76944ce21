"""Alerts that are over: they are resolved, and so are the incidents that they opened (§10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from incident_service.alerts import triage
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.incidents import updates
from incident_service.people.caller import Caller
from incident_service.store import Row, incidents, integrations, tasks
from incident_service.store import alerts as rows

RESOLVED_A_WRITE = 200
"""Alerts, so that the API does not wait long for its turn."""

RESOLVED_IN_WRITE = 20
"""Incidents. Each takes many more statements than an alert."""

NOTE = "All its alerts are resolved."
"""How an incident was resolved that was resolved with its alerts."""


def settle(
    db: Connection, caller: Caller, resolved: Mapping[str, Sequence[str]], *, now: datetime
) -> None:
    """Record that alerts of incidents were resolved, and let those resolve that are over.

    `resolved`: the ids of the alerts, by their incident's. An incident of which no alert fires is
    resolved at once, or a task for that is set, as its integration says. Of many that are to be
    resolved at once, the first are, and the others by tasks that are due. A storm stays open for
    as long as another could follow it.
    """
    at = format_instant(now)
    for id, alert_ids in resolved.items():
        triage.record(db, caller, id, "alert_resolved", alert_ids, at=at)
    if not resolved:
        return
    number_resolved = 0
    for incident in rows.over(db, caller.org_id, resolved):
        wait = _wait(incident)
        if not wait and number_resolved < RESOLVED_IN_WRITE:
            _resolve(db, incident, now)
            number_resolved += 1
        else:
            due_at = format_instant(now + wait)
            tasks.put(db, caller.org_id, "resolve_incident", incident["id"], due_at=due_at)


def resume(db: Connection, org_id: str, integration_id: str, *, now: datetime) -> None:
    """Let the incidents that are over resolve, because their integration does that again.

    By tasks: there may be many.
    """
    ids = incidents.unresolved_of_integration(db, org_id, integration_id)
    for incident in rows.over(db, org_id, ids):
        due_at = format_instant(now + _wait(incident))
        tasks.put(db, org_id, "resolve_incident", incident["id"], due_at=due_at)


def resolve_due(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Resolve the incident that a task is about, if it still is over."""
    for incident in rows.over(db, task["org_id"], [task["subject_id"]]):
        _resolve(db, incident, now)


def resolve_all_of(
    db: Connection, org_id: str, integration_id: str, *, limit: int, now: datetime
) -> bool:
    """Resolve up to `limit` alerts of an integration that fire, perhaps a deleted one.

    Return whether more do.
    """
    found = rows.some_firing(db, org_id, integration_id, limit=limit + 1)
    some = found[:limit]
    rows.resolve(db, org_id, [row["id"] for row in some], at=format_instant(now))
    settle(db, _integration(db, org_id, integration_id), by_incident(some), now=now)
    return len(found) > limit


def resolve_rest(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Resolve some alerts of a deleted integration.

    If there are too many for one write, the task is set again, to go on at once.
    """
    org_id, id = task["org_id"], task["subject_id"]
    if resolve_all_of(db, org_id, id, limit=RESOLVED_A_WRITE, now=now):
        tasks.put(db, org_id, "resolve_alerts", id, due_at=format_instant(now))


def by_incident(alerts: Sequence[Row]) -> dict[str, list[str]]:
    """Return the ids of those alerts that have an incident, by its id."""
    grouped: dict[str, list[str]] = {}
    for alert in alerts:
        if alert["incident_id"] is not None:
            grouped.setdefault(alert["incident_id"], []).append(alert["id"])
    return grouped


def _wait(incident: Row) -> timedelta:
    """Return how long an incident stays open after its last alert."""
    wait = timedelta(seconds=incident["resolve_after_seconds"])
    return max(wait, triage.WINDOW) if incident["is_storm"] else wait


def _resolve(db: Connection, incident: Row, now: datetime) -> None:
    caller = _integration(db, incident["org_id"], incident["integration_id"])
    updates.resolve(db, caller, incident["id"], NOTE, now=now)


def _integration(db: Connection, org_id: str, id: str) -> Caller:
    name = integrations.name(db, org_id, id) or id
    return Caller.of_integration({"org_id": org_id, "id": id, "name": name})
