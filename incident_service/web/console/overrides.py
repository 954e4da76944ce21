"""On call: one override, `/on-call/{scheduleId}/overrides/{overrideId}` (contract §4)."""

from __future__ import annotations

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.overrides import OverrideBodySchema, OverrideSchema
from incident_service.http.acting import caller, database, for_members
from incident_service.oncall import names, overrides, schedules
from incident_service.people import users
from incident_service.web.console import chooser
from incident_service.web.console.forms import Form, Raw, keep_untouched
from incident_service.web.console.pages import act, go, render

LABELS = {"userId": "Who", "startsAt": "From", "endsAt": "Until", "reason": "Reason"}

_SAID = {
    "override_overlaps": "Somebody else stands in for a part of this time already.",
    "override_over": "This is over, and stays as it was: only its reason can change.",
}
"""Rules that a change may break, for people."""

pages = Blueprint("overrides", __name__)


@pages.route("/on-call/<uuid_text:id>/overrides/<uuid_text:override_id>", methods=["GET", "POST"])
@for_members
def edit(id: str, override_id: str) -> str | Response | tuple[str, int]:
    """Change an override."""
    with database().read() as db:
        schedule = schedules.get(db, caller(), id)
        override = overrides.get(db, caller(), id, override_id)
        named = names.display_names(db, caller().org_id, [override["user_id"]])
        everyone = users.get_all(db, caller())
    people = chooser.people(everyone, users.display_name)
    shown = OverrideSchema().dump(override)

    def prepare(raw: Raw) -> Raw:
        people.take(raw, "userId")
        return keep_untouched(raw, shown, "startsAt", "endsAt")

    form = Form(OverrideBodySchema(partial=True), shown, prepare=prepare)
    is_clear = people.is_clear(form, ["userId"])
    if is_clear and form.is_sent and form.save(overrides.change, id, override_id):
        return go(url_for("console.on_call.one", id=id), "The override is changed.")
    if form.code in _SAID:
        form.faults, form.error = {}, _SAID[form.code]
    html = render(
        "override.html",
        schedule=schedule,
        override=override,
        name=named[override["user_id"]],
        form=form,
        people=people,
        labels=LABELS,
    )
    return html, form.status


@pages.post("/on-call/<uuid_text:id>/overrides/<uuid_text:override_id>/delete")
@for_members
def delete(id: str, override_id: str) -> Response:
    """Delete an override: from now on the layers say who is on call."""
    back = url_for("console.on_call.one", id=id)
    return act(overrides.delete, id, override_id, back=back, done="The override is deleted.")
