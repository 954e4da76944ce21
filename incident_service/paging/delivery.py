"""Delivers messages: claims those that are due, and records the outcome of each try (§8)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.names import camel_case
from incident_service.paging import acknowledge_links, delayed, event_messages, inviting, signing_in
from incident_service.paging.page import (
    AlertMessage,
    Link,
    Mail,
    Message,
    Outcome,
    Page,
)
from incident_service.people import actors, sign_in_links
from incident_service.store import Row, audit, contact_methods, deliveries, incidents

_log = logging.getLogger("incident_service.paging")

GIVE_UP_AFTER = timedelta(minutes=30)
"""For how long a message that fails is tried again, counted from its first try."""

CLAIM = timedelta(seconds=60)
"""How long a claim lasts; longer than any try."""

STORM = (
    "Many alerts came within a short time. For now, further ones are only recorded. The latest one:"
)
"""What the last message says if there are too many."""

_NO_PAGES = {
    "alert": "message",
    "event": "event",
    "invitation": "invitation",
    "sign_in": "link to sign in",
}
"""The kinds that are no pages, and what the log calls them: no trail has them."""

_MAILS: dict[str, Callable[..., Mail]] = {
    "invitation": inviting.message,
    "sign_in": signing_in.message,
}
"""The kinds that go by mail alone."""

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that this process has claimed; `url` is `None` for the user's email address."""

    row: Row
    message: Message | Mail
    url: str | None


def claim(
    db: Connection,
    wanted: Sequence[tuple[str, str]],
    *,
    now: datetime,
    base_url: str,
    by_email: bool,
) -> list[Delivery]:
    """Claim the wanted deliveries that are still due; `wanted`: the `org_id` and `id` of each.

    `by_email`: whether users are paged by email too.
    """
    claimed = {
        row["id"]: row
        for row in deliveries.claim(
            db, wanted, at=format_instant(now), until=format_instant(now + CLAIM)
        )
    }
    events = event_messages.write(db, [row for row in claimed.values() if _is_event(row)])
    about = deliveries.about(db, [row for row in claimed.values() if not _is_event(row)])
    taken = []
    for row in (claimed[id] for _, id in wanted if id in claimed):
        is_pointless = (
            row["id"] not in events
            if _is_event(row)
            else _is_pointless(db, row, about[row["id"]], now, by_email)
        )
        if is_pointless:
            _remove(db, row, now)
            continue
        end = _end_without_try(row, about.get(row["id"]), now)
        if end is None:
            taken.append(row)
        else:
            log_outcome(row, end)
            _end(db, row, end, now)
    pages = [row for row in taken if row["kind"] not in _NO_PAGES]
    tokens = acknowledge_links.renew(db, map(_user, pages), now=now)

    def made(row: Row) -> Delivery:
        if _is_event(row):
            return Delivery(row, *events[row["id"]])
        subject = about[row["id"]]
        if row["kind"] in _MAILS:
            message = _MAILS[row["kind"]](db, row, subject, base_url=base_url)
            return Delivery(row, message, None)
        if row["kind"] == "alert":
            return Delivery(row, _alert_message(row, subject), subject["method_url"])
        page = _page(db, row, subject, f"{base_url}/a/{tokens[_user(row)]}")
        return Delivery(row, page, subject["method_url"])

    return [made(row) for row in taken]


def _is_pointless(db: Connection, row: Row, about: Row, now: datetime, by_email: bool) -> bool:
    """Whether a message is not worth sending any more, so that it is dropped silently.

    That is if its alert is resolved, or what it invites to or links to is over; for a delayed
    one, see `delayed`. `about`: what it is about.
    """
    if row["kind"] == "alert" and about["status"] == "resolved":
        return True
    if row["kind"] in _MAILS and about["expires_at"] <= format_instant(now):
        return True
    if not row["delay_minutes"]:
        return False
    return delayed.is_pointless(db, row, about, now=now, by_email=by_email)


def _is_event(row: Row) -> bool:
    """Whether the delivery is a message to a subscription."""
    return bool(row["kind"] == "event")


def _end_without_try(row: Row, about: Row | None, now: datetime) -> Outcome | None:
    """Return what becomes of a delivery that is not tried any more, or `None` if it is.

    `about`: what a message to a user is about; `None` for an event.
    """
    if row["attempts"] > 1 and now > _gives_up_at(row):
        return Outcome(False, "every try was cut off", True)
    if about is None:
        return None
    if row["contact_method_id"] is not None and about["method_url"] is None:
        return Outcome(False, "the contact method was deleted", True)
    if about["user_email"] is None:
        return Outcome(False, "the user was deleted", True)
    return None


def _user(row: Row) -> acknowledge_links.User:
    return row["org_id"], row["incident_id"], row["user_id"]


def record(
    db: Connection, delivery: Delivery, outcome: Outcome, *, now: datetime, jitter: float
) -> None:
    """Record the outcome of a try; `jitter`, from 0 to 1, spreads the next tries."""
    row = delivery.row
    again = now + pause(row["attempts"], jitter)
    if outcome.delivered or outcome.permanent or again > _gives_up_at(row):
        _end(db, row, outcome, now)
        return
    will_retry = deliveries.postpone(db, row, due_at=format_instant(again))
    _record(db, row, outcome, now, will_retry=will_retry)


def log_outcome(row: Row, outcome: Outcome) -> None:
    """Log the outcome of a delivery. What is not about an incident has no other record."""
    about = (
        "alert_id",
        "incident_id",
        "invitation_id",
        "sign_in_link_id",
        "subscription_id",
        "user_id",
    )
    _log.info(
        "%s %s",
        _NO_PAGES.get(row["kind"], "page"),
        "sent" if outcome.delivered else "failed",
        extra={
            "deliveryId": row["id"],
            **{camel_case(name): row[name] for name in about if row[name]},
            "reason": outcome.reason,
        },
    )


def pause(attempts: int, jitter: float) -> timedelta:
    """Return how long to wait after so many tries. It doubles; jitter adds up to a half."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 10)
    return min(doubled, LONGEST_PAUSE) * (1 + jitter / 2)


def _gives_up_at(row: Row) -> datetime:
    """Return until when it is tried. What waits behind an event does not grow old with it."""
    if row["kind"] == "sign_in":
        return parse_instant(row["created_at"]) + sign_in_links.GOOD_FOR
    since = row["created_at"] if _is_event(row) else row["first_tried_at"]
    return parse_instant(since) + GIVE_UP_AFTER


def _end(db: Connection, row: Row, outcome: Outcome, now: datetime) -> None:
    _remove(db, row, now)
    _record(db, row, outcome, now, will_retry=False)


def _remove(db: Connection, row: Row, now: datetime) -> None:
    """Remove a delivery; if it is an event, let the next one of its subscription be due."""
    deliveries.delete(db, row["org_id"], row["id"])
    if _is_event(row):
        at = format_instant(now)
        deliveries.release_event(db, row["org_id"], row["subscription_id"], at=at)


def _record(db: Connection, row: Row, outcome: Outcome, now: datetime, *, will_retry: bool) -> None:
    if row["kind"] != "event" and row["kind"] not in _MAILS:  # figures are about pages and alerts
        deliveries.count_outcome(db, "sent" if outcome.delivered else "failed")
    if row["contact_method_id"] is not None and not will_retry:
        works_since = format_instant(now) if outcome.delivered else None
        method = (row["org_id"], row["user_id"], row["contact_method_id"])
        contact_methods.set_works_since(db, *method, works_since)
    if row["kind"] in _NO_PAGES:  # the log has it: there is no trail
        return
    details = {
        "userId": row["user_id"],
        "layer": row["layer_position"],
        "contactMethodId": row["contact_method_id"],
        "attempt": row["attempts"],
        "madeAt": row["created_at"],
    }
    if row["delay_minutes"]:
        details["delayMinutes"] = row["delay_minutes"]
    if row["kind"] == "help":
        details["help"] = True
    elif row["kind"] != "page":
        details["notice"] = row["kind"]
    if not outcome.delivered:
        details.update(reason=outcome.reason, willRetry=will_retry)
    incident = {"org_id": row["org_id"], "id": row["incident_id"]}
    at = format_instant(now)
    if outcome.delivered and row["kind"] in ("page", "help"):
        audit.append_page(db, incident, details, made_at=row["created_at"], at=at)
        return
    event: audit.Event = "page_sent" if outcome.delivered else "page_failed"
    audit.append(db, incident, event, details, actor_id=None, at=at)


def _page(db: Connection, row: Row, about: Row, acknowledge_url: str) -> Page:
    return Page(
        id=row["id"],
        org_id=row["org_id"],
        incident_id=row["incident_id"],
        number=about["sequential_id"],
        title=about["title"],
        description=about["description"],
        severity=about["severity"],
        status=about["status"],
        opened_at=about["created_at"],
        user_id=row["user_id"],
        user_email=about["user_email"],
        layer=row["layer_position"],
        acknowledge_url=acknowledge_url,
        components=tuple(about["components"]),
        notice=_notice(db, row, about),
        asks_for_help=row["kind"] == "help",
        last_resort=(
            row["kind"] == "page"
            and row["layer_position"] is None
            and row["user_id"] != about["owner_id"]
        ),
    )


def _alert_message(row: Row, alert: Row) -> AlertMessage:
    integration = alert["integration_name"]
    title, description = alert["title"], alert["description"]
    if alert["is_storm"]:
        title, description = f"Alert storm: {integration}", f"{STORM}\n\n{title}"
    return AlertMessage(
        id=row["id"],
        org_id=row["org_id"],
        user_id=row["user_id"],
        user_email=alert["user_email"],
        title=title,
        description=description,
        severity=alert["severity"],
        alert_id=alert["id"],
        integration_id=alert["integration_id"],
        integration=integration,
        component=alert["component_name"],
        attributes=alert["attributes"],
        links=tuple(Link(link["text"], link["href"]) for link in alert["links"]),
        first_at=alert["first_at"],
    )


def _notice(db: Connection, row: Row, incident: Row) -> str | None:
    """Return what a notice says, or `None` for a page."""
    if row["kind"] == "acknowledged":
        by = incident["acknowledged_by"]
        name = actors.name(db, row["org_id"], by) if by else "Somebody"
        return f"{name} has acknowledged this incident."
    if row["kind"] == "resolved":
        last = incidents.last_status(db, row["org_id"], row["incident_id"])
        return f"{actors.name(db, row['org_id'], last['changed_by'])} has resolved this incident."
    return None
