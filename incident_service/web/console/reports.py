"""Looking back: how incidents went, and what being on call took, `/reports` (contract §11, §12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response

from incident_service.api.oncall_report import OnCallReportQuerySchema
from incident_service.errors import RuleBroken, ValidationFailed
from incident_service.http.acting import caller, database
from incident_service.http.downloads import csv_file
from incident_service.http.parser import refuse
from incident_service.http.report_turns import report_turn
from incident_service.oncall import schedules
from incident_service.reports import incidents, on_call
from incident_service.reports.incidents import IncidentsReport
from incident_service.reports.on_call import OnCallReport
from incident_service.reports.tables import csv_text
from incident_service.reports.window import Window
from incident_service.severity import SEVERITIES
from incident_service.web.console import periods, report_plots
from incident_service.web.console.pages import arguments, now, render
from incident_service.web.plots import bars, durations, heat_map

MAX_ROWS = 50
"""How many people, components and schedules a table shows, the first."""

pages = Blueprint("reports", __name__)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the address asks for."""

    window: Window
    schedule_id: str | None


@pages.get("/reports")
def show() -> str | tuple[str, int]:
    """Show both reports, read at one moment, with their plots."""
    found: dict[str, Any] = {}
    faults: dict[str, Any] = {}
    with report_turn(), database().read() as db:
        try:
            asked = _asked()
            report = incidents.report(db, caller(), asked.window)
            duty = on_call.report(db, caller(), asked.window, asked.schedule_id, now=now())
            found = _shown(asked.window, report, duty)
        except ValidationFailed as error:
            faults = error.errors
        except RuleBroken as error:
            faults = {"": [error.message]}
        offered = [(row["id"], row["name"]) for row in schedules.get_all(db, caller())]
    html = render(
        "reports.html",
        given=arguments(),
        faults=faults,
        periods=periods.periods(periods.today(now())),
        schedules=offered,
        **found,
    )
    return html, 400 if faults else 200


@pages.get("/reports/incidents.csv")
def incidents_csv() -> Response:
    """Return the weeks of the report of incidents, as the API does."""
    asked = _asked()
    with report_turn(), database().read() as db:
        report = incidents.report(db, caller(), asked.window)
    return csv_file("incidents.csv", csv_text(*incidents.week_table(report)))


@pages.get("/reports/oncall.csv")
def on_call_csv() -> Response:
    """Return the people of the on-call report, as the API does."""
    asked = _asked()
    with report_turn(), database().read() as db:
        report = on_call.report(db, caller(), asked.window, asked.schedule_id, now=now())
    return csv_file("oncall.csv", csv_text(*on_call.user_table(report)))


def _asked() -> _Asked:
    """Return what the address asks for. Raises `ValidationFailed`."""
    try:
        query = OnCallReportQuerySchema().load(arguments())
    except ma.ValidationError as error:
        refuse(error)
    window = Window.between(query.get("from_"), query.get("to"), now=now())
    return _Asked(window, query.get("schedule_id"))


def _shown(window: Window, report: IncidentsReport, duty: OnCallReport) -> dict[str, Any]:
    """Return what the page shows of both reports."""
    burdened = report_plots.by_burden(duty)
    return {
        "window": window,
        "in_words": periods.in_words(window),
        "report": report,
        "duty": duty,
        "pages_sent": sum(user.pages for user in duty.users),
        "night_pages": sum(user.night_pages for user in duty.users),
        "burdened": burdened,
        "plots": {
            "by_week": report_plots.by_week(report),
            "acknowledge": report_plots.acknowledge(report),
            "resolve": report_plots.resolve(report),
            "nights": report_plots.nights_and_weekends(burdened),
            "pages": report_plots.pages_by_hour(duty),
        },
        "severities": SEVERITIES,
        "weekdays": heat_map.WEEKDAYS,
        "max_rows": MAX_ROWS,
        "max_people": bars.MAX_ROWS,
        "lasted_for": lambda seconds: "–" if seconds is None else durations.in_words(seconds),
        "hours": bars.hours,
    }
