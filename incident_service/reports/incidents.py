"""How incidents went: how many, how soon acknowledged, how soon resolved (contract §12)."""

from __future__ import annotations

import itertools
from dataclasses import astuple, dataclass
from datetime import date
from typing import TypedDict
from zoneinfo import ZoneInfo

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.errors import InvalidRequest
from incident_service.people import organizations
from incident_service.people.caller import Caller
from incident_service.reports import weeks
from incident_service.reports.figures import Figures
from incident_service.reports.tables import Cell
from incident_service.reports.tally import Durations, Tally
from incident_service.reports.window import Window
from incident_service.severity import SEVERITIES, Severity
from incident_service.store import named
from incident_service.store import report_incidents as rows

MAX_INCIDENTS = 500_000
"""How many incidents a report reads, provisional ones included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some incidents: how many, and the seconds to their first acknowledgement and resolution."""

    count: int
    acknowledge: Figures
    resolve: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class OfSeverity(Part):
    """Those of a severity."""

    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class OfThing(Part):
    """Those of a component or of a schedule, which may be deleted."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OfWeek(Part):
    """Those of an ISO week in the organization's time zone, `2026-W48`, that begins on `monday`."""

    week: str
    monday: date
    severities: dict[Severity, int]
    """How many each severity has, the worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsReport(Part):
    """The incidents that opened in a window, without provisional ones.

    All severities, the worst first; those components and schedules that have some, those with most
    first; every week that the window touches, in order.
    """

    by_severity: list[OfSeverity]
    by_component: list[OfThing]
    by_schedule: list[OfThing]
    by_week: list[OfWeek]


def report(db: Connection, caller: Caller, window: Window) -> IncidentsReport:
    """Return how the incidents went that opened in the window.

    Raises `InvalidRequest` `too_many_incidents`.
    """
    org_id = caller.org_id
    zone = ZoneInfo(organizations.get(db, caller)["timezone"])
    mondays = list(weeks.mondays(window, zone))
    _check_number(db, org_id, window)
    tally = Tally()
    begin = (weeks.begins_at(monday, zone) for monday in mondays[1:])
    bounds = (format_instant(at) for at in (window.start, *begin, window.end))
    for since, before in itertools.pairwise(bounds):
        # All weeks at once would have to be sorted, which takes longer.
        tally.count_week(rows.cells(db, org_id, since, before))
    tally.count_affected(rows.affected(db, org_id, *tally.numbers()))
    return IncidentsReport(
        **_part(tally.all),
        by_severity=[
            OfSeverity(severity=severity, **_part(tally.of_severity[severity]))
            for severity in SEVERITIES
        ],
        by_component=_of_things(db, "components", org_id, tally.of_component),
        by_schedule=_of_things(db, "schedules", org_id, tally.of_schedule),
        by_week=[
            OfWeek(
                week=weeks.name(monday),
                monday=monday,
                severities={severity: numbers[severity] for severity in SEVERITIES},
                **_part(durations),
            )
            for monday, durations, numbers in zip(
                mondays, tally.of_week, tally.severities_of_week, strict=True
            )
        ],
    )


def week_table(report: IncidentsReport) -> tuple[list[str], list[list[Cell]]]:
    """Return the weeks as a table: its header and its rows."""
    measures = ("acknowledge", "resolve")
    of_each = [f"{measure}{figure}" for measure in measures for figure in ("Median", "Mean", "P90")]
    rows: list[list[Cell]] = []
    for part in report.by_week:
        figures = [*astuple(part.acknowledge), *astuple(part.resolve)]
        rows.append([part.week, part.count, *figures])
    return ["week", "count", *of_each], rows


def _check_number(db: Connection, org_id: str, window: Window) -> None:
    start, end = format_instant(window.start), format_instant(window.end)
    if rows.is_more_than(db, org_id, start, end, MAX_INCIDENTS):
        raise InvalidRequest(
            f"More than {MAX_INCIDENTS:,} incidents opened in that time. Choose a shorter window.",
            code="too_many_incidents",
        )


class _Told(TypedDict):
    """What a `Part` tells."""

    count: int
    acknowledge: Figures
    resolve: Figures


def _part(durations: Durations) -> _Told:
    return {
        "count": durations.count,
        "acknowledge": durations.acknowledge,
        "resolve": durations.resolve,
    }


def _of_things(
    db: Connection, table: named.Table, org_id: str, durations: dict[str, Durations]
) -> list[OfThing]:
    """Return the part of each component or schedule, those with most incidents first."""
    names = named.names(db, table, org_id, list(durations), with_deleted=True)
    parts = [OfThing(id=id, name=names[id], **_part(of)) for id, of in durations.items()]
    return sorted(parts, key=lambda part: (-part.count, part.name, part.id))
