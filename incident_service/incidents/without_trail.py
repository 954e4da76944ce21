"""What is still known of an incident whose trail was deleted, as events (contract §9)."""

from __future__ import annotations

from itertools import pairwise
from operator import itemgetter

from incident_service.database.engine import Connection
from incident_service.store import Row, audit, updates
from incident_service.store import incidents as rows

AT_MOST = 1000
"""How many of each kind are read, the latest."""


def latest(db: Connection, incident: Row, *, limit: int, before: int) -> list[Row]:
    """Return the end of what is known, oldest first: at most `limit` events, numbered from 1.

    That is how its status changed, who acknowledged it first, its updates, and what is on the trail
    since. `before`: the number that ends it.
    """
    org_id, id = incident["org_id"], incident["id"]
    trail = audit.latest(db, org_id, id, limit=AT_MOST)
    known = [*trail]
    if not trail or trail[0]["event"] != "incident_opened":  # else it is still being deleted
        known[:0] = [
            *_statuses(rows.status_history(db, org_id, id, limit=AT_MOST)),
            *_acknowledgement(incident),
            *(
                _event("update_posted", row["posted_at"], row["posted_by"], **_details(row))
                for row in updates.latest_without_texts(db, org_id, id, limit=AT_MOST)
            ),
        ]
    known.sort(key=itemgetter("at"))
    numbered = [{**event, "number": number} for number, event in enumerate(known, 1)]
    return numbered[: before - 1][-limit:]


def _event(event: audit.Event, at: str, actor_id: str | None, **details: str | None) -> Row:
    return {"event": event, "at": at, "actor_id": actor_id, "details": details}


def _statuses(history: list[Row]) -> list[Row]:
    return [
        _event("incident_reopened", after["changed_at"], after["changed_by"])
        if before["status"] == "resolved"
        else _event(
            "status_changed",
            after["changed_at"],
            after["changed_by"],
            before=before["status"],
            after=after["status"],
        )
        for before, after in pairwise(history)
    ]


def _acknowledgement(incident: Row) -> list[Row]:
    at, user_id = incident["first_acknowledged_at"], incident["first_acknowledged_by"]
    return [_event("incident_acknowledged", at, user_id)] if at else []


def _details(update: Row) -> dict[str, str | None]:
    return {
        "updateId": update["id"],
        "visibility": update["visibility"],
        "statusChange": update["status_change"],
    }
