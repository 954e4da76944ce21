"""What people do about an incident on a page of its own: choose a person, edit it (contract §3)."""

from __future__ import annotations

from werkzeug.wrappers import Response

from incident_service.api.incident_actions import HandoffBodySchema, RespondersBodySchema
from incident_service.api.incidents import ComponentsBodySchema, EditBodySchema, IncidentSchema
from incident_service.http.acting import caller, database, for_members, settings
from incident_service.incidents import once, reading, responding
from incident_service.people import users
from incident_service.status import components
from incident_service.store import Row
from incident_service.web.console import incidents
from incident_service.web.console.forms import Form
from incident_service.web.console.incident_acts import (
    act_on,
    form_seen,
    page_of,
    pages,
    without_seen,
)
from incident_service.web.console.incidents import INCIDENT
from incident_service.web.console.pages import arguments, go, render
from incident_service.web.console.picking import (
    COMPONENTS_LISTED,
    PEOPLE_LISTED,
    SEVERITIES,
    on_call,
)

__all__ = ["pages"]


@pages.route(f"{INCIDENT}/hand-off", methods=["GET", "POST"])
@for_members
def hand_off(number: int) -> Response | str | tuple[str, int]:
    """Choose a new owner."""
    form = Form(HandoffBodySchema(), prepare=without_seen)
    if form.is_sent:
        values = form.read()
        if values is not None:
            done = "It is handed off. The new owner is paged."
            return act_on(number, once.hand_off, form_seen(), values["target_user_id"], done=done)
    return _people(number, form, "targetUserId")


@pages.route(f"{INCIDENT}/ask", methods=["GET", "POST"])
@for_members
def ask(number: int) -> Response | str | tuple[str, int]:
    """Ask somebody to help."""
    form = Form(RespondersBodySchema())
    if form.is_sent:
        values = form.read()
        if values is not None:
            by_email = bool(settings().smtp_url)
            done = "They are asked to help, and paged for it once."
            return act_on(
                number, responding.add_responders, values["user_ids"], by_email, done=done
            )
    return _people(number, form, "userIds")


@pages.route(f"{INCIDENT}/edit", methods=["GET", "POST"])
@for_members
def edit(number: int) -> Response | str | tuple[str, int]:
    """Change its title, description and severity, and what customers see."""
    id, incident = _incident(number)
    shown = IncidentSchema().dump({**incident, "affected_components": []})
    form = Form(EditBodySchema(partial=True), shown, prepare=without_seen)
    if form.is_sent and form.save(once.edit, id, form_seen()):
        if form.result:
            return go(page_of(number), "The incident is changed.")
        form.error = (
            "Nothing was saved: somebody changed it meanwhile. Save again if you still want to."
        )
    html = render(
        "incident_edit.html",
        incident=incident,
        form=form,
        seen=once.fields(incident),
        severities=SEVERITIES,
    )
    return html, form.status


@pages.route(f"{INCIDENT}/components", methods=["GET", "POST"])
@for_members
def set_components(number: int) -> Response | str | tuple[str, int]:
    """Choose the components that it affects."""
    id, incident = _incident(number)
    with database().read() as db:
        named = [row["id"] for row in reading.affected(db, incident)]
        seen = once.components(db, incident)
    form = Form(ComponentsBodySchema(), {"componentIds": named}, prepare=without_seen)
    if form.is_sent:
        values = form.read()
        if values is not None and form.run(
            once.set_components, id, form_seen(), values["component_ids"]
        ):
            if form.result:
                return go(page_of(number), "The components are saved.")
            form.error = "Nothing was saved: somebody changed them meanwhile."
    with database().read() as db:
        listed, is_more = components.choices(db, caller(), named, limit=COMPONENTS_LISTED)
    html = render(
        "incident_components.html",
        incident=incident,
        form=form,
        seen=seen,
        components=[(row["id"], row["name"]) for row in listed],
        more=is_more,
    )
    return html, form.status


def _people(number: int, form: Form, name: str) -> tuple[str, int]:
    """Return the page on which one chooses a person; `name`: of the field."""
    text = arguments().get("q", "")
    id, incident = _incident(number)
    with database().read() as db:
        listed, is_more = users.search(db, caller(), text, limit=PEOPLE_LISTED)
        duty = on_call(db)
        asked = {row["user_id"] for row in reading.responders_of(db, caller(), id)}
    html = render(
        "incident_people.html",
        incident=incident,
        form=form,
        field=name,
        is_handoff=name == "targetUserId",
        on_call=duty,
        people=listed,
        more=is_more,
        asked=asked if name == "userIds" else set(),
        seen=once.ownership(incident),
        text=text,
    )
    return html, form.status


def _incident(number: int) -> tuple[str, Row]:
    with database().read() as db:
        id = incidents.id_of(db, number)
        return id, reading.find(db, caller(), id)
