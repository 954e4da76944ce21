"""Subscriptions: chats and tools that are told what happens (contract §8)."""

from __future__ import annotations

from datetime import datetime

from incident_service import ids, resources
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, NotFound
from incident_service.oncall import watching
from incident_service.paging.contact_methods import shown_url
from incident_service.paging.fairness import receiver_of
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.store import Row, changes, deliveries
from incident_service.store import subscriptions as rows

MAX_SUBSCRIPTIONS = 100
"""How many an organization may have."""

_NEWEST = "~"
"""Comes after every id."""


def get_slice(
    db: Connection, caller: Caller, *, before: str, limit: int
) -> tuple[list[Row], str | None]:
    """Return subscriptions, newest first, and the id before which there are more.

    `before`: the id that the last slice gave, or an empty one.
    """
    read = rows.slice_by_id(db, caller.org_id, before=before or _NEWEST, limit=limit + 1)
    listed = read[:limit]
    return listed, listed[-1]["id"] if len(read) > limit else None


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the subscription. Raises `NotFound`."""
    row = rows.get(db, caller.org_id, id)
    if row is None:
        raise NotFound(f"There is no subscription {id} in your organization.")
    return row


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a subscription with a `label`, a `url` that `check_url` accepts, and `events`.

    Optional: `severities`, `schedule_ids` and `component_ids`, else all. Raises `InvalidRequest`
    `invalid_schedule_id` or `invalid_component_id`, and `Conflict` `too_many_subscriptions`.
    """
    if rows.is_full(db, caller.org_id, MAX_SUBSCRIPTIONS):
        raise Conflict(
            f"Your organization has {MAX_SUBSCRIPTIONS} subscriptions, as many as it may have.",
            code="too_many_subscriptions",
        )
    _check_references(db, caller, values)
    at = format_instant(now)
    subscription = {
        "severities": None,
        "schedule_ids": None,
        "component_ids": None,
        **values,
        "org_id": caller.org_id,
        "id": ids.new_id(),
        "created_by": caller.actor_id,
        "created_at": at,
        "updated_at": at,
    }
    rows.insert(db, subscription)
    _watch(db, subscription, now)
    _record(db, caller, None, subscription, now)
    return subscription


def change(db: Connection, caller: Caller, id: str, values: Row, *, now: datetime) -> Row:
    """Set some of a subscription's values; `None` lets it be about all.

    What waits for it goes to the new URL. Raises `NotFound`, and `InvalidRequest` as `create`.
    """
    subscription = get(db, caller, id)
    if not values:
        return subscription
    _check_references(db, caller, values)
    columns = {**values, "updated_at": format_instant(now)}
    rows.update(db, caller.org_id, id, columns)
    changed = {**subscription, **columns}
    if changed["url"] != subscription["url"]:
        deliveries.redirect_events(db, caller.org_id, id, receiver_of(changed["url"]))
    _watch(db, subscription, now)
    _watch(db, changed, now)
    _record(db, caller, subscription, changed, now)
    return changed


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a subscription; what waits for it is called off. Raises `NotFound`."""
    subscription = get(db, caller, id)
    deliveries.delete_events(db, caller.org_id, id)
    rows.delete(db, caller.org_id, id)
    _watch(db, subscription, now)
    _record(db, caller, subscription, None, now)


def _check_references(db: Connection, caller: Caller, values: Row) -> None:
    for id in values.get("schedule_ids") or ():
        resources.check_reference(db, "schedules", caller.org_id, id, "scheduleIds")
    components.named(db, caller.org_id, values.get("component_ids") or ())


def _watch(db: Connection, subscription: Row, now: datetime) -> None:
    """Let the schedules be watched whose changes of shift the subscription is about, or was.

    What nobody subscribes to any more is forgotten then, so that a later subscription is not told
    of what changed meanwhile.
    """
    if "shift_changed" in subscription["events"]:
        ids = subscription["schedule_ids"]
        watching.begin(db, subscription["org_id"], ids, now=now)


def _record(
    db: Connection, caller: Caller, before: Row | None, after: Row | None, now: datetime
) -> None:
    """Add a change to the audit log, with the URL as it may be shown."""
    is_redirected = before is not None and after is not None and before["url"] != after["url"]
    changes.record(
        db,
        "subscription",
        before and {**before, "url": shown_url(before["url"])},
        after and {**after, "url": shown_url(after["url"])},
        actor_id=caller.actor_id,
        now=now,
        action="changed" if is_redirected else None,  # a secret part of it shows in neither
    )
