"""What everybody can see of maintenance windows on a status page (contract §7)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from incident_service.clock import format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.store import Row, maintenance_windows
from incident_service.store import public_maintenance as rows

Progress = Literal["scheduled", "in_progress", "completed"]
"""How far maintenance is, in order."""

PROGRESS: tuple[Progress, ...] = get_args(Progress)


class NoSuchMaintenance(NotFound):
    """The status page does not show such a maintenance window."""


@dataclass(frozen=True, slots=True)
class AffectedComponent:
    """A component that something affects, and the status page shows or did until its deletion."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A public maintenance window, and which of the status page's components it affects.

    Instants are in UTC with milliseconds. `updated_at`: when it last changed, began or ended.
    """

    id: str
    title: str
    description: str | None
    status: Progress
    starts_at: str
    ends_at: str | None
    created_at: str
    updated_at: str
    components: list[AffectedComponent]


def recent(
    db: Connection, status_page: Row, *, since: datetime, now: datetime
) -> list[Maintenance]:
    """Return the status page's windows that end after `since`, the one that begins first first."""
    affected = rows.affected_components(
        db, status_page["org_id"], status_page["id"], since=since, now=now
    )
    return [
        _maintenance(list(hits), now)
        for _, hits in itertools.groupby(affected, lambda row: row["id"])
    ]


def one(db: Connection, status_page: Row, id: str, *, now: datetime) -> Maintenance:
    """Return a window of the status page, however old. Raises `NoSuchMaintenance`."""
    hits = rows.components_affected_by(db, status_page["org_id"], status_page["id"], id, now=now)
    if not hits:
        raise NoSuchMaintenance("There is no maintenance at this address.")
    return _maintenance(hits, now)


def unchanged(
    db: Connection, status_page: Row, start: datetime, end: datetime, *, now: datetime
) -> tuple[datetime, datetime]:
    """Return the longest span around `now`, in `start <= t < end`, in which no window turns.

    That is, none of the organization's public windows begins or ends after its first instant.
    """
    for text in maintenance_windows.public_turns(db, status_page["org_id"], start, end):
        turn = parse_instant(text)
        if turn > now:
            return start, turn
        start = turn
    return start, end


def _maintenance(hits: list[Row], now: datetime) -> Maintenance:
    row = hits[0]
    starts = parse_instant(row["starts_at_utc"])
    ends = parse_instant(row["ends_at_utc"]) if row["ends_at_utc"] else None
    turns = [format_instant(turn) for turn in (starts, ends) if turn is not None and turn <= now]
    return Maintenance(
        id=row["id"],
        title=row["title"],
        description=row["description"],
        status=PROGRESS[len(turns)],
        starts_at=format_instant(starts),
        ends_at=format_instant(ends) if ends else None,
        created_at=row["created_at"],
        updated_at=max([row["updated_at"], *turns]),
        components=[AffectedComponent(hit["component_id"], hit["component_name"]) for hit in hits],
    )
