"""Turns what happened into messages to subscriptions: rows that wait to be delivered (§8).

A row keeps ids and statuses only. Texts are read when the message is made, so that one that was
redacted meanwhile is not sent.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import datetime

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.paging.fairness import receiver_of
from incident_service.paging.matching import Event, Happened, event_for
from incident_service.store import Row, deliveries, incidents, subscriptions

_log = logging.getLogger("incident_service.paging")

MAX_WAITING = 200
"""How many messages may wait for a subscription. No more are made until some are delivered."""


def announce(
    db: Connection,
    incident: Row,
    *events: Event,
    actor_id: str,
    now: datetime,
    **details: str | None,
) -> None:
    """Tell subscriptions what happened to an incident, in the transaction in which it does.

    `incident`: its row as it is now. `events`: what the act counts as; a subscription gets one
    message, of the first one that it is about. `actor_id`: who did it. `details`: `before` and
    `after`, if the status changed, and the `updateId` of an update with a text. Nothing is told of
    a provisional incident; once it is confirmed, it counts as opened.
    """
    if incident["is_provisional"] or not events:
        return
    listed = subscriptions.about(db, incident["org_id"], events)
    if not listed:
        return
    affected = incidents.components(db, incident["org_id"], [incident["id"]])[incident["id"]]
    happened = Happened(
        events,
        schedule_id=incident["owner_schedule_id"],
        severity=incident["severity"],
        component_ids=[component["id"] for component in affected],
    )
    _tell(db, listed, happened, incident["id"], {"actorId": actor_id, **details}, now)


def announce_shift(
    db: Connection,
    org_id: str,
    schedule_id: str,
    *,
    before: str | None,
    after: str | None,
    until: str | None,
    now: datetime,
) -> None:
    """Tell subscriptions that another user owns a schedule, or that nobody does.

    `before`, `after`: their ids. `until`: when the shift ends, or when somebody is on call again.
    """
    details = {"scheduleId": schedule_id, "before": before, "after": after, "until": until}
    happened = Happened(["shift_changed"], schedule_id=schedule_id)
    _tell(db, subscriptions.about(db, org_id, happened.events), happened, None, details, now)


def _tell(
    db: Connection,
    listed: Sequence[Row],
    happened: Happened,
    incident_id: str | None,
    details: Row,
    now: datetime,
) -> None:
    at = format_instant(now)
    for subscription in listed:
        event = event_for(subscription, happened)
        if event is None:
            continue
        key = subscription["org_id"], subscription["id"]
        waiting = deliveries.events_waiting(db, *key, limit=MAX_WAITING)
        if waiting == MAX_WAITING:
            continue
        if waiting == MAX_WAITING - 1:
            _log.warning(
                "%s messages wait for a subscription, so no more are made for now",
                MAX_WAITING,
                extra={"subscriptionId": subscription["id"]},
            )
        row = {
            "org_id": subscription["org_id"],
            "id": ids.new_id(),
            "incident_id": incident_id,
            "subscription_id": subscription["id"],
            "details": json.dumps({"event": event, **details}),
            "receiver": receiver_of(subscription["url"]),
            "created_at": at,
        }
        deliveries.insert_event(db, row, waiting=waiting)
