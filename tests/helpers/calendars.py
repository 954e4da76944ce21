"""Calendar feeds: subscribed to, fetched at a chosen instant, and read by two libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from unittest import mock

import icalendar
import recurring_ical_events  # type: ignore[import-untyped]
import vobject  # type: ignore[import-untyped]

from incident_service import clock
from tests.helpers.world import World


class Seen(NamedTuple):
    """What a reader sees of an event."""

    uid: str
    summary: str
    starts_at: datetime
    ends_at: datetime


def subscribe(world: World, user_id: str, schedule_id: str | None = None) -> str:
    """Make a feed; return the path at which calendar programs read it."""
    made = world.make(f"users/{user_id}/calendar-feeds", scheduleId=schedule_id)
    found = re.fullmatch(r"http://127\.0\.0\.1:8000(/ical/[0-9a-f]{32}\.ics)", made["url"])
    assert found, made
    return found[1]


@contextmanager
def it_is(world: World, now: datetime) -> Iterator[None]:
    """Let requests come at an instant, those that write too."""
    with (
        mock.patch.object(clock, "now", lambda: now),
        mock.patch.object(world.database, "clock", lambda: now),
    ):
        yield


def fetch(world: World, path: str, now: datetime | None = None, **headers: str) -> Any:
    """Read the feed, now or at an instant."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if now is None:
        return world.client.get(path, headers=sent)
    with it_is(world, now):
        return world.client.get(path, headers=sent)


def read(data: bytes) -> list[Seen]:
    """Return the events in the order of the text; both readers have to see the same."""
    seen = _by_vobject(data)
    assert sorted(seen) == sorted(_by_icalendar(data))
    return seen


def _by_vobject(data: bytes) -> list[Seen]:
    calendar = vobject.readOne(data.decode())
    return [
        Seen(
            event.uid.value,
            event.summary.value,
            event.dtstart.value.astimezone(UTC),
            event.dtend.value.astimezone(UTC),
        )
        for event in calendar.contents.get("vevent", [])
    ]


def _by_icalendar(data: bytes) -> list[Seen]:
    """As a program does that shows the events in the zone that the calendar names."""
    calendar = icalendar.Calendar.from_ical(data)
    return [
        Seen(
            str(event["UID"]),
            str(event["SUMMARY"]),
            event.start.astimezone(UTC),
            event.end.astimezone(UTC),
        )
        for event in recurring_ical_events.of(calendar).all()
    ]
