"""What everybody can see on a status page: its HTML, history, feed and JSON use this (§7)."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.severity import SEVERITIES
from incident_service.status import levels, public_maintenance
from incident_service.status.levels import Impairment, Level, Status
from incident_service.status.public_maintenance import AffectedComponent, Maintenance
from incident_service.store import Row, status_pages
from incident_service.store import public_incidents as rows

DAYS = 90
"""How far back a status page looks, in days. Today counts."""

MAX_CURRENT = 100
"""An answer has at most this many open incidents, and as many maintenance windows to come."""

MAX_PAST = 500
MAX_IN_FEED = 50
"""Or this many of what was, incidents and maintenance together: the latest."""

MAX_UPDATES = 50
MAX_UPDATES_OF_ONE = 500
"""It has at most this many public updates of each, or of the only one: the newest ones."""


class NoSuchIncident(NotFound):
    """The status page does not show such an incident."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component on the status page; `days` has its worst level on each of the last `DAYS`.

    Today's level is at least as bad as `status`, unless that is maintenance. Days before the
    component existed are `None` and do not count for `uptime`, which is a percentage.
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
class Incident:
    """An incident and its `entries`, oldest first; `omitted` counts the updates left out.

    `level`: how it affects its components. `updated_at`: when its public side last changed.
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
    """The overall status, the components, the open incidents and the maintenance to come.

    The worst incident comes first, and the maintenance that begins first, which may be in progress.
    `status` is `None` if the status page shows nothing. `updated_at`: when anything on it last
    changed. `days` are the UTC dates of the components' days. `omitted` counts the open incidents
    left out, `omitted_maintenance` the windows.
    """

    title: str
    status: Status | None
    updated_at: str
    days: list[date]
    components: list[Component]
    incidents: list[Incident]
    omitted: int
    maintenance: list[Maintenance]
    omitted_maintenance: int


@dataclass(frozen=True, slots=True)
class Past:
    """What there was in the last `DAYS`, newest first; `omitted`: how much more.

    Open incidents and maintenance in progress are there too.
    """

    title: str
    updated_at: str
    events: list[Incident | Maintenance]
    omitted: int


_Event = list[Row] | Maintenance
"""An incident as its rows of affected components, or maintenance."""


def find(db: Connection, slug: str) -> Row:
    """Return the published status page. Raises `NotFound`.

    Its `public_revision` changes whenever something that it shows changes.
    """
    status_page = status_pages.with_slug(db, slug)
    if status_page is None or not status_page["published"]:
        raise NotFound("There is no status page at this address.")
    return status_page


def overview(db: Connection, status_page: Row, *, now: datetime) -> Overview:
    """Return what the status page shows at this instant."""
    days = levels.last_days(DAYS, now)
    shown = status_pages.components(db, status_page["org_id"], status_page["id"])
    incidents = _by_incident(_affected(db, status_page, days))
    windows = public_maintenance.recent(db, status_page, since=_start_of(days[0]), now=now)
    in_maintenance = {
        component.id
        for window in windows
        if window.status == "in_progress"
        for component in window.components
    }
    spans = _spans(db, status_page, [hits[0] for hits in incidents])
    impairments: defaultdict[str, list[Impairment]] = defaultdict(list)
    for hit in itertools.chain(*incidents):
        impairments[hit["component_id"]] += spans[hit["id"]]
    open_now = [hits for hits in incidents if hits[0]["status"] != "resolved"]
    severities: defaultdict[str, list[str]] = defaultdict(list)
    for hit in itertools.chain(*open_now):
        severities[hit["component_id"]].append(hit["severity"])
    components = [
        _component(
            row,
            row["status"]
            or levels.operational_status(
                severities[row["id"]], in_maintenance=row["id"] in in_maintenance
            ),
            impairments[row["id"]],
            days,
            now,
        )
        for row in shown
    ]
    # A stable sort: incidents that are equally bad stay newest first.
    open_now.sort(key=lambda hits: SEVERITIES.index(hits[0]["severity"]))
    statuses: list[Status] = [component.status for component in components]
    statuses += [levels.level_of(hits[0]["severity"]) for hits in open_now]
    to_come = [window for window in windows if window.status != "completed"]
    return Overview(
        title=status_page["title"],
        status=levels.worst(statuses) if statuses else None,
        updated_at=_updated_at(status_page, incidents, windows),
        days=days,
        components=components,
        incidents=_with_entries(db, status_page, open_now[:MAX_CURRENT], MAX_UPDATES),
        omitted=len(open_now[MAX_CURRENT:]),
        maintenance=to_come[:MAX_CURRENT],
        omitted_maintenance=len(to_come[MAX_CURRENT:]),
    )


def history(db: Connection, status_page: Row, *, now: datetime) -> Past:
    """Return what there was in the last `DAYS`, what began last first."""

    def began_at(event: _Event) -> str:
        at: str = event.starts_at if isinstance(event, Maintenance) else event[0]["created_at"]
        return at

    return _past(db, status_page, now, began_at, limit=MAX_PAST, with_planned=False)


def feed(db: Connection, status_page: Row, *, now: datetime) -> Past:
    """Return what there was in the last `DAYS` and what is planned, what changed last first."""

    def changed_at(event: _Event) -> str:
        if isinstance(event, Maintenance):
            return event.updated_at
        at: str = event[0]["public_updated_at"]
        return at

    return _past(db, status_page, now, changed_at, limit=MAX_IN_FEED, with_planned=True)


def incident(db: Connection, status_page: Row, id: str) -> Incident:
    """Return a public incident of the status page, however old. Raises `NoSuchIncident`."""
    hits = rows.components_affected_by(db, status_page["org_id"], status_page["id"], id)
    if not hits:
        raise NoSuchIncident("There is no incident at this address.")
    (incident,) = _with_entries(db, status_page, [hits], MAX_UPDATES_OF_ONE)
    return incident


def _past(
    db: Connection,
    status_page: Row,
    now: datetime,
    at: Callable[[_Event], str],
    *,
    limit: int,
    with_planned: bool,
) -> Past:
    """Return what is latest by `at` in the last `DAYS`."""
    days = levels.last_days(DAYS, now)
    incidents = _by_incident(_affected(db, status_page, days))
    windows = public_maintenance.recent(db, status_page, since=_start_of(days[0]), now=now)
    events: list[_Event] = [*incidents]
    events += [window for window in windows if with_planned or window.status != "scheduled"]
    events.sort(key=at, reverse=True)  # stable: at the same instant, their order stays
    shown = events[:limit]
    hits = [event for event in shown if not isinstance(event, Maintenance)]
    told = iter(_with_entries(db, status_page, hits, MAX_UPDATES))
    return Past(
        title=status_page["title"],
        updated_at=_updated_at(status_page, incidents, windows),
        events=[event if isinstance(event, Maintenance) else next(told) for event in shown],
        omitted=len(events[limit:]),
    )


def _affected(db: Connection, status_page: Row, days: list[date]) -> list[Row]:
    since = format_instant(_start_of(days[0]))
    return rows.affected_components(db, status_page["org_id"], status_page["id"], since=since)


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _updated_at(status_page: Row, incidents: list[list[Row]], windows: list[Maintenance]) -> str:
    """Return when the status page itself, an incident or maintenance last changed."""
    at: str = max(
        [
            status_page["updated_at"],
            *(hits[0]["public_updated_at"] for hits in incidents),
            *(window.updated_at for window in windows),
        ]
    )
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
        uptime=levels.uptime(impairments, _start_of(first), now),
        days=[
            None if day < first and level == "operational" else level
            for day, level in zip(days, worst, strict=True)
        ],
    )


def _spans(db: Connection, status_page: Row, incidents: list[Row]) -> dict[str, list[Impairment]]:
    """Return when each incident was open: once more for each time that it was reopened."""
    ids = [incident["id"] for incident in incidents]
    begins = {incident["id"]: [incident["created_at"]] for incident in incidents}
    ends: dict[str, list[str]] = {id: [] for id in ids}
    for row in rows.reopenings(db, status_page["org_id"], ids):
        ends[row["incident_id"]].append(row["resolved_at"])
        begins[row["incident_id"]].append(row["reopened_at"])
    return {
        incident["id"]: [
            Impairment(
                level=levels.level_of(incident["severity"]),
                begins=parse_instant(began_at),
                ends=parse_instant(ended_at) if ended_at else None,
            )
            for began_at, ended_at in zip(
                begins[incident["id"]],
                [*ends[incident["id"]], incident["resolved_at"]],
                strict=True,
            )
        ]
        for incident in incidents
    }


def _by_incident(affected: Iterable[Row]) -> list[list[Row]]:
    """Return a list of rows for each incident, in the order in which the incidents come."""
    hits: dict[str, list[Row]] = {}
    for row in affected:
        hits.setdefault(row["id"], []).append(row)
    return list(hits.values())


def _with_entries(
    db: Connection, status_page: Row, incidents: list[list[Row]], max_updates: int
) -> list[Incident]:
    """Return the incidents with their entries; each comes as its rows of affected components."""
    entries = _entries(
        db, status_page["org_id"], [hits[0]["id"] for hits in incidents], max_updates
    )
    return [_incident(hits, *entries[hits[0]["id"]]) for hits in incidents]


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
    """Return each incident's entries, oldest first, and how many updates are left out.

    If a public update announced a status that the incident reached, both are one entry.
    """
    entries: dict[str, list[Entry]] = {id: [] for id in incident_ids}
    omitted = dict.fromkeys(incident_ids, 0)
    for row in rows.statuses(db, org_id, incident_ids):
        entry = Entry(row["id"], row["status"], None, row["changed_at"])
        entries[row["incident_id"]].append(entry)
    for row in rows.updates(db, org_id, incident_ids, limit=limit):
        entry = Entry(row["id"], row["status_change"], row["body"], row["posted_at"])
        of_one = entries[row["incident_id"]]
        of_one[_announced(of_one, entry)] = [entry]
        omitted[row["incident_id"]] = max(row["total"] - limit, 0)
    return {
        id: (sorted(of_one, key=lambda entry: entry.at), omitted[id])
        for id, of_one in entries.items()
    }


def _announced(entries: list[Entry], update: Entry) -> slice:
    """Return where the bare status is that the update announced, or else the end.

    It is the latest such status by then: an incident that is reopened reaches each again.
    """
    for n in reversed(range(len(entries))):
        entry = entries[n]
        if entry.body is None and entry.status == update.status and entry.at <= update.at:
            return slice(n, n + 1)
    return slice(len(entries), None)
