"""What the console shows of one incident beside its story; each part is bounded (contract §11)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incident_service.clock import parse_instant
from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle, once, paged, reading, reopening
from incident_service.incidents.paged import Paged
from incident_service.paging import coming
from incident_service.people import actors
from incident_service.people.caller import Caller
from incident_service.store import (
    Row,
    alerts,
    incidents,
    named,
    postmortems,
    responders,
    status_pages,
    updates,
)

ALERTS_SHOWN = 10

PEOPLE_SHOWN = 20

STATUS_PAGES_NAMED = 10


@dataclass(frozen=True, slots=True)
class Seen:
    """Where things stand, for `once`: what a form on the page says that it saw."""

    position: str
    acknowledgement: str
    last_update: int


@dataclass(frozen=True, slots=True)
class Overview:
    """An incident, and what people want to know of it and do about it.

    `names`: of people, keys and integrations, by id. `schedule` and `policy`: their names, or
    `None` if it has none or they were deleted. `next_layer`: what its policy does next.
    `public_pages`: the status pages on which a public update appears. `resolution`: the history's
    entry, if it is resolved. `postmortem`: the status of its post-mortem, if it has one.
    """

    incident: Row
    names: dict[str, str]
    schedule: str | None
    policy: str | None
    responders: list[Row]
    paged: list[Paged]
    more_paged: int
    next_layer: coming.Coming | None
    next_status: str | None
    resolution: Row | None
    may_be_reopened: bool
    public_pages: list[Row]
    alerts: list[Row]
    has_more_alerts: bool
    postmortem: str | None
    seen: Seen


def get(db: Connection, caller: Caller, id: str, *, by_email: bool, now: datetime) -> Overview:
    """Return the overview of an incident now.

    `by_email`: whether users are paged by email too. Raises `NotFound`.
    """
    org_id, row = caller.org_id, reading.find(db, caller, id)
    affected = incidents.components(db, org_id, [id])[id]
    asked = responders.of_incident(db, org_id, id)
    people = paged.people(db, row)
    following = coming.coming(db, row, now=now, by_email=by_email)
    newest = alerts.newest(db, org_id, {"incident_id": id}, before=None, limit=ALERTS_SHOWN + 1)
    is_resolved = row["status"] == "resolved"
    resolution = incidents.last_status(db, org_id, id) if is_resolved else None
    names = actors.names(
        db,
        org_id,
        [
            row["owner_id"],
            row["acknowledged_by"],
            row["created_by"],
            resolution["changed_by"] if resolution else None,
            *(person.user_id for person in people[:PEOPLE_SHOWN]),
            *(responder["user_id"] for responder in asked),
            *(following.user_ids if following else ()),
        ],
    )
    return Overview(
        incident={**row, "affected_components": affected},
        names=names,
        schedule=_name(db, "schedules", org_id, row["owner_schedule_id"]),
        policy=_name(db, "escalation_policies", org_id, row["escalation_policy_id"]),
        responders=asked,
        paged=people[:PEOPLE_SHOWN],
        more_paged=max(len(people) - PEOPLE_SHOWN, 0),
        next_layer=following,
        next_status=lifecycle.NEXT.get(row["status"]),
        resolution=resolution,
        may_be_reopened=is_resolved
        and now - parse_instant(row["resolved_at"]) <= reopening.MAY_BE_REOPENED_FOR,
        public_pages=status_pages.showing(
            db, org_id, [each["id"] for each in affected], limit=STATUS_PAGES_NAMED
        ),
        alerts=newest[:ALERTS_SHOWN],
        has_more_alerts=len(newest) > ALERTS_SHOWN,
        postmortem=postmortems.status(db, org_id, id),
        seen=Seen(
            position=once.position(db, row),
            acknowledgement=once.acknowledgement(row),
            last_update=updates.last_number(db, org_id, id),
        ),
    )


def _name(db: Connection, table: named.Table, org_id: str, id: str | None) -> str | None:
    return None if id is None else named.names(db, table, org_id, [id]).get(id)
