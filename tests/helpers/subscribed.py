"""Subscriptions, and what they are told at instants of a test's choice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from incident_service.clock import format_instant
from incident_service.paging import delivery
from incident_service.paging.lookout import Lookout
from incident_service.paging.matching import EVENTS
from incident_service.paging.page import Outcome, SubscriptionMessage
from tests.helpers.clocks import write_at
from tests.helpers.rota import SENT
from tests.helpers.world import World

HOOK = "https://chat.example.com/hooks/s3cret"

LATER = datetime.now(UTC) + timedelta(days=1)
"""After all that a test writes without an instant of its own."""


def soon(seconds: float = 1) -> datetime:
    """Return an instant just after all that was written until now."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def subscribe(world: World, *events: str, **fields: Any) -> str:
    """Make a subscription to these events, or to all; return its id."""
    body = {"label": "#incidents", "url": HOOK, "events": list(events or EVENTS), **fields}
    id: str = world.make("subscriptions", **body)["id"]
    return id


def waiting(world: World, id: str | None = None) -> list[str]:
    """Return the events that wait for a subscription, or for all, oldest first."""
    rows = world.rows("SELECT * FROM deliveries WHERE kind = 'event' ORDER BY created_at, id")
    return [
        json.loads(row["details"])["event"] for row in rows if id in (None, row["subscription_id"])
    ]


def claim(world: World, at: datetime = LATER) -> list[delivery.Delivery]:
    """Claim the events that are due."""
    with world.database.read() as db:
        due = Lookout().due(db, at=format_instant(at), each=9)
    wanted = [(row["org_id"], row["id"]) for row in due if row["rank"] > 1]
    return write_at(
        at, world.database, delivery.claim, wanted, base_url="https://x.example", by_email=False
    )


def record(
    world: World, taken: delivery.Delivery, outcome: Outcome = SENT, at: datetime = LATER
) -> None:
    write_at(at, world.database, delivery.record, taken, outcome, jitter=0.0)


def delivered(world: World, at: datetime = LATER) -> list[SubscriptionMessage]:
    """Deliver all that waits; return the messages in the order in which they leave."""
    messages: list[SubscriptionMessage] = []
    while number := len(waiting(world)):
        for each in claim(world, at):
            assert isinstance(each.message, SubscriptionMessage)
            messages.append(each.message)
            record(world, each, at=at)
        assert len(waiting(world)) < number
    return messages
