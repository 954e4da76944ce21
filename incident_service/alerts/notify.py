"""Sends the message about an alert whose outcome is `notification` (contract §10)."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from incident_service import ids
from incident_service.alerts.routes import Routes
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.paging.fairness import receiver_of
from incident_service.paging.roster import Roster
from incident_service.store import Row, alerts, deliveries, integrations

_log = logging.getLogger("incident_service.paging")


def notify(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
    """Send a message about an alert to whoever its escalation policy would page first.

    If that is nobody, every admin who can be reached gets it. Notification rules say by what, and
    how soon. Nothing is sent about an alert that is resolved, or that has become an incident.
    """
    org_id = task["org_id"]
    alert = alerts.get(db, org_id, task["subject_id"])
    if alert is None or alert["status"] == "resolved" or alert["outcome"] != "notification":
        return
    integration = integrations.get(db, org_id, alert["integration_id"])
    if integration is None:
        return
    routes = Routes(db, integration, now=now)
    rule = routes.rule(alert["severity"], alert["attributes"])
    policy_id = routes.escalation_policy_id(rule, alert["component_id"])
    roster = Roster(db, org_id, now=now, by_email=by_email)
    user_ids = roster.first_targets(policy_id) if policy_id is not None else []
    rows = [
        {
            "org_id": org_id,
            "id": ids.new_id(),
            "alert_id": alert["id"],
            "user_id": user_id,
            "contact_method_id": method.id,
            "delay_minutes": method.delay_minutes,
            "kind": "alert",
            "receiver": receiver_of(method.url),
            "created_at": format_instant(now),
            "due_at": format_instant(now + timedelta(minutes=method.delay_minutes)),
        }
        for user_id in user_ids or roster.reachable(roster.admins())
        for method in roster.methods(user_id, alert["severity"])
    ]
    deliveries.insert(db, rows)
    if not rows:
        _log.warning("a message about an alert reaches nobody", extra={"alertId": alert["id"]})
