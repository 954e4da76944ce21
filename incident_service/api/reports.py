"""Reports, as JSON and as tables for spreadsheets: `/v1/reports` (contract §12)."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields, validate

from incident_service import clock
from incident_service.http.acting import caller, database
from incident_service.http.blueprint import Blueprint
from incident_service.http.downloads import CSV, csv_file
from incident_service.http.fields import UUID, QueryDay
from incident_service.http.report_turns import report_turn
from incident_service.http.schemas import QuerySchema, Schema
from incident_service.reports import incidents
from incident_service.reports.tables import csv_text
from incident_service.reports.window import Window
from incident_service.severity import SEVERITIES

blueprint = Blueprint("reports", description="How incidents went, and what being on call took.")

TABLE = {CSV: {"schema": {"type": "string"}}}
"""What the API's description says of an answer that is a table."""


class ReportQuerySchema(QuerySchema):
    """The time to look back on: up to 366 days."""

    from_ = QueryDay(data_key="from", end=False)
    """The first instant of it. A date means its first moment in UTC. The default is 28 days before
    the last instant."""
    to = QueryDay(end=True)
    """The last instant of it. A date means its last moment in UTC. The default is now; nothing that
    is to come counts."""


def window_of(query: dict[str, Any]) -> Window:
    """Return the window that a query asks for. Raises `ValidationFailed`."""
    return Window.between(query.get("from_"), query.get("to"), now=clock.now())


class FiguresSchema(Schema):
    """What is usual of some durations, in seconds, rounded to milliseconds; null if there are none.

    An incident counts from its opening.
    """

    median = fields.Float(allow_none=True)
    """Half of them took no longer: the one in the middle, or the mean of the two in the middle."""
    mean = fields.Float(allow_none=True)
    """Their sum divided by their number."""
    p90 = fields.Float(allow_none=True)
    """The shortest of them that at least nine in ten did not exceed (nearest rank)."""


class PartSchema(Schema):
    """Some incidents."""

    count = fields.Integer()
    """How many there are."""
    acknowledge = fields.Nested(FiguresSchema)
    """How soon they were first acknowledged, from the opening; those never acknowledged are left
    out. What comes after, such as a handoff or the end of a snooze, changes nothing."""
    resolve = fields.Nested(FiguresSchema)
    """How soon they were resolved, from the opening to the last time; those that are not resolved
    now are left out, and so are those that were reopened since."""


class SeverityPartSchema(PartSchema):
    """The incidents of a severity."""

    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """The severity that they have now."""


class ComponentPartSchema(PartSchema):
    """The incidents that affect a component."""

    component_id = UUID(attribute="id")
    """The component."""
    name = fields.String()
    """What it is called; a deleted one, as it was."""


class SchedulePartSchema(PartSchema):
    """The incidents of a schedule."""

    schedule_id = UUID(attribute="id")
    """The schedule: the `ownerScheduleId` of the incidents."""
    name = fields.String()
    """What it is called; a deleted one, as it was."""


class WeekPartSchema(PartSchema):
    """The incidents that opened in a week, as far as it is in the window."""

    week = fields.String(metadata={"pattern": "^[0-9]{4}-W[0-9]{2}$"})
    """The ISO week, from Monday to Sunday in the organization's time zone: `2026-W48`."""


class IncidentsReportSchema(PartSchema):
    """The incidents that opened in the window. Provisional ones do not count."""

    by_severity = fields.List(fields.Nested(SeverityPartSchema))
    """Those of each severity, the worst first; all four are there."""
    by_component = fields.List(fields.Nested(ComponentPartSchema))
    """Those of each component that some affect now, those with most first, then by name. An
    incident is in the entry of each component that it affects, or in none."""
    by_schedule = fields.List(fields.Nested(SchedulePartSchema))
    """Those of each schedule that has some, those with most first, then by name. An incident
    without a schedule is in none."""
    by_week = fields.List(fields.Nested(WeekPartSchema))
    """Those of each week that the window touches, in order; weeks without an incident too."""


_FIGURES = {
    "count": 3,
    "acknowledge": {"median": 95.5, "mean": 95.5, "p90": 120.25},
    "resolve": {"median": 1800.0, "mean": 2460.333, "p90": 4500.0},
}
"""Of three incidents, of which two were acknowledged and all were resolved."""

_NONE = {"median": None, "mean": None, "p90": None}

_EXAMPLE = {
    **_FIGURES,
    "bySeverity": [
        {"severity": "critical", **_FIGURES},
        *(
            {"severity": severity, "count": 0, "acknowledge": _NONE, "resolve": _NONE}
            for severity in ("high", "medium", "low")
        ),
    ],
    "byComponent": [
        {"componentId": "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "name": "Payments API", **_FIGURES}
    ],
    "bySchedule": [
        {"scheduleId": "f47ac10b-58cc-4372-a567-0e02b2c3d479", "name": "Payments", **_FIGURES}
    ],
    "byWeek": [
        {"week": "2026-W47", "count": 0, "acknowledge": _NONE, "resolve": _NONE},
        {"week": "2026-W48", **_FIGURES},
    ],
}


@blueprint.route("/v1/reports/incidents", methods=["GET"])
@blueprint.arguments(ReportQuerySchema, location="query")
@blueprint.error_codes("too_many_incidents", "busy")
@blueprint.response(200, IncidentsReportSchema, example={"data": _EXAMPLE})
def report_incidents(query: dict[str, Any]) -> Any:
    """Return how many incidents there were, how soon acknowledged and how soon resolved."""
    return _incidents(query)


@blueprint.route("/v1/reports/incidents.csv", methods=["GET"])
@blueprint.arguments(ReportQuerySchema, location="query")
@blueprint.error_codes("too_many_incidents", "busy")
@blueprint.response(200)
@blueprint.doc(responses={200: {"content": TABLE}})
def report_incidents_as_table(query: dict[str, Any]) -> Response:
    """Return the weeks of the report on incidents, as a table for spreadsheets."""
    return csv_file("incidents.csv", csv_text(*incidents.week_table(_incidents(query))))


def _incidents(query: dict[str, Any]) -> incidents.IncidentsReport:
    window = window_of(query)
    with report_turn(), database().read() as db:
        return incidents.report(db, caller(), window)
