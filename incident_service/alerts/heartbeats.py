"""Heartbeats: jobs that say "I am alive", and the alert for one that does not (contract §10)."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.alerts import intake
from incident_service.alerts.incoming import incoming_alert
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.paging import presence
from incident_service.store import Row, alerts, integrations, tasks


def sign(db: Connection, integration: Row, *, now: datetime) -> list[Row]:
    """Take in a sign of life: the next one is due after a full period.

    Return the alert that it resolves, as `intake.take_in` does; none in the usual case. The first
    sign starts the waiting.
    """
    org_id, id = integration["org_id"], integration["id"]
    _expect(db, integration, since=now)
    if not alerts.firing(db, org_id, id, [id]):
        return []
    return intake.take_in(db, integration, [incoming_alert("resolve", id, id)], now=now)


def reschedule(db: Connection, integration: Row, *, now: datetime) -> None:
    """Let a heartbeat whose period was changed be missed by the new one, from its latest sign."""
    latest = integration["last_received_at"]
    is_expected = tasks.get(db, integration["org_id"], "miss_heartbeat", integration["id"])
    if is_expected and latest is not None:
        _expect(db, integration, since=min(parse_instant(latest), now))


def miss(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Let an alert fire because no sign of life came in time.

    If the service itself was down meanwhile, or its clock was set back, it waits a full period from
    then instead.
    """
    integration = integrations.get(db, task["org_id"], task["subject_id"])
    if integration is None:
        return
    since = presence.present_since(db)
    if since is not None and since + _period(integration) > now:
        _expect(db, integration, since=since)
        return
    id = integration["id"]
    missing = incoming_alert(
        "fire",
        id,
        id,
        title=f"No sign of life from {integration['name']}",
        description=f"The last one came at {integration['last_received_at']}. One is expected "
        f"every {integration['every_seconds']} seconds.",
    )
    intake.take_in(db, integration, [missing], now=now)


def _expect(db: Connection, integration: Row, *, since: datetime) -> None:
    due_at = format_instant(since + _period(integration))
    tasks.put(db, integration["org_id"], "miss_heartbeat", integration["id"], due_at=due_at)


def _period(integration: Row) -> timedelta:
    return timedelta(seconds=integration["every_seconds"] + integration["grace_seconds"])
