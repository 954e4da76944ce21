"""Living with an incident: finding it, moving it on, acknowledging, handing off (contract §3).

What changes an incident returns nothing: all that there is of one is read after the commit, so that
nobody's turn to write waits for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from incident_service import ids
from incident_service.clock import LAST, format_instant
from incident_service.database.file import Connection
from incident_service.errors import InvalidRequest, NotFound
from incident_service.paging import escalation
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.status.levels import level_of
from incident_service.store import Row, audit, organizations, status_pages, users
from incident_service.store import incidents as rows

Status = Literal["investigating", "identified", "monitoring", "resolved"]

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
    found = rows.newest(
        db, org_id, filters, after=after, before=before or MAX_NUMBER, limit=limit + 1
    )
    shown = _with_components(db, org_id, found[:limit])
    return Page(shown, shown[-1]["sequential_id"] if len(found) > limit else None)


MAX_NUMBER = 2**63 - 1
"""More than any incident's number."""


TRAIL_LENGTH = 1000
"""How many events of its trail an incident is shown with, at most: the latest (contract §3)."""


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the incident with its `status_history` and the end of its `audit_trail`.

    `audit_trail_omitted`: how many older events there are. Raises `NotFound`.
    """
    incident = find(db, caller, id)
    trail = audit.latest(db, caller.org_id, id, limit=TRAIL_LENGTH)
    return {
        **_with_components(db, caller.org_id, [incident])[0],
        "status_history": rows.status_history(db, caller.org_id, id),
        "audit_trail": trail,
        "audit_trail_omitted": trail[0]["number"] - 1 if trail else 0,
    }


def get_trail(
    db: Connection, caller: Caller, id: str, *, after: int, limit: int
) -> tuple[list[Row], int | None]:
    """Return events of the trail, oldest first, and the number after which there are more.

    `after`: the number that the last part gave, or 0. Raises `NotFound`.
    """
    find(db, caller, id)
    found = audit.numbered_after(db, caller.org_id, id, after, limit=limit + 1)
    shown = found[:limit]
    return shown, shown[-1]["number"] if len(found) > limit else None


def edit(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> None:
    """Change `title`, `description`, `severity`, `is_public` or `public_title`.

    `None` clears one; a cleared `is_public` is what it is by default. Raises `NotFound`.
    """
    incident = find(db, caller, id)
    if "is_public" in changes and changes["is_public"] is None:
        changes = {**changes, "is_public": True}
    _edit(db, caller, incident, changes, now)


def publish(db: Connection, caller: Caller, incident: Row, *, now: datetime) -> None:
    """Let status pages show the incident. Called by `updates`, before everybody is told of it."""
    _edit(db, caller, incident, {"is_public": True}, now)


def _edit(db: Connection, caller: Caller, incident: Row, changes: Row, now: datetime) -> None:
    before = {name: incident[name] for name in changes if incident[name] != changes[name]}
    if before:
        after = {name: changes[name] for name in before}
        is_public = _public_side(incident) != _public_side({**incident, **after})
        incident = _change(db, incident, after, now, is_public=is_public)
        details = {"before": _on_trail(before), "after": _on_trail(after)}
        record(db, caller, incident, "incident_edited", details, now=now)


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
    at = max(format_instant(now), incident["updated_at"])  # a clock may be set back
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


def acknowledge(
    db: Connection, caller: Caller, id: str, *, now: datetime, by_link: bool = False
) -> None:
    """Record that somebody has taken the incident on. Raises `NotFound`.

    Nothing changes if somebody had, or if it is resolved. If somebody else than the owner to whom
    it was handed off acknowledges, the owner gets a notice.
    """
    incident = find(db, caller, id)
    if incident["acknowledged_at"] is None and incident["status"] != "resolved":
        at = max(format_instant(now), incident["updated_at"])  # a clock may be set back
        changes = {"acknowledged_at": at, "acknowledged_by": caller.actor_id}
        incident = _change(db, incident, changes, now)
        escalation.stop(db, incident)
        if incident["handed_off_at"] is not None and incident["owner_id"] != caller.actor_id:
            escalation.tell_owner(db, incident, now=now)
        details = {"via": "link"} if by_link else {}
        record(db, caller, incident, "incident_acknowledged", details, now=now)


def hand_off(
    db: Connection, caller: Caller, id: str, target_user_id: str, *, now: datetime
) -> None:
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
    owners = {"before": incident["owner_id"], "after": target_user_id}
    change_owner(db, caller, [id], owners, now=now)


def change_owner(
    db: Connection, caller: Caller, ids: Sequence[str], owners: Row, *, now: datetime
) -> None:
    """Give unresolved incidents to another owner or to nobody, and page anew.

    `owners`: the ids of the one `before` and the one `after`, or `None`; the trails show it whole.
    A few statements do for any number of incidents, so thousands take one short transaction.
    """
    org_id, at = caller.org_id, format_instant(now)
    rows.change_owner(db, org_id, ids, owners["after"], at=at)
    escalation.restart(db, org_id, ids, now=now)
    audit.append_to_all(
        db, org_id, ids, "incident_handed_off", owners, actor_id=caller.actor_id, at=at
    )


def set_components(
    db: Connection, caller: Caller, id: str, component_ids: Sequence[str], *, now: datetime
) -> None:
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


def id_of_number(db: Connection, caller: Caller, number: int) -> str | None:
    """Return the id of the organization's incident of that number, if there is one."""
    return rows.id_of_number(db, caller.org_id, number)


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
    db: Connection,
    caller: Caller,
    incident: Row,
    event: audit.Event,
    details: Row,
    *,
    now: datetime,
) -> None:
    """Add to the incident's trail what the caller did."""
    at = format_instant(now)
    audit.append(db, incident, event, details, actor_id=caller.actor_id, at=at)


def _change(
    db: Connection, incident: Row, changes: Row, now: datetime, *, is_public: bool = False
) -> Row:
    at = max(format_instant(now), incident["updated_at"])  # a clock may be set back
    changes = {**changes, "updated_at": at}
    if is_public:
        changes["public_updated_at"] = at
    rows.update(db, incident["org_id"], incident["id"], changes)
    return {**incident, **changes}


def _with_components(db: Connection, org_id: str, found: list[Row]) -> list[Row]:
    affected = rows.components(db, org_id, [incident["id"] for incident in found])
    return [{**incident, "affected_components": affected[incident["id"]]} for incident in found]
