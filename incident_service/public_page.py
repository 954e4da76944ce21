"""What everybody can see on a status page (contract §7): page, history, feed and JSON use this."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from incident_service import component_status
from incident_service.clock import format_instant, parse_instant
from incident_service.component_status import Impairment, Level, Status
from incident_service.db import Connection
from incident_service.errors import NotFound
from incident_service.store import Row, components, status_pages
from incident_service.store import public_page as rows

DAYS = 90
"""How far back a page looks, today included."""

MAX_CURRENT = 100
MAX_PAST = 500
MAX_IN_FEED = 50
"""How many incidents an answer has at the most, the newest of them."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component on the page; `days` has the worst level of each of the last `DAYS`."""

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
class Incident:
    """An incident with what was told of it, oldest first.

    `level`: what it makes of its components. `updated_at`: the latest change of anything here.
    """

    id: str
    title: str
    level: Level
    status: str
    created_at: str
    resolved_at: str | None
    updated_at: str
    component_names: list[str]
    entries: list[Entry]


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
    severities = components.open_severities(db, page["org_id"])
    impairments: dict[str, list[Impairment]] = {row["id"]: [] for row in shown}
    for hit in affected:
        impairments[hit["component_id"]].append(_impairment(hit))
    found = [
        Component(
            id=row["id"],
            name=row["name"],
            group_label=row["group_label"] or None,
            status=row["status"]
            or component_status.operational_status(severities.get(row["id"], ())),
            days=component_status.worst_by_day(impairments[row["id"]], days, now),
        )
        for row in shown
    ]
    open_now = _grouped(row for row in affected if row["status"] != "resolved")
    return Overview(
        title=page["title"],
        status=component_status.banner(component.status for component in found),
        days=days,
        components=found,
        incidents=_told(db, page, open_now[:MAX_CURRENT], shown),
        omitted=len(open_now[MAX_CURRENT:]),
    )


def history(db: Connection, page: Row, *, now: datetime) -> Past:
    """Return the incidents of the last `DAYS`, by when they were opened."""
    return _past(db, page, now, limit=MAX_PAST)


def feed(db: Connection, page: Row, *, now: datetime) -> Past:
    """Return the incidents of the last `DAYS` that changed most recently, these first."""
    return _past(db, page, now, limit=MAX_IN_FEED, by_change=True)


def _past(db: Connection, page: Row, now: datetime, *, limit: int, by_change: bool = False) -> Past:
    shown = status_pages.components(db, page["org_id"], page["id"])
    found = _grouped(_affected(db, page, component_status.last_days(DAYS, now)))
    if by_change:
        found.sort(key=lambda hits: hits[0]["public_updated_at"], reverse=True)
    return Past(page["title"], _told(db, page, found[:limit], shown), len(found[limit:]))


def _affected(db: Connection, page: Row, days: list[date]) -> list[Row]:
    since = format_instant(datetime.combine(days[0], time(), UTC))
    return rows.affected_components(db, page["org_id"], page["id"], since=since)


def _impairment(hit: Row) -> Impairment:
    return Impairment(
        level=component_status.level_of(hit["severity"]),
        begins=parse_instant(hit["created_at"]),
        ends=parse_instant(hit["resolved_at"]) if hit["resolved_at"] else None,
    )


def _grouped(affected: Iterable[Row]) -> list[list[Row]]:
    """Return each incident's rows together, in the order in which the incidents come."""
    found: dict[str, list[Row]] = {}
    for row in affected:
        found.setdefault(row["id"], []).append(row)
    return list(found.values())


def _told(db: Connection, page: Row, found: list[list[Row]], shown: list[Row]) -> list[Incident]:
    """Return the incidents with what was told of them."""
    names = {component["id"]: component["name"] for component in shown}
    entries = _entries(db, page["org_id"], [hits[0]["id"] for hits in found])
    return [
        Incident(
            id=hits[0]["id"],
            title=hits[0]["title"],
            level=component_status.level_of(hits[0]["severity"]),
            status=hits[0]["status"],
            created_at=hits[0]["created_at"],
            resolved_at=hits[0]["resolved_at"],
            updated_at=hits[0]["public_updated_at"],
            component_names=[names[hit["component_id"]] for hit in hits],
            entries=entries[hits[0]["id"]],
        )
        for hits in found
    ]


def _entries(db: Connection, org_id: str, incident_ids: list[str]) -> dict[str, list[Entry]]:
    """Return what was told of each incident, oldest first.

    An incident reaches a status once; where a public update told of it, this stands for both.
    """
    told: dict[str, dict[str, Entry]] = {id: {} for id in incident_ids}
    for row in rows.statuses(db, org_id, incident_ids):
        entry = Entry(row["id"], row["status"], None, row["changed_at"])
        told[row["incident_id"]][row["status"]] = entry
    for row in rows.updates(db, org_id, incident_ids):
        entry = Entry(row["id"], row["status_change"], row["body"], row["posted_at"])
        told[row["incident_id"]][row["status_change"] or row["id"]] = entry
    return {id: sorted(found.values(), key=lambda entry: entry.at) for id, found in told.items()}
