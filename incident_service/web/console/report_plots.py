"""What the page of reports draws of each: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from incident_service.reports.incidents import IncidentsReport
from incident_service.reports.on_call import OnCallReport, UserOnCall
from incident_service.severity import SEVERITIES
from incident_service.web.plots import bars, columns, heat_map, lines
from incident_service.web.plots.bars import Person
from incident_service.web.plots.columns import Part


def by_week(report: IncidentsReport) -> Markup:
    """Draw how many incidents each week had, by severity, the worst at the bottom."""
    weeks = report.by_week
    parts = [Part(each, [week.severities.get(each, 0) for week in weeks]) for each in SEVERITIES]
    return columns.draw("by-week", "Incidents by week", [week.monday for week in weeks], parts)


def acknowledge(report: IncidentsReport) -> Markup:
    """Draw how soon incidents were acknowledged, by week."""
    return lines.draw(
        "acknowledge",
        "Time to acknowledge, by week",
        [week.monday for week in report.by_week],
        [week.acknowledge.median for week in report.by_week],
        [week.acknowledge.p90 for week in report.by_week],
    )


def resolve(report: IncidentsReport) -> Markup:
    """Draw how soon incidents were resolved, by week."""
    return lines.draw(
        "resolve",
        "Time to resolve, by week",
        [week.monday for week in report.by_week],
        [week.resolve.median for week in report.by_week],
        [week.resolve.p90 for week in report.by_week],
    )


def by_burden(report: OnCallReport) -> list[UserOnCall]:
    """Return who had hours at night or at weekends, those with most nights first."""
    burdened = [user for user in report.users if user.night_hours or user.weekend_hours]
    return sorted(burdened, key=lambda user: (-user.night_hours, -user.weekend_hours))


def nights_and_weekends(burdened: Sequence[UserOnCall]) -> Markup:
    """Draw the hours at night and at weekends of people."""
    people = [Person(user.name, user.night_hours, user.weekend_hours) for user in burdened]
    return bars.draw("nights", "Hours at night and at weekends, by person", people)


def pages_by_hour(report: OnCallReport) -> Markup:
    """Draw how many pages there were at each hour of the week."""
    return heat_map.draw("pages", "Pages by hour and weekday", report.pages_by_hour)
