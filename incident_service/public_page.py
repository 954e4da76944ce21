"""What everybody can see on a status page (contract §7): page, history, feed and JSON use this."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from incident_service import component_status
from incident_service.clock import format_instant, parse_instant
from incident_service.component_status import Impairment, Level, Status
from incident_service.db import Connection
from incident_service.errors import NotFound
from incident_service.store import Row, status_pages
from incident_service.store import public_page as rows

DAYS = 90
"""How far back a page looks, today included."""

MAX_CURRENT = 100
MAX_PAST = 500
MAX_IN_FEED = 50
"""How many incidents an answer has at the most, the newest of them."""

MAX_UPDATES = 50
"""How many public updates it has of each, the newest of them."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component on the page; `days` has the worst level of each of the last `DAYS`.

    Today's is no better than its status, unless that is maintenance.
    """

    id: str
    name: str
    group_label: str | None
    status: Status
    days: list[Level]


@dataclass(frozen=True, slots=True)
class Entry:
    """A step of an incident: a public update, or the bare `status` that it reached."""

    id: str
    status: str | None
    body: str | None
    at: str


@dataclass(frozen=True, slots=True)
class AffectedComponent:
    """A component that an incident names and the page shows, or did until it was deleted."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident with what was told of it, oldest first; `omitted`: how many updates more.

    `level`: what it makes of its components. `updated_at`: when it last changed.
    """

    id: str
    title: str
    level: Level
    status: str
    created_at: str
    resolved_at: str | None
    updated_at: str
    components: list[AffectedComponent]
    entries: list[Entry]
    omitted: int


@dataclass(frozen=True, slots=True)
class Overview:
    """How things are: the page's status as a whole, its components, and what is open.

    `days` are the UTC dates of the components' days. `omitted`: how many incidents more there are.
    """

    title: str
    status: Level
    days: list[date]
    components: list[Component]
    incidents: list[Incident]
    omitted: int


@dataclass(frozen=True, slots=True)
class Past:
    """Incidents of the last `DAYS`, open ones too, newest first; `omitted`: how many more."""

    title: str
    incidents: list[Incident]
    omitted: int


def find(db: Connection, slug: str) -> Row:
    """Return the published page; its `public_revision` moves with all that is shown here.

    Raises `NotFound`.
    """
    page = status_pages.with_slug(db, slug)
    if page is None or not page["published"]:
        raise NotFound("There is no status page at this address.")
    return page


def overview(db: Connection, page: Row, *, now: datetime) -> Overview:
    """Return what the page shows at this instant."""
    days = component_status.last_days(DAYS, now)
    shown = status_pages.components(db, page["org_id"], page["id"])
    affected = _affected(db, page, days)
    incidents = _grouped(affected)
    impairments: defaultdict[str, list[Impairment]] = defaultdict(list)
    for hits in incidents:
        impairment = _impairment(hits[0])
        for hit in hits:
            impairments[hit["component_id"]].append(impairment)
    open_now = [hits for hits in incidents if hits[0]["status"] != "resolved"]
    severities: defaultdict[str, list[str]] = defaultdict(list)
    for hit in itertools.chain(*open_now):
        severities[hit["component_id"]].append(hit["severity"])
    found = [
        _component(
            row,
            row["status"] or component_status.operational_status(severities[row["id"]]),
            component_status.worst_by_day(impairments[row["id"]], days, now),
        )
        for row in shown
    ]
    return Overview(
        title=page["title"],
        status=component_status.banner(component.status for component in found),
        days=days,
        components=found,
        incidents=_told(db, page, open_now[:MAX_CURRENT]),
        omitted=len(open_now[MAX_CURRENT:]),
    )


def history(db: Connection, page: Row, *, now: datetime) -> Past:
    """Return the incidents of the last `DAYS`, by when they were opened."""
    return _past(db, page, now, limit=MAX_PAST)


def feed(db: Connection, page: Row, *, now: datetime) -> Past:
    """Return the incidents of the last `DAYS` that changed most recently, these first."""
    return _past(db, page, now, limit=MAX_IN_FEED, by_change=True)


def _past(db: Connection, page: Row, now: datetime, *, limit: int, by_change: bool = False) -> Past:
    found = _grouped(_affected(db, page, component_status.last_days(DAYS, now)))
    if by_change:
        found.sort(key=lambda hits: hits[0]["public_updated_at"], reverse=True)
    return Past(page["title"], _told(db, page, found[:limit]), len(found[limit:]))


def _affected(db: Connection, page: Row, days: list[date]) -> list[Row]:
    since = format_instant(datetime.combine(days[0], time(), UTC))
    return rows.affected_components(db, page["org_id"], page["id"], since=since)


def _component(row: Row, status: Status, days: list[Level]) -> Component:
    today = component_status.worst((days[-1], component_status.banner([status])))
    return Component(
        row["id"], row["name"], row["group_label"] or None, status, [*days[:-1], today]
    )


def _impairment(incident: Row) -> Impairment:
    return Impairment(
        level=component_status.level_of(incident["severity"]),
        begins=parse_instant(incident["created_at"]),
        ends=parse_instant(incident["resolved_at"]) if incident["resolved_at"] else None,
    )


def _grouped(affected: Iterable[Row]) -> list[list[Row]]:
    """Return each incident's rows together, in the order in which the incidents come."""
    found: dict[str, list[Row]] = {}
    for row in affected:
        found.setdefault(row["id"], []).append(row)
    return list(found.values())


def _told(db: Connection, page: Row, found: list[list[Row]]) -> list[Incident]:
    """Return the incidents with what was told of them."""
    told = _entries(db, page["org_id"], [hits[0]["id"] for hits in found])
    return [_incident(hits, *told[hits[0]["id"]]) for hits in found]


def _incident(hits: list[Row], entries: list[Entry], omitted: int) -> Incident:
    row = hits[0]
    return Incident(
        id=row["id"],
        title=row["title"],
        level=component_status.level_of(row["severity"]),
        status=row["status"],
        created_at=row["created_at"],
        resolved_at=row["resolved_at"],
        updated_at=row["public_updated_at"],
        components=[AffectedComponent(hit["component_id"], hit["component_name"]) for hit in hits],
        entries=entries,
        omitted=omitted,
    )


def _entries(
    db: Connection, org_id: str, incident_ids: list[str]
) -> dict[str, tuple[list[Entry], int]]:
    """Return what was told of each incident, oldest first, and how many updates are left out.

    An incident reaches a status once; where a public update told of it, this stands for both.
    """
    told: dict[str, dict[str, Entry]] = {id: {} for id in incident_ids}
    omitted = dict.fromkeys(incident_ids, 0)
    for row in rows.statuses(db, org_id, incident_ids):
        entry = Entry(row["id"], row["status"], None, row["changed_at"])
        told[row["incident_id"]][row["status"]] = entry
    for row in rows.updates(db, org_id, incident_ids, limit=MAX_UPDATES):
        entry = Entry(row["id"], row["status_change"], row["body"], row["posted_at"])
        told[row["incident_id"]][row["status_change"] or row["id"]] = entry
        omitted[row["incident_id"]] = max(row["total"] - MAX_UPDATES, 0)
    return {
        id: (sorted(found.values(), key=lambda entry: entry.at), omitted[id])
        for id, found in told.items()
    }
