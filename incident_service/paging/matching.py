"""Which subscriptions are told of what happened, and of which event: pure (contract §8)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from incident_service.store import Row

Event = Literal[
    "incident_opened",
    "incident_acknowledged",
    "status_changed",
    "incident_resolved",
    "update_posted",
    "shift_changed",
]

EVENTS: tuple[Event, ...] = get_args(Event)


@dataclass(frozen=True, slots=True)
class Happened:
    """What happened to an incident, or to the owner of a schedule.

    `events`: what it counts as. One act may count as several, but sends one message: of the first
    of them that a subscription is about. A schedule's owner has no severity and no components, and
    what a subscription says about these does not hold it back.
    """

    events: Sequence[Event]
    schedule_id: str | None
    severity: str | None = None
    component_ids: Collection[str] = ()

    @property
    def is_shift(self) -> bool:
        """Whether it is about a schedule, and not about an incident."""
        return self.severity is None


def event_for(subscription: Row, happened: Happened) -> Event | None:
    """Return the event that the subscription is told of, or `None`."""
    if not _allows(subscription["schedule_ids"], [happened.schedule_id]):
        return None
    if not happened.is_shift:
        if not _allows(subscription["severities"], [happened.severity]):
            return None
        if not _allows(subscription["component_ids"], happened.component_ids):
            return None
    return next((event for event in happened.events if event in subscription["events"]), None)


def _allows(wanted: Collection[str] | None, there: Collection[str | None]) -> bool:
    """Whether a filter lets something through: `None` all, else what has one of its values."""
    return wanted is None or any(value in wanted for value in there)
