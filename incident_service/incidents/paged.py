"""Who was paged about an incident, and what became of it; bounded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from incident_service.database.engine import Connection
from incident_service.store import Row, audit, deliveries

EVENTS_READ = 1000
"""Only the latest events of the trail are searched for pages."""

Outcome = Literal["sent", "pending", "failed"]

_OUTCOMES: dict[str | None, Outcome] = {
    "page_sent": "sent",
    "page_failed": "failed",
    None: "pending",
}


@dataclass(frozen=True, slots=True)
class Paged:
    """Somebody who was paged: whether a page was `sent`, is `pending`, or `failed` for a reason."""

    user_id: str
    outcome: Outcome
    at: str | None
    reason: str | None


def people(db: Connection, incident: Row) -> list[Paged]:
    """Return everybody who was paged about the incident, in the order of their first page.

    A page that was sent counts more than one that failed, because one is enough.
    """
    org_id, id = incident["org_id"], incident["id"]
    pages = audit.latest_pages(db, org_id, id, among=EVENTS_READ)
    pending = deliveries.user_ids(db, org_id, id, limit=EVENTS_READ)
    return [_paged(user_id, event) for user_id, event in _outcomes(pages, pending).items()]


def _outcomes(pages: Iterable[Row], pending: Iterable[str]) -> dict[str, Row]:
    """Return the event that counts for each user.

    If a page is pending, the `event` is `None`, beside the details of its last try if there was
    one.
    """
    events: dict[str, Row] = {}
    for event in pages:
        user_id = event["details"]["userId"]
        if event["event"] == "page_sent" or events.get(user_id, event)["event"] != "page_sent":
            events[user_id] = event
    for user_id in pending:
        if events.get(user_id, {}).get("event") != "page_sent":
            events[user_id] = {**events.get(user_id, {}), "event": None}
    return events


def _paged(user_id: str, event: Row) -> Paged:
    reason = event.get("details", {}).get("reason")
    return Paged(user_id, _OUTCOMES[event["event"]], event.get("at"), reason)
