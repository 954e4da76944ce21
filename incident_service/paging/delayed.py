"""Decides again about delayed messages: once they fall due, or a severity rises (contract §8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from incident_service import ids
from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.paging.fairness import receiver_of
from incident_service.paging.notification_rules import Method
from incident_service.paging.roster import Roster
from incident_service.store import Row, audit, deliveries


def is_pointless(db: Connection, row: Row, about: Row, *, now: datetime, by_email: bool) -> bool:
    """Whether a delayed message is not worth sending any more, so that it is dropped silently.

    It is once somebody looks after what it is about, or if the user's rules do not name the contact
    method any more. If nothing of the page has reached the user, what the rules name instead is
    added, with the time taken off that they have waited already: a page is never lost because the
    severity or the rules have changed. `about`: what the message is about. `by_email`: whether
    users are paged by email too.
    """
    if row["kind"] == "alert":
        is_looked_after = about["outcome"] != "notification"
    else:
        is_looked_after = about["acknowledged_at"] is not None
    if is_looked_after:
        return True
    # By email too: if mail cannot be sent any more, the trail is to say so.
    named = _methods(db, row, about, now, by_email=True)
    if row["contact_method_id"] in {method.id for method in named}:
        return False
    if row["kind"] != "alert" and not _has_reached_user(row, _pages(db, row)):
        instead = _methods(db, row, about, now, by_email=by_email)
        deliveries.insert(db, [*_in_place_of(db, row, instead, now)])
    return True


def hasten(db: Connection, incident: Row, *, now: datetime) -> None:
    """Page by the rules for a worse severity, at once, who would only be paged later.

    Who got something of the page already is left to wait for the rest. `incident`: as it is now.
    """
    org_id = incident["org_id"]
    waiting = deliveries.delayed(db, org_id, incident["id"])
    if not waiting:
        return
    # By email too: what was to come stays, in case that mail cannot be sent.
    roster = Roster(db, org_id, now=now, by_email=True)
    pages = _pages(db, waiting[0])
    for row in {row["user_id"]: row for row in reversed(waiting)}.values():
        if not _has_reached_user(row, pages):
            methods = roster.methods(row["user_id"], incident["severity"])
            deliveries.insert(db, [*_in_place_of(db, row, methods, now)])


def _methods(
    db: Connection, row: Row, about: Row, now: datetime, *, by_email: bool
) -> list[Method]:
    roster = Roster(db, row["org_id"], now=now, by_email=by_email)
    return roster.methods(row["user_id"], about["severity"])


def _pages(db: Connection, row: Row) -> list[Row]:
    return audit.latest_pages(db, row["org_id"], row["incident_id"])


def _has_reached_user(row: Row, pages: Sequence[Row]) -> bool:
    """Whether the user was sent any of the pages since this one was made."""
    return any(
        page["event"] == "page_sent"
        and page["details"]["userId"] == row["user_id"]
        and page["at"] >= row["created_at"]
        for page in pages
    )


def _in_place_of(db: Connection, row: Row, methods: list[Method], now: datetime) -> Iterator[Row]:
    """Yield pages by these methods in place of one, but for those that are on their way."""
    others = deliveries.of_user(db, row["org_id"], row["incident_id"], row["user_id"])
    for method in methods:
        due = parse_instant(row["created_at"]) + timedelta(minutes=method.delay_minutes)
        due_at = format_instant(max(due, now))
        if not any(
            other["contact_method_id"] == method.id
            and (other["attempts"] or other["due_at"] <= due_at)
            for other in others
        ):
            yield {
                "org_id": row["org_id"],
                "id": ids.new_id(),
                "incident_id": row["incident_id"],
                "user_id": row["user_id"],
                "layer_position": row["layer_position"],
                "contact_method_id": method.id,
                "delay_minutes": method.delay_minutes,
                "kind": row["kind"],
                "receiver": receiver_of(method.url),
                "created_at": row["created_at"],
                "due_at": due_at,
            }
