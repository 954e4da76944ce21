"""On call: make, change and delete schedules (contract §4)."""

from __future__ import annotations

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.schedules import ScheduleBodySchema, ScheduleSchema
from incident_service.clock import time_zones
from incident_service.http.acting import caller, database, for_admins
from incident_service.oncall import schedules
from incident_service.store import Row
from incident_service.web.console import zones
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, go, render

LABELS = {"name": "Name", "description": "Description", "timezone": "Time zone"}

pages = Blueprint("schedules", __name__)


@pages.route("/on-call/new", methods=["GET", "POST"])
@for_admins
def new() -> Response | tuple[str, int]:
    """Make a schedule; its first layer is next."""
    form = Form(ScheduleBodySchema(), {"timezone": zones.zone().key})
    if form.is_sent and form.save(schedules.create):
        made = form.result
        done = f"{made['name']} is there. Now say who takes turns on it."
        return go(url_for("console.layers.new", id=made["id"]), done)
    return _form(form, None, [])


@pages.route("/on-call/<uuid_text:id>/edit", methods=["GET", "POST"])
@for_admins
def edit(id: str) -> Response | tuple[str, int]:
    """Change a schedule; its layers stay."""
    with database().read() as db:
        schedule = schedules.get(db, caller(), id)
        paged_by = schedules.policies_of(db, caller(), id)
    form = Form(ScheduleBodySchema(), ScheduleSchema().dump(schedule))
    if form.is_sent and form.save(schedules.replace, id):
        return go(url_for("console.on_call.one", id=id), f"{form.result['name']} is saved.")
    return _form(form, schedule, paged_by)


@pages.post("/on-call/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete a schedule that no policy pages; else the page says which do."""
    back, then = url_for(".edit", id=id), url_for("console.on_call.show")
    return act(schedules.delete, id, back=back, then=then, done="The schedule is deleted.")


def _form(form: Form, schedule: Row | None, paged_by: list[Row]) -> tuple[str, int]:
    html = render(
        "schedule_form.html",
        form=form,
        schedule=schedule,
        paged_by=paged_by,
        labels=LABELS,
        zones=[(name, name) for name in sorted(time_zones())],
    )
    return html, form.status
