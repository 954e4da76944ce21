"""The report on being on call, as JSON and as a table: `/v1/reports/oncall` (contract §12)."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields

from incident_service import clock
from incident_service.api.reports import TABLE, ReportQuerySchema, blueprint, window_of
from incident_service.http.acting import caller, database
from incident_service.http.downloads import csv_file
from incident_service.http.fields import UUID
from incident_service.http.report_turns import report_turn
from incident_service.http.schemas import Schema
from incident_service.reports import on_call
from incident_service.reports.tables import csv_text


class OnCallReportQuerySchema(ReportQuerySchema):
    """The time to look back on, and maybe a schedule."""

    schedule_id = UUID()
    """Only the hours of this schedule, and the pages and acknowledgements of incidents of which it
    is the `ownerScheduleId`."""


class UserOnCallSchema(Schema):
    """What being on call took of one user."""

    user_id = fields.String()
    """The user; a deleted one too."""
    name = fields.String()
    """The user's first and last name, or else the email; a deleted user's as they were."""
    hours = fields.Float()
    """For how many hours the user owned a schedule, rounded to 0.0001. Who owned two at once has
    both counted. A deleted schedule counts up to its deletion."""
    night_hours = fields.Float()
    """How many of them were at night: when the clocks in the schedule's time zone of that time
    showed 22:00 or later, or earlier than 7:00. A night in which clocks change has an hour more or
    less."""
    weekend_hours = fields.Float()
    """How many of them were on a Saturday or a Sunday by the same clocks. An hour may be both at
    night and on a weekend."""
    pages = fields.Integer()
    """How many pages reached the user. All messages made for a user about an incident at the same
    moment are one page, and it counts when the first of them was sent. Pages of provisional
    incidents, messages that never arrived, and notices do not count."""
    night_pages = fields.Integer()
    """How many of them came at night, by the clocks of the incident's schedule; for an incident
    without one, by those of the organization."""
    acknowledged = fields.Integer()
    """How many incidents that opened in the window the user was the first to acknowledge."""
    acknowledge_median = fields.Float(allow_none=True)
    """How soon after the opening that was: the median in seconds, rounded to milliseconds; null if
    there is none."""


class OnCallReportSchema(Schema):
    """What being on call took of each user."""

    users = fields.List(fields.Nested(UserOnCallSchema))
    """All who were on call, were paged or acknowledged, by hours downward, then by name."""


@blueprint.route("/v1/reports/oncall", methods=["GET"])
@blueprint.arguments(OnCallReportQuerySchema, location="query")
@blueprint.error_codes("not_found", "busy")
@blueprint.response(200, OnCallReportSchema)
def report_on_call(query: dict[str, Any]) -> Any:
    """Return how long each user was on call, how often paged, and how soon they acknowledged."""
    return _on_call(query)


@blueprint.route("/v1/reports/oncall.csv", methods=["GET"])
@blueprint.arguments(OnCallReportQuerySchema, location="query")
@blueprint.error_codes("not_found", "busy")
@blueprint.response(200)
@blueprint.doc(responses={200: {"content": TABLE}})
def report_on_call_as_table(query: dict[str, Any]) -> Response:
    """Return the users of the report on being on call, as a table for spreadsheets."""
    return csv_file("oncall.csv", csv_text(*on_call.user_table(_on_call(query))))


def _on_call(query: dict[str, Any]) -> on_call.OnCallReport:
    window, now = window_of(query), clock.now()
    with report_turn(), database().read() as db:
        return on_call.report(db, caller(), window, query.get("schedule_id"), now=now)
