"""Changing an incident: editing it, moving it on, acknowledging it, handing it off (contract §3).

None of these functions returns the whole incident: it is read after the commit, so that no other
write waits for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest
from incident_service.incidents import reading
from incident_service.paging import announcing, delayed, escalation
from incident_service.people.caller import Caller
from incident_service.severity import is_worse
from incident_service.status import components
from incident_service.status.levels import level_of
from incident_service.store import Row, audit, open_groups, status_pages, users
from incident_service.store import incidents as rows

Status = Literal["investigating", "identified", "monitoring", "resolved"]

STATUSES: tuple[Status, ...] = get_args(Status)

NEXT: dict[str, Status] = {
    "investigating": "identified",
    "identified": "monitoring",
    "monitoring": "resolved",
}
"""The one status that may follow each; none follows `resolved`."""


def edit(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> None:
    """Change `title`, `description`, `severity`, `is_public` or `public_title`.

    `None` clears one; a cleared `is_public` is what it is by default. An incident that alerts
    opened becomes public with its public title (contract §2). Raises `NotFound`.
    """
    incident = reading.find(db, caller, id)
    is_by_alerts = incident["integration_id"] is not None
    if is_by_alerts and changes.get("public_title") is not None:
        changes = {"is_public": True, **changes}
    if "is_public" in changes and changes["is_public"] is None:
        changes = {**changes, "is_public": not is_by_alerts}
    _edit(db, caller, incident, changes, now)


def raise_severity(
    db: Connection, caller: Caller, incident: Row, severity: str, *, now: datetime
) -> None:
    """Let the incident be as bad as an alert of it. Its owner is paged again if it is acknowledged.

    Called with an integration as the caller (contract §10).
    """
    _edit(db, caller, incident, {"severity": severity}, now)
    if incident["acknowledged_at"] is not None:
        escalation.call_owner(db, incident, now=now)


def publish(db: Connection, caller: Caller, incident: Row, *, now: datetime) -> None:
    """Let status pages show the incident. Called by `updates` before it posts a public one."""
    _edit(db, caller, incident, {"is_public": True}, now)


def _edit(db: Connection, caller: Caller, incident: Row, changes: Row, now: datetime) -> None:
    before = {name: incident[name] for name in changes if incident[name] != changes[name]}
    incident = heed_person(db, caller, incident, now=now, only_confirms=not before)
    if before:
        after = {name: changes[name] for name in before}
        is_public = _public_fields(incident) != _public_fields({**incident, **after})
        incident = change(db, incident, after, now, is_public=is_public)
        details = {"before": _for_trail(before), "after": _for_trail(after)}
        record(db, caller, incident, "incident_edited", details, now=now)
        if "severity" in before and is_worse(after["severity"], before["severity"]):
            delayed.hasten(db, incident, now=now)


def _public_fields(incident: Row) -> tuple[str, str] | None:
    """Return what a status page shows of an incident's own fields, if it shows the incident."""
    if not incident["is_public"]:
        return None
    return incident["public_title"] or incident["title"], level_of(incident["severity"])


def _for_trail(values: Row) -> Row:
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
    by_link: bool = False,
) -> Row:
    """Move an incident on to its next status; `note` is how it was resolved. Return the incident.

    Called by `updates`, which posts the update. Raises `InvalidRequest`
    `invalid_status_transition` for any other status.
    """
    old = incident["status"]
    if NEXT.get(old) != status:
        following = f"only {NEXT[old]} can follow" if old in NEXT else "nothing can follow"
        raise InvalidRequest(
            f"Incident {incident['id']} is {old}; {following}.", code="invalid_status_transition"
        )
    incident = heed_person(db, caller, incident, now=now)
    at = max(format_instant(now), incident["updated_at"])  # a clock may be set back
    changes: Row = {"status": status}
    if status == "resolved":
        changes.update(resolved_at=at, snoozed_until=None)
    incident = change(db, incident, changes, now, is_public=True)
    add_to_history(db, caller, incident, note, at=at)
    if status == "resolved":
        escalation.end(db, incident, now=now)
        if incident["integration_id"] is not None:
            open_groups.close(db, incident)
    details = {"before": old, "after": status, **via(by_link)}
    record(db, caller, incident, "status_changed", details, now=now)
    return incident


def add_to_history(
    db: Connection, caller: Caller, incident: Row, note: str | None = None, *, at: str
) -> None:
    """Add the incident's status to its history; `note` is how it was resolved."""
    rows.insert_status(
        db,
        {
            "org_id": caller.org_id,
            "incident_id": incident["id"],
            "id": ids.new_id(),
            "status": incident["status"],
            "changed_at": at,
            "changed_by": caller.actor_id,
            "resolution_note": note,
        },
    )


def acknowledge(
    db: Connection, caller: Caller, id: str, *, now: datetime, by_link: bool = False
) -> Row:
    """Record that the caller takes the incident on. Return the incident. Raises `NotFound`.

    Nothing else changes if somebody already did, or if the incident is resolved. If it was handed
    off and the caller is not its new owner, the owner gets a notice.
    """
    incident = reading.find(db, caller, id)
    incident = heed_person(db, caller, incident, now=now, only_confirms=True)
    if incident["acknowledged_at"] is None and incident["status"] != "resolved":
        at = max(format_instant(now), incident["updated_at"])  # a clock may be set back
        changes = {
            "acknowledged_at": at,
            "acknowledged_by": caller.actor_id,
            "first_acknowledged_at": incident["first_acknowledged_at"] or at,
            "first_acknowledged_by": incident["first_acknowledged_by"] or caller.actor_id,
        }
        incident = change(db, incident, changes, now)
        escalation.stop(db, incident)
        if incident["handed_off_at"] is not None and incident["owner_id"] != caller.actor_id:
            escalation.tell_owner(db, incident, now=now)
        record(db, caller, incident, "incident_acknowledged", via(by_link), now=now)
        who = caller.actor_id
        announcing.announce(db, incident, "incident_acknowledged", actor_id=who, now=now)
    return incident


def via(by_link: bool) -> Row:
    """Return the details of an event that say how somebody acted."""
    return {"via": "link"} if by_link else {}


def hand_off(
    db: Connection, caller: Caller, id: str, target_user_id: str, *, now: datetime
) -> None:
    """Give the incident to another owner, who has not acknowledged it yet.

    Raises `NotFound`, and `InvalidRequest` `incident_resolved` or `invalid_target_user`.
    """
    incident = reading.find(db, caller, id)
    check_unresolved(incident)
    if users.get(db, caller.org_id, target_user_id) is None:
        raise InvalidRequest(
            f"targetUserId: {target_user_id} is not a user in your organization.",
            code="invalid_target_user",
        )
    heed_person(db, caller, incident, now=now)
    owners = {"before": incident["owner_id"], "after": target_user_id}
    change_owner(db, caller, [id], owners, now=now)


def check_unresolved(incident: Row) -> None:
    """Raise `InvalidRequest` `incident_resolved` if the incident is."""
    if incident["status"] == "resolved":
        raise InvalidRequest(f"Incident {incident['id']} is resolved.", code="incident_resolved")


def change_owner(
    db: Connection, caller: Caller, ids: Sequence[str], owners: Row, *, now: datetime
) -> None:
    """Give unresolved incidents to another owner or to nobody, and page again.

    `owners`: the owners' ids `before` and `after`, or `None`; the trails keep it as it is. It takes
    a few statements for any number of incidents, so thousands fit in one short transaction.
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

    Raises `NotFound`, and as `components.named` does.
    """
    incident = reading.find(db, caller, id)
    components.named(db, caller.org_id, component_ids)
    old = [row["id"] for row in rows.components(db, caller.org_id, [id])[id]]
    changes = old != list(component_ids)
    incident = heed_person(db, caller, incident, now=now, only_confirms=not changes)
    if changes:
        rows.delete_components(db, caller.org_id, id)
        rows.insert_components(db, incident, component_ids)
        is_public = bool(incident["is_public"]) and status_pages.shows_any(
            db, caller.org_id, {*old} ^ {*component_ids}
        )
        incident = change(db, incident, {}, now, is_public=is_public)
        details = {"before": old, "after": list(component_ids)}
        record(db, caller, incident, "components_changed", details, now=now)


def heed_person(
    db: Connection, caller: Caller, incident: Row, *, now: datetime, only_confirms: bool = False
) -> Row:
    """Record that a person acts on an incident that alerts opened. Return the incident.

    Called before what the person does is recorded. The incident is not provisional any more, and
    people resolve it, unless the act `only_confirms` it: it acknowledges, or changes nothing else
    (contract §10).
    """
    if incident["integration_id"] is None or not caller.is_person:
        return incident
    if not only_confirms and not incident["is_left_to_people"]:
        left = {"is_left_to_people": True}
        rows.update(db, caller.org_id, incident["id"], left)
        incident = {**incident, **left}
    return confirm(db, caller, incident, now=now)


def confirm(db: Connection, caller: Caller, incident: Row, *, now: datetime) -> Row:
    """Record that the incident is real, if it is provisional. Return the incident.

    The caller is a person who acts on it, or an integration (contract §10).
    """
    if incident["is_provisional"]:
        incident = change(db, incident, {"is_provisional": False}, now)
        record(db, caller, incident, "incident_confirmed", {}, now=now)
        opener = incident["created_by"]
        announcing.announce(db, incident, "incident_opened", actor_id=opener, now=now)
    return incident


def is_on_status_page(db: Connection, incident: Row) -> bool:
    """Whether a published status page shows one of the incident's components."""
    org_id, id = incident["org_id"], incident["id"]
    affected = rows.components(db, org_id, [id])[id]
    return status_pages.shows_any(db, org_id, [component["id"] for component in affected])


def touch_public(db: Connection, incident: Row, *, now: datetime) -> None:
    """Record that what status pages show of the incident has changed."""
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


def change(
    db: Connection, incident: Row, changes: Row, now: datetime, *, is_public: bool = False
) -> Row:
    """Set columns of the incident, and when it changed. Return the incident.

    `is_public`: whether what status pages show of it changes.
    """
    at = max(format_instant(now), incident["updated_at"])  # a clock may be set back
    changes = {**changes, "updated_at": at}
    if is_public:
        changes["public_updated_at"] = at
    rows.update(db, incident["org_id"], incident["id"], changes)
    return {**incident, **changes}
