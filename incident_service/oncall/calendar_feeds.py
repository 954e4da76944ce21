"""Calendar feeds: the shifts of a schedule, or of a user, for calendar programs (contract §4)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from incident_service import ids, resources
from incident_service.clock import FIRST, LAST, format_instant, parse_instant, sortable
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, NotFound
from incident_service.oncall import calculator, calendar_events
from incident_service.oncall.rotation import Layer
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.store import Row, overrides, schedules
from incident_service.store import calendar_feeds as rows
from incident_service.store import changes as log
from incident_service.store import users as user_rows

MAX_OF_USER = 50

MAX_SCHEDULES = 50
"""Of how many schedules the feed of a user's own shifts has them, the first by name."""

MAX_EVENTS = 5000
"""How many events a schedule has in a feed, those that begin first."""

_NEWEST = "~"
"""Comes after every id."""

DAY = timedelta(days=1)
PAST = 60 * DAY
FUTURE = 365 * DAY


@dataclass(frozen=True, slots=True)
class Entry:
    """A shift, or an override, in a calendar."""

    uid: str
    user_name: str
    schedule_name: str
    starts_at: datetime
    ends_at: datetime
    """As `starts_at`, cut to the second: calendars know nothing shorter."""
    changed_at: datetime
    """When its layer was last changed, its override made, or its schedule or user last changed."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """What a feed shows: the shifts of a schedule or a user, `about` whose name it is."""

    feed_id: str
    about: str
    timezone: str | None
    """The IANA name of the schedules' time zone; `None` if they have several."""
    entries: list[Entry]


def get_slice(
    db: Connection, caller: Caller, user_id: str, *, before: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return feeds of the user, newest first, and the id before which there are more.

    `before`: the id that the last slice gave, or an empty one. Raises `NotFound`.
    """
    users.get(db, caller, user_id)
    read = rows.slice_by_id(db, caller.org_id, user_id, before=before or _NEWEST, limit=limit + 1)
    listed = read[:limit]
    return listed, listed[-1]["id"] if len(read) > limit else None


def create(db: Connection, caller: Caller, user_id: str, values: Row, *, now: datetime) -> Row:
    """Make a feed of the schedule `schedule_id`, or else of the user's own shifts.

    Returns it with its `token`, which nobody can read again. Raises `NotFound`, `InvalidRequest`
    `invalid_schedule_id`, and `Conflict` `too_many_calendar_feeds` if the user has `MAX_OF_USER`.
    """
    users.get(db, caller, user_id)
    schedule_id = values.get("schedule_id")
    resources.check_reference(db, "schedules", caller.org_id, schedule_id, "scheduleId")
    if rows.is_full(db, caller.org_id, user_id, MAX_OF_USER):
        raise Conflict(
            f"{user_id} has {MAX_OF_USER} calendar feeds, and cannot have more. Delete one first.",
            code="too_many_calendar_feeds",
        )
    token = ids.new_token()
    feed = {
        "org_id": caller.org_id,
        "user_id": user_id,
        "id": ids.new_id(),
        "schedule_id": schedule_id,
        "token_hash": ids.hash_token(token),
        "created_at": format_instant(now),
    }
    rows.insert(db, feed)
    log.record(db, "calendar_feed", None, feed, actor_id=caller.actor_id, now=now)
    return {**feed, "token": token}


def delete(db: Connection, caller: Caller, user_id: str, id: str, *, now: datetime) -> None:
    """Delete a feed: its address answers no more. Raises `NotFound`."""
    users.get(db, caller, user_id)
    feed = rows.get(db, caller.org_id, user_id, id)
    if feed is None:
        raise NotFound(f"User {user_id} has no calendar feed {id}.")
    rows.delete(db, caller.org_id, user_id, id)
    log.record(db, "calendar_feed", feed, None, actor_id=caller.actor_id, now=now)


def url_of(base_url: str, token: str) -> str:
    """Return where a calendar program reads the feed that has the token."""
    return f"{base_url}/ical/{token}.ics"


def read(db: Connection, token: str, *, now: datetime) -> Calendar:
    """Return what the feed that has the token shows. Raises `NotFound`.

    It begins and ends with days in UTC, so that it changes once a day at most by itself. The feed
    of a deleted schedule is empty, so that its shifts leave the calendars that show them.
    """
    feed = rows.with_token(db, ids.hash_token(token))
    if feed is None:
        raise NotFound("There is no such calendar feed. It may have been deleted.")
    org_id, user_id, schedule_id = feed["org_id"], feed["user_id"], feed["schedule_id"]
    today = now - (now - FIRST) % DAY
    start, end = today - PAST, today + DAY + FUTURE
    if schedule_id is None:
        (user,) = user_rows.with_ids(db, org_id, [user_id])
        about, only = users.display_name(user), user_id
        shown = rows.schedules_with(db, org_id, user_id, sortable(start), limit=MAX_SCHEDULES)
    else:
        schedule = rows.schedule(db, org_id, schedule_id)
        about, only = schedule["name"], None
        shown = [] if schedule["deleted_at"] else [schedule]
    entries = [
        entry for each in shown for entry in _entries(db, each, start, end, only=only, now=now)
    ]
    zones = {each["timezone"] for each in shown}
    return Calendar(feed["id"], about, zones.pop() if len(zones) == 1 else None, entries)


def _entries(
    db: Connection,
    schedule: Row,
    start: datetime,
    end: datetime,
    *,
    only: str | None,
    now: datetime,
) -> list[Entry]:
    """Return what a feed shows of a schedule, in order; `only`: the user whose shifts it shows."""
    key = (schedule["org_id"], schedule["id"])
    zone, current = ZoneInfo(schedule["timezone"]), schedules.layers(db, *key)

    def layers_after(at: datetime) -> list[Layer]:
        versions = schedules.versions(db, *key, sortable(at))
        return [Layer.from_row(row, zone, now) for row in current + versions]

    since = calendar_events.first_instant(layers_after(start), start)
    counted = overrides.counted_between(db, *key, sortable(since), sortable(LAST))
    standing_in = _told_apart(counted, now)
    shown = calendar_events.events(layers_after(since), standing_in, start, end)
    events = [
        event
        for event in itertools.islice(shown, MAX_EVENTS)
        if only in (None, event.target.user_id)
        and _second(event.target.starts_at) < _second(event.target.ends_at)
    ]
    people = {
        user["id"]: user
        for user in user_rows.with_ids(db, key[0], list({e.target.user_id for e in events}))
    }
    changed = {row["id"]: row["updated_at"] for row in current}
    changed |= {row["past_of"] or row["id"]: row["created_at"] for row in counted}

    def entry(event: calendar_events.Event) -> Entry:
        target = event.target
        user = people[target.user_id]
        source = changed.get(target.override_id or target.layer_id, schedule["created_at"])
        return Entry(
            event.uid,
            users.display_name(user),
            schedule["name"],
            _second(target.starts_at),
            _second(target.ends_at),
            changed_at=parse_instant(max(source, schedule["updated_at"], user["updated_at"])),
        )

    return [entry(event) for event in events]


def _told_apart(counted: list[Row], now: datetime) -> list[calculator.Override]:
    """Return overrides, given in their order in time, each part of a changed one by its own id.

    The last part has the override's id, those that were over when it changed have their rows'.
    """
    last = {row["past_of"] or row["id"]: row["id"] for row in counted}
    parts = [calculator.Override.from_row(row, now) for row in counted]
    return [
        part if last[part.id] == row["id"] else replace(part, id=row["id"])
        for part, row in zip(parts, counted, strict=True)
    ]


def _second(at: datetime) -> datetime:
    return at.replace(microsecond=0)
