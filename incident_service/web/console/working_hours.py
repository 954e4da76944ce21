"""Settings: working hours, `/settings/working-hours` (contract §5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, g, url_for
from werkzeug.wrappers import Response

from incident_service.api.working_hours import WorkingHoursBodySchema, WorkingHoursSchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database
from incident_service.oncall import working_hours
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, arguments, go, now, render

PAGE = 50

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

LABELS = {
    "name": "Name",
    "timezone": "Time zone",
    "windows": "Times of the week",
    "windows[].days": "Period {}: days",
    "windows[].start": "Period {}: from",
    "windows[].end": "Period {}: until",
}

pages = Blueprint("working_hours", __name__)


@pages.get("/settings/working-hours")
def show() -> str:
    """List the working hours by name, and whether it is within them now."""
    after = cursor.decode_name("working-hours", arguments().get("cursor"))
    with database().read() as db:
        found, end = working_hours.get_slice(db, caller(), after=after, limit=PAGE)
    listed = [{**each, "are_now": working_hours.are_now(each, now=now())} for each in found]
    more = cursor.encode("working-hours", end)
    return render("working_hours.html", hours=listed, more=more, in_words=in_words)


@pages.route("/settings/working-hours/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Make working hours."""
    office = {"days": [1, 2, 3, 4, 5], "start": "09:00", "end": "17:00"}
    form = Form(WorkingHoursBodySchema(), {"timezone": zone_name(), "windows": [office]})
    if form.is_sent and form.save(working_hours.create):
        return go(url_for(".show"), f"{form.result['name']} is there.")
    return render("working_hours_form.html", form=form, labels=LABELS, days=_days()), form.status


@pages.route("/settings/working-hours/<uuid_text:id>", methods=["GET", "POST"])
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change working hours."""
    with database().read() as db:
        hours = working_hours.get(db, caller(), id)
        uses = working_hours.uses(db, caller(), id)
    # The whole body, so that hours without any times are refused.
    form = Form(WorkingHoursBodySchema(), WorkingHoursSchema().dump(hours))
    if form.is_sent and form.save(working_hours.change, id):
        return go(url_for(".show"), f"{form.result['name']} is saved.")
    html = render(
        "working_hours_form.html",
        form=form,
        hours=hours,
        uses=uses,
        uses_at_most=working_hours.USES_AT_MOST,
        labels=LABELS,
        days=_days(),
    )
    return html, form.status


@pages.post("/settings/working-hours/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete working hours."""
    here, done = url_for(".edit", id=id), "The working hours are deleted."
    return act(working_hours.delete, id, back=here, then=url_for(".show"), done=done)


def zone_name() -> str:
    """Return the organization's time zone."""
    return str(g.organization["timezone"])


def in_words(window: Mapping[str, Any]) -> str:
    """Return a window as people write it: `Mon–Fri 09:00–17:00`."""
    next_day = ", ends the next day" if window["end"] <= window["start"] else ""
    return f"{_days_in_words(window['days'])} {window['start']}–{window['end']}{next_day}"


def _days_in_words(days: Sequence[int]) -> str:
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    if len(days) == len(DAYS):
        return "Every day"
    return ", ".join(part for run in runs for part in _run_in_words(run))


def _run_in_words(run: Sequence[int]) -> list[str]:
    names = [DAYS[day - 1] for day in run]
    return [f"{names[0]}–{names[-1]}"] if len(names) > 2 else names


def _days() -> list[tuple[int, str]]:
    return list(enumerate(DAYS, start=1))
