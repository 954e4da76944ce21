"""Routes what maintenance suppressed and still fires once the maintenance is over (§6 and §10)."""

from __future__ import annotations

from datetime import datetime

from incident_service.alerts.triage import Triage
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.store import Row, integrations, maintenance_windows, tasks
from incident_service.store import alerts as rows

RELEASED_A_WRITE = 200
"""Alerts, so that the API does not wait long for its turn."""


def release(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Route alerts of the organization that maintenance no longer suppresses.

    If there are too many for one write, the task is set again, to go on at once.
    """
    org_id = task["org_id"]
    still = maintenance_windows.suppressed_component_ids(db, org_id, at=now)
    found = rows.suppressed(db, org_id, except_components=still, limit=RELEASED_A_WRITE + 1)
    by_integration: dict[str, list[Row]] = {}
    for alert in found[:RELEASED_A_WRITE]:
        by_integration.setdefault(alert["integration_id"], []).append(alert)
    for id, alerts in by_integration.items():
        integration = integrations.get(db, org_id, id)
        if integration is None:  # deleted: all its alerts are about to be resolved
            rows.resolve(db, org_id, [alert["id"] for alert in alerts], at=format_instant(now))
        else:
            _decide(db, integration, alerts, now)
    if len(found) > RELEASED_A_WRITE:
        tasks.put(db, org_id, task["kind"], task["subject_id"], due_at=format_instant(now))


def _decide(db: Connection, integration: Row, alerts: list[Row], now: datetime) -> None:
    triage = Triage(db, integration, now=now)
    triage.prepare({alert["group_key"] for alert in alerts})
    for alert in alerts:
        triage.decide(alert)
    rows.decide(db, alerts)
    triage.finish()
