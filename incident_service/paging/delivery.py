"""Delivers messages: claims those that are due, and records the outcome of each try (§8)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_service.clock import format_instant, parse_instant
from incident_service.database.file import Connection
from incident_service.paging import acknowledge_links
from incident_service.paging.page import AlertMessage, Link, Message, Outcome, Page
from incident_service.people.users import display_name
from incident_service.store import (
    Row,
    api_keys,
    audit,
    deliveries,
    incidents,
    integrations,
    users,
)

_log = logging.getLogger("incident_service.paging")

GIVE_UP_AFTER = timedelta(minutes=30)
"""For how long a message that fails is tried again, counted from its first try."""

CLAIM = timedelta(seconds=60)
"""How long a claim lasts; longer than any try."""

STORM = (
    "Many alerts came within a short time. For now, further ones are only recorded. The latest one:"
)
"""What the last message says if there are too many."""

FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that this process has claimed; `url` is `None` for the user's email address."""

    row: Row
    message: Message
    url: str | None


def claim(
    db: Connection, wanted: Sequence[tuple[str, str]], *, now: datetime, base_url: str
) -> list[Delivery]:
    """Claim the wanted deliveries that are still due; `wanted`: the `org_id` and `id` of each."""
    claimed = {
        row["id"]: row
        for row in deliveries.claim(
            db, wanted, at=format_instant(now), until=format_instant(now + CLAIM)
        )
    }
    about = deliveries.about(db, [*claimed.values()])
    taken = []
    for row in (claimed[id] for _, id in wanted if id in claimed):
        if row["kind"] == "alert" and about[row["id"]]["status"] == "resolved":
            deliveries.delete(db, row["org_id"], row["id"])  # it is not worth waking anybody
            continue
        end = _end_without_try(row, about[row["id"]], now)
        if end is None:
            taken.append(row)
        else:
            log_outcome(row, end)
            _end(db, row, end, now)
    pages = [row for row in taken if row["kind"] != "alert"]
    tokens = acknowledge_links.renew(db, map(_user, pages), now=now)

    def message(row: Row) -> Message:
        if row["kind"] == "alert":
            return _alert_message(row, about[row["id"]])
        return _page(db, row, about[row["id"]], f"{base_url}/a/{tokens[_user(row)]}")

    return [Delivery(row, message(row), about[row["id"]]["method_url"]) for row in taken]


def _end_without_try(row: Row, about: Row, now: datetime) -> Outcome | None:
    """Return what becomes of a delivery that is not tried any more, or `None` if it is."""
    if row["attempts"] > 1 and now > _gives_up_at(row):
        return Outcome(False, "every try was cut off", True)
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
    """Log the outcome of a delivery. What is about an alert has no other record."""
    what = "message" if row["kind"] == "alert" else "page"
    _log.info(
        "%s %s",
        what,
        "sent" if outcome.delivered else "failed",
        extra={
            "deliveryId": row["id"],
            **({"alertId": row["alert_id"]} if row["alert_id"] else {}),
            **({"incidentId": row["incident_id"]} if row["incident_id"] else {}),
            "userId": row["user_id"],
            "reason": outcome.reason,
        },
    )


def pause(attempts: int, jitter: float) -> timedelta:
    """Return how long to wait after so many tries. It doubles; jitter adds up to a half."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(attempts - 1, 10)
    return min(doubled, LONGEST_PAUSE) * (1 + jitter / 2)


def _gives_up_at(row: Row) -> datetime:
    return parse_instant(row["first_tried_at"]) + GIVE_UP_AFTER


def _end(db: Connection, row: Row, outcome: Outcome, now: datetime) -> None:
    deliveries.delete(db, row["org_id"], row["id"])
    _record(db, row, outcome, now, will_retry=False)


def _record(db: Connection, row: Row, outcome: Outcome, now: datetime, *, will_retry: bool) -> None:
    deliveries.count_outcome(db, "sent" if outcome.delivered else "failed")
    if row["kind"] == "alert":  # the log has it: there is no trail
        return
    details = {
        "userId": row["user_id"],
        "layer": row["layer_position"],
        "contactMethodId": row["contact_method_id"],
        "attempt": row["attempts"],
    }
    if row["kind"] == "help":
        details["help"] = True
    elif row["kind"] != "page":
        details["notice"] = row["kind"]
    if not outcome.delivered:
        details.update(reason=outcome.reason, willRetry=will_retry)
    event: audit.Event = "page_sent" if outcome.delivered else "page_failed"
    incident = {"org_id": row["org_id"], "id": row["incident_id"]}
    audit.append(db, incident, event, details, actor_id=None, at=format_instant(now))


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
        name = _name(db, row["org_id"], incident["acknowledged_by"])
        return f"{name} has acknowledged this incident."
    if row["kind"] == "resolved":
        last = incidents.last_status(db, row["org_id"], row["incident_id"])
        return f"{_name(db, row['org_id'], last['changed_by'])} has resolved this incident."
    return None


def _name(db: Connection, org_id: str, id: str | None) -> str:
    """Return what a user, a key or an integration is called."""
    if id is None:
        return "Somebody"
    user = users.get(db, org_id, id)
    if user is not None:
        return display_name(user)
    key = api_keys.get(db, org_id, id)
    return str(key["name"]) if key else integrations.name(db, org_id, id) or id
