"""Living with an incident: finding it, moving it on, acknowledging, handing off (contract §3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from incident_service import components, ids
from incident_service.caller import Caller
from incident_service.clock import LAST, format_instant
from incident_service.component_status import level_of
from incident_service.db import Connection
from incident_service.errors import InvalidRequest, NotFound
from incident_service.paging import escalation
from incident_service.store import Row, audit, organizations, status_pages, users
from incident_service.store import incidents as rows

Severity = Literal["critical", "high", "medium", "low"]
Status = Literal["investigating", "identified", "monitoring", "resolved"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
STATUSES: tuple[Status, ...] = get_args(Status)

NEXT: dict[str, Status] = {
    "investigating": "identified",
    "identified": "monitoring",
    "monitoring": "resolved",
}
"""The one status that may follow each; none follows `resolved`."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the list of incidents, and the number before which the next part begins."""

    incidents: list[Row]
    next_before: int | None


def get_page(
    db: Connection,
    caller: Caller,
    filters: Row,
    *,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> Page:
    """Return the newest incidents that fit, by their number downward.

    `filters`: any of `status`, `severity`, `owner_id` and `component_id`. `since` and `until` are
    whole milliseconds and included. `before`: the number that the last page gave.
    """
    org_id, after = caller.org_id, 0
    if since is not None:
        filters = {**filters, "since": format_instant(since)}
        after = rows.last_before(db, org_id, filters["since"])
    if until is not None:
        filters = {**filters, "until": format_instant(until)}
        latest = organizations.clock_setback(db, org_id) + timedelta(milliseconds=1)
        end = format_instant(until + latest) if until < LAST - latest else format_instant(LAST)
        before = min(before or MAX_NUMBER, rows.last_before(db, org_id, end) + 1)
    found = rows.page(
        db, org_id, filters, after=after, before=before or MAX_NUMBER, limit=limit + 1
    )
    shown = _with_components(db, org_id, found[:limit])
    return Page(shown, shown[-1]["sequential_id"] if len(found) > limit else None)


MAX_NUMBER = 2**63 - 1
"""More than any incident's number."""


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the incident with its `status_history` and `audit_trail`. Raises `NotFound`."""
    return _whole(db, find(db, caller, id))


def edit(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Change `title`, `description`, `severity`, `is_public` or `public_title`.

    `None` clears one; a cleared `is_public` is what it is by default. Raises `NotFound`.
    """
    incident = find(db, caller, id)
    if "is_public" in changes and changes["is_public"] is None:
        changes = {**changes, "is_public": True}
    return _whole(db, _edit(db, caller, incident, changes, now))


def publish(db: Connection, caller: Caller, incident: Row, *, now: datetime) -> None:
    """Let status pages show the incident. Called by `updates`, before everybody is told of it."""
    _edit(db, caller, incident, {"is_public": True}, now)


def _edit(db: Connection, caller: Caller, incident: Row, changes: Row, now: datetime) -> Row:
    before = {name: incident[name] for name in changes if incident[name] != changes[name]}
    if before:
        after = {name: changes[name] for name in before}
        is_public = _public_side(incident) != _public_side({**incident, **after})
        incident = _change(db, incident, after, now, is_public=is_public)
        details = {"before": _on_trail(before), "after": _on_trail(after)}
        record(db, caller, incident, "incident_edited", details, now=now)
    return incident


def _public_side(incident: Row) -> tuple[str, str] | None:
    """Return what a status page shows of an incident's own fields, if it shows the incident."""
    if not incident["is_public"]:
        return None
    return incident["public_title"] or incident["title"], level_of(incident["severity"])


def _on_trail(values: Row) -> Row:
    """Return fields of an incident as clients know them."""
    names = {"is_public": "isPublic", "public_title": "publicTitle"}
    return {
        names.get(name, name): bool(value) if name == "is_public" else value
        for name, value in values.items()
    }


def move_on(
    db: Connection,
    caller: Caller,
    incident: Row,
    status: Status,
    note: str | None,
    *,
    now: datetime,
) -> None:
    """Move an incident on to its next status; `note` is how it was resolved.

    Called by `updates`, which tells of it. Raises `InvalidRequest` `invalid_status_transition` for
    any other status.
    """
    old = incident["status"]
    if NEXT.get(old) != status:
        following = f"only {NEXT[old]} can follow" if old in NEXT else "nothing can follow"
        raise InvalidRequest(
            f"Incident {incident['id']} is {old}; {following}.", code="invalid_status_transition"
        )
    at = format_instant(now)
    changes = {"status": status, "resolved_at": at if status == "resolved" else None}
    _change(db, incident, changes, now, is_public=True)
    rows.insert_status(
        db,
        {
            "org_id": caller.org_id,
            "incident_id": incident["id"],
            "id": ids.new_id(),
            "status": status,
            "changed_at": at,
            "changed_by": caller.actor_id,
            "resolution_note": note,
        },
    )
    if status == "resolved":
        escalation.end(db, incident)
    record(db, caller, incident, "status_changed", {"before": old, "after": status}, now=now)


def acknowledge(db: Connection, caller: Caller, id: str, *, now: datetime) -> Row:
    """Record that somebody has taken the incident on. Raises `NotFound`.

    Nothing changes where somebody had, or where it is resolved.
    """
    incident = find(db, caller, id)
    if incident["acknowledged_at"] is None and incident["status"] != "resolved":
        changes = {"acknowledged_at": format_instant(now), "acknowledged_by": caller.actor_id}
        incident = _change(db, incident, changes, now)
        escalation.stop(db, incident)
        record(db, caller, incident, "incident_acknowledged", {}, now=now)
    return _whole(db, incident)


def hand_off(db: Connection, caller: Caller, id: str, target_user_id: str, *, now: datetime) -> Row:
    """Give the incident to another owner, who has not acknowledged it yet.

    Raises `NotFound`, and `InvalidRequest` `incident_resolved` or `invalid_target_user`.
    """
    incident = find(db, caller, id)
    if incident["status"] == "resolved":
        raise InvalidRequest(f"Incident {id} is resolved.", code="incident_resolved")
    if users.get(db, caller.org_id, target_user_id) is None:
        raise InvalidRequest(
            f"targetUserId: {target_user_id} is no user of your organization.",
            code="invalid_target_user",
        )
    old = incident["owner_id"]
    changes = {"owner_id": target_user_id, "acknowledged_at": None, "acknowledged_by": None}
    incident = _change(db, incident, changes, now)
    details = {"before": old, "after": target_user_id}
    escalation.restart(db, incident, now=now)
    record(db, caller, incident, "incident_handed_off", details, now=now)
    return _whole(db, incident)


def set_components(
    db: Connection, caller: Caller, id: str, component_ids: Sequence[str], *, now: datetime
) -> Row:
    """Let the incident name exactly these components, in this order.

    Raises `NotFound`, and what `components.named` raises.
    """
    incident = find(db, caller, id)
    components.named(db, caller.org_id, component_ids)
    old = [row["id"] for row in rows.components(db, caller.org_id, [id])[id]]
    if old != list(component_ids):
        rows.delete_components(db, caller.org_id, id)
        rows.insert_components(db, incident, component_ids)
        is_public = bool(incident["is_public"]) and status_pages.shows_any(
            db, caller.org_id, {*old} ^ {*component_ids}
        )
        incident = _change(db, incident, {}, now, is_public=is_public)
        details = {"before": old, "after": list(component_ids)}
        record(db, caller, incident, "components_changed", details, now=now)
    return _whole(db, incident)


def find(db: Connection, caller: Caller, id: str) -> Row:
    """Return the incident's own row. Raises `NotFound`."""
    incident = rows.get(db, caller.org_id, id)
    if incident is None:
        raise NotFound(f"There is no incident {id} in your organization.")
    return incident


def shown_publicly(db: Connection, incident: Row) -> bool:
    """Whether a published status page shows one of the incident's components."""
    org_id, id = incident["org_id"], incident["id"]
    affected = rows.components(db, org_id, [id])[id]
    return status_pages.shows_any(db, org_id, [component["id"] for component in affected])


def touch_public(db: Connection, incident: Row, *, now: datetime) -> None:
    """Note that what was told of the incident publicly has changed."""
    at = format_instant(now)
    rows.update(db, incident["org_id"], incident["id"], {"public_updated_at": at})


def record(
    db: Connection, caller: Caller, incident: Row, event: str, details: Row, *, now: datetime
) -> None:
    """Add to the incident's trail what the caller did."""
    at = format_instant(now)
    audit.append(db, incident, event, details, actor_id=caller.actor_id, at=at)


def _change(
    db: Connection, incident: Row, changes: Row, now: datetime, *, is_public: bool = False
) -> Row:
    at = format_instant(now)
    changes = {**changes, "updated_at": at}
    if is_public:
        changes["public_updated_at"] = at
    rows.update(db, incident["org_id"], incident["id"], changes)
    return {**incident, **changes}


def _whole(db: Connection, incident: Row) -> Row:
    org_id, id = incident["org_id"], incident["id"]
    return {
        **_with_components(db, org_id, [incident])[0],
        "status_history": rows.status_history(db, org_id, id),
        "audit_trail": audit.of_incident(db, org_id, id),
    }


def _with_components(db: Connection, org_id: str, found: list[Row]) -> list[Row]:
    affected = rows.components(db, org_id, [incident["id"] for incident in found])
    return [{**incident, "affected_components": affected[incident["id"]]} for incident in found]
