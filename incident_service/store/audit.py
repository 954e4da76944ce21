"""Rows of `audit_events`: the trail of what happened to an incident."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, get_args

from incident_service import ids
from incident_service.database.engine import Connection
from incident_service.store import (
    Row,
    insert_row,
    insert_rows,
    next_number,
    one_or_none,
    take,
)

Event = Literal[
    "incident_opened",
    "incident_edited",
    "status_changed",
    "components_changed",
    "page_sent",
    "page_failed",
    "incident_acknowledged",
    "incident_handed_off",
    "layer_escalated",
    "layer_skipped",
    "escalation_exhausted",
    "last_resort_paged",
    "update_posted",
    "update_redacted",
    "incident_confirmed",
    "alert_attached",
    "alert_resolved",
    "incident_unacknowledged",
    "incident_snoozed",
    "incident_reopened",
    "responder_added",
    "responder_removed",
]

EVENTS: tuple[Event, ...] = get_args(Event)
"""Each kind of event; the table's CHECK and the description of the API list the same."""

MAX_NUMBER = 2**63 - 1
"""No event has a greater number."""

_EXPRESSIONS = {
    "number": next_number("audit_events"),
    "at": """max(:at, coalesce((
        SELECT last.at FROM audit_events AS last
        WHERE last.org_id = :org_id AND last.incident_id = :incident_id
        ORDER BY last.number DESC LIMIT 1), :at))""",
}
"""The columns of a new event that the database computes."""

_NO_FIRST_MESSAGE: Row = {"paged_user_id": None, "paged_schedule_id": None}
"""What an event has that is not the first message of a page that was sent."""

_encode = json.JSONEncoder(ensure_ascii=False).encode  # made once: `json.dumps` makes one a call


def append(
    db: Connection, incident: Row, event: Event, details: Row, *, actor_id: str | None, at: str
) -> None:
    """Add an event to an incident's trail, in the transaction of what it records.

    `incident` has its `org_id` and `id`; `details` are as the API shows them. `actor_id` is a
    user's or a key's, or `None` for the service itself. An event is never dated before the last
    one, even if the clock was set back.
    """
    append_to_all(
        db, incident["org_id"], [incident["id"]], event, details, actor_id=actor_id, at=at
    )


def append_to_all(
    db: Connection,
    org_id: str,
    incident_ids: Sequence[str],
    event: Event,
    details: Row,
    *,
    actor_id: str | None,
    at: str,
) -> None:
    """As `append`, to the trails of many incidents."""
    same = {
        "event": event,
        "at": at,
        "actor_id": actor_id,
        "details": _encode(details),
        **_NO_FIRST_MESSAGE,
    }
    rows = [
        {"org_id": org_id, "incident_id": incident_id, "id": ids.new_id(), **same}
        for incident_id in incident_ids
    ]
    insert_rows(db, "audit_events", rows, **_EXPRESSIONS)


def append_page(db: Connection, incident: Row, details: Row, *, made_at: str, at: str) -> None:
    """As `append`, that a message of a page was sent; if it is the first one, the page counts.

    `made_at`: when the page was made. What was made for one user at one instant is one page.
    """
    row = {
        "org_id": incident["org_id"],
        "incident_id": incident["id"],
        "id": ids.new_id(),
        "event": "page_sent",
        "at": at,
        "actor_id": None,
        "details": _encode(details),
        **_NO_FIRST_MESSAGE,
    }
    expressions = dict(_EXPRESSIONS)
    if not _has_sent(db, incident, details["userId"], made_at=made_at, at=at):
        row["paged_user_id"] = details["userId"]
        expressions["paged_schedule_id"] = """(
            SELECT owner_schedule_id FROM incidents
            WHERE org_id = :org_id AND id = :incident_id)"""
    insert_row(db, "audit_events", row, **expressions)


def _has_sent(db: Connection, incident: Row, user_id: str, *, made_at: str, at: str) -> bool:
    """Whether a message was sent of the page that was made for the user at an instant."""
    row = one_or_none(
        db,
        """
        SELECT 1 FROM audit_events
        WHERE org_id = :org_id AND paged_user_id = :user_id AND at >= :since
          AND incident_id = :incident_id AND json_extract(details, '$.madeAt') = :made_at
        LIMIT 1
        """,
        {
            "org_id": incident["org_id"],
            "incident_id": incident["id"],
            "user_id": user_id,
            "since": min(made_at, at),  # a clock may be set back
            "made_at": made_at,
        },
    )
    return row is not None


def latest(
    db: Connection, org_id: str, incident_id: str, *, limit: int, before: int = MAX_NUMBER
) -> list[Row]:
    """Return the end of the incident's trail, oldest first: at most `limit` events.

    `before`: the number that ends it. Fewer if their details are longer than `MAX_TEXT` together.
    """
    rows = db.execute(
        """
        SELECT number, id, event, at, actor_id, details FROM audit_events
        WHERE org_id = :org_id AND incident_id = :incident_id AND number < :before
        ORDER BY number DESC LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "before": before, "limit": limit},
    )
    return [_parsed(row) for row in reversed(take(rows, "details"))]


def numbered_after(
    db: Connection, org_id: str, incident_id: str, number: int, *, limit: int
) -> list[Row]:
    """Return the events of the incident's trail that follow a number, oldest first."""
    rows = db.execute(
        """
        SELECT number, id, event, at, actor_id, details FROM audit_events
        WHERE org_id = :org_id AND incident_id = :incident_id AND number > :number
        ORDER BY number LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "number": number, "limit": limit},
    ).fetchall()
    return [_parsed(row) for row in rows]


EVENTS_READ = 10_000
"""The most events of a trail that are read to find who was paged by what."""


def latest_pages(
    db: Connection, org_id: str, incident_id: str, *, among: int = EVENTS_READ
) -> list[Row]:
    """Return what came of pages, oldest first, `among` the incident's latest events.

    What came of notices is left out.
    """
    rows = db.execute(
        """
        SELECT event, at, details FROM (
            SELECT number, event, at, details FROM audit_events
            WHERE org_id = :org_id AND incident_id = :incident_id
            ORDER BY number DESC LIMIT :among) AS latest
        WHERE event IN ('page_sent', 'page_failed')
        ORDER BY number
        """,
        {"org_id": org_id, "incident_id": incident_id, "among": among},
    ).fetchall()
    events = [_parsed(row) for row in rows]
    return [event for event in events if "notice" not in event["details"]]


def has_sent_page(db: Connection, org_id: str, *, among: int, early: int) -> bool:
    """Whether a page arrived for one of the organization's `among` newest incidents.

    Only the first `early` events of each count: a page follows soon after an incident is opened.
    """
    row = db.execute(
        """
        SELECT 1 FROM (
            SELECT id FROM incidents WHERE org_id = :org_id
            ORDER BY sequential_id DESC LIMIT :among) AS newest
        CROSS JOIN audit_events AS event
          ON event.org_id = :org_id AND event.incident_id = newest.id AND event.number <= :early
        WHERE event.event = 'page_sent'
        LIMIT 1
        """,
        {"org_id": org_id, "among": among, "early": early},
    ).fetchone()
    return row is not None


def _parsed(row: Row) -> Row:
    return {**row, "details": json.loads(row["details"])}
