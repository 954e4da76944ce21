"""Makes the messages to subscriptions, once they are about to be sent (contract §8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from incident_service.database.engine import Connection
from incident_service.paging.page import (
    EventMessage,
    ShiftMessage,
    SubscriptionMessage,
    Update,
    Who,
)
from incident_service.people import actors
from incident_service.store import Row, incidents, named, subscriptions, updates


class Written(NamedTuple):
    """A message and where it goes."""

    message: SubscriptionMessage
    url: str


def write(db: Connection, events: Sequence[Row]) -> dict[str, Written]:
    """Return the message of each event, a claimed delivery, by its id.

    One that has nothing to say any more has none: its update was redacted, or its schedule deleted.
    """
    written = {}
    for row in events:
        subscription = subscriptions.get(db, row["org_id"], row["subscription_id"])
        details = json.loads(row["details"])
        is_shift = row["incident_id"] is None
        message = _shift(db, row, details) if is_shift else _event(db, row, details)
        if message is not None and subscription is not None:
            written[row["id"]] = Written(message, subscription["url"])
    return written


def _event(db: Connection, row: Row, details: Row) -> EventMessage | None:
    org_id, incident_id = row["org_id"], row["incident_id"]
    update = None
    if "updateId" in details:
        posted = updates.get(db, org_id, incident_id, details["updateId"])
        if posted is not None and posted["body"] is not None:
            update = Update(posted["id"], posted["visibility"], posted["body"])
        elif details["event"] == "update_posted":
            return None
    incident = incidents.get(db, org_id, incident_id)
    if incident is None:
        return None
    affected = incidents.components(db, org_id, [incident_id])[incident_id]
    return EventMessage(
        id=row["id"],
        org_id=org_id,
        title=incident["title"],
        description=incident["description"],
        severity=incident["severity"],
        subscription_id=row["subscription_id"],
        event=details["event"],
        at=row["created_at"],
        actor=_who(db, org_id, details["actorId"]),
        incident_id=incident_id,
        number=incident["sequential_id"],
        status=incident["status"],
        opened_at=incident["created_at"],
        components=tuple(component["name"] for component in affected),
        before=details.get("before"),
        after=details.get("after"),
        update=update,
    )


def _shift(db: Connection, row: Row, details: Row) -> ShiftMessage | None:
    org_id = row["org_id"]
    schedule = named.get(db, "schedules", org_id, details["scheduleId"])
    if schedule is None:
        return None
    before, after = details["before"], details["after"]
    return ShiftMessage(
        id=row["id"],
        org_id=org_id,
        title=schedule["name"],
        description=None,
        severity="low",
        subscription_id=row["subscription_id"],
        event=details["event"],
        at=row["created_at"],
        schedule_id=schedule["id"],
        timezone=schedule["timezone"],
        before=_who(db, org_id, before) if before else None,
        after=_who(db, org_id, after) if after else None,
        until=details["until"],
    )


def _who(db: Connection, org_id: str, id: str) -> Who:
    return Who(id, actors.name(db, org_id, id))
