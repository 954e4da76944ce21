"""What everybody can see on a status page (contract §7): page, history, feed and JSON use this."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from incident_service.clock import format_instant, parse_instant
from incident_service.database.file import Connection
from incident_service.errors import NotFound
from incident_service.severity import SEVERITIES
from incident_service.status import levels
from incident_service.status.levels import Impairment, Level, Status
from incident_service.store import Row, status_pages
from incident_service.store import public_page as rows

DAYS = 90
"""How far back a page looks, today included."""

MAX_CURRENT = 100
MAX_PAST = 500
MAX_IN_FEED = 50
"""How many incidents an answer has at the most, the newest of them."""

MAX_UPDATES = 50
MAX_UPDATES_ALONE = 500
"""How many public updates it has of each, or of the only one, the newest of them."""


class NoSuchIncident(NotFound):
    """The page shows no such incident."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component on the page; `days` has the worst level of each of the last `DAYS`.

    Today's is no better than its status, unless that is maintenance. Days before there was such a
    component are `None`, and do not count for `uptime`, which is in per cent.
    """

    id: str
    name: str
    group_label: str | None
    status: Status
    uptime: float
    days: list[Level | None]


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
    """How things are: the page's status as a whole, its components, and what is open, worst first.

    `status` is `None` while the page shows nothing. `updated_at`: when something that is shown was
    last changed. `days` are the UTC dates of the components' days. `omitted`: how many incidents
    more there are.
    """

    title: str
    status: Status | None
    updated_at: str
    days: list[date]
    components: list[Component]
    incidents: list[Incident]
    omitted: int


@dataclass(frozen=True, slots=True)
class Past:
    """Incidents of the last `DAYS`, open ones too, newest first; `omitted`: how many more."""

    title: str
    updated_at: str
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
    days = levels.last_days(DAYS, now)
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
            row["status"] or levels.operational_status(severities[row["id"]]),
            impairments[row["id"]],
            days,
            now,
        )
        for row in shown
    ]
    # A stable sort: incidents that are equally bad stay newest first.
    open_now.sort(key=lambda hits: SEVERITIES.index(hits[0]["severity"]))
    statuses: list[Status] = [component.status for component in found]
    statuses += [levels.level_of(hits[0]["severity"]) for hits in open_now]
    return Overview(
        title=page["title"],
        status=levels.worst(statuses) if statuses else None,
        updated_at=_updated_at(page, incidents),
        days=days,
        components=found,
        incidents=_told(db, page, open_now[:MAX_CURRENT], MAX_UPDATES),
        omitted=len(open_now[MAX_CURRENT:]),
    )


def history(db: Connection, page: Row, *, now: datetime) -> Past:
    """Return the incidents of the last `DAYS`, by when they were opened."""
    return _past(db, page, now, limit=MAX_PAST)


def feed(db: Connection, page: Row, *, now: datetime) -> Past:
    """Return the incidents of the last `DAYS` that changed most recently, these first."""
    return _past(db, page, now, limit=MAX_IN_FEED, by_change=True)


def incident(db: Connection, page: Row, id: str) -> Incident:
    """Return a public incident of the page, however old. Raises `NoSuchIncident`."""
    hits = rows.components_affected_by(db, page["org_id"], page["id"], id)
    if not hits:
        raise NoSuchIncident("There is no incident at this address.")
    (found,) = _told(db, page, [hits], MAX_UPDATES_ALONE)
    return found


def _past(db: Connection, page: Row, now: datetime, *, limit: int, by_change: bool = False) -> Past:
    found = _grouped(_affected(db, page, levels.last_days(DAYS, now)))
    if by_change:
        found.sort(key=lambda hits: hits[0]["public_updated_at"], reverse=True)
    told = _told(db, page, found[:limit], MAX_UPDATES)
    return Past(page["title"], _updated_at(page, found), told, len(found[limit:]))


def _affected(db: Connection, page: Row, days: list[date]) -> list[Row]:
    since = format_instant(datetime.combine(days[0], time(), UTC))
    return rows.affected_components(db, page["org_id"], page["id"], since=since)


def _updated_at(page: Row, incidents: list[list[Row]]) -> str:
    """Return when the page itself or one of the incidents was last changed."""
    at: str = max([page["updated_at"], *(hits[0]["public_updated_at"] for hits in incidents)])
    return at


def _component(
    row: Row, status: Status, impairments: list[Impairment], days: list[date], now: datetime
) -> Component:
    worst = levels.worst_by_day(impairments, days, now)
    if status != "maintenance":
        worst[-1] = levels.worst((worst[-1], status))
    label = row["group_label"]
    first = max(days[0], parse_instant(row["created_at"]).date())
    return Component(
        id=row["id"],
        name=row["name"],
        group_label=label if label and label.strip() else None,
        status=status,
        uptime=levels.uptime(impairments, datetime.combine(first, time(), UTC), now),
        days=[
            None if day < first and level == "operational" else level
            for day, level in zip(days, worst, strict=True)
        ],
    )


def _impairment(incident: Row) -> Impairment:
    return Impairment(
        level=levels.level_of(incident["severity"]),
        begins=parse_instant(incident["created_at"]),
        ends=parse_instant(incident["resolved_at"]) if incident["resolved_at"] else None,
    )


def _grouped(affected: Iterable[Row]) -> list[list[Row]]:
    """Return each incident's rows together, in the order in which the incidents come."""
    found: dict[str, list[Row]] = {}
    for row in affected:
        found.setdefault(row["id"], []).append(row)
    return list(found.values())


def _told(db: Connection, page: Row, found: list[list[Row]], max_updates: int) -> list[Incident]:
    """Return the incidents with what was told of them."""
    told = _entries(db, page["org_id"], [hits[0]["id"] for hits in found], max_updates)
    return [_incident(hits, *told[hits[0]["id"]]) for hits in found]


def _incident(hits: list[Row], entries: list[Entry], omitted: int) -> Incident:
    row = hits[0]
    return Incident(
        id=row["id"],
        title=row["title"],
        level=levels.level_of(row["severity"]),
        status=row["status"],
        created_at=row["created_at"],
        resolved_at=row["resolved_at"],
        updated_at=row["public_updated_at"],
        components=[AffectedComponent(hit["component_id"], hit["component_name"]) for hit in hits],
        entries=entries,
        omitted=omitted,
    )


def _entries(
    db: Connection, org_id: str, incident_ids: list[str], limit: int
) -> dict[str, tuple[list[Entry], int]]:
    """Return what was told of each incident, oldest first, and how many updates are left out.

    An incident reaches a status once; where a public update told of it, this stands for both.
    """
    told: dict[str, dict[str, Entry]] = {id: {} for id in incident_ids}
    omitted = dict.fromkeys(incident_ids, 0)
    for row in rows.statuses(db, org_id, incident_ids):
        entry = Entry(row["id"], row["status"], None, row["changed_at"])
        told[row["incident_id"]][row["status"]] = entry
    for row in rows.updates(db, org_id, incident_ids, limit=limit):
        entry = Entry(row["id"], row["status_change"], row["body"], row["posted_at"])
        told[row["incident_id"]][row["status_change"] or row["id"]] = entry
        omitted[row["incident_id"]] = max(row["total"] - limit, 0)
    return {
        id: (sorted(found.values(), key=lambda entry: entry.at), omitted[id])
        for id, found in told.items()
    }
