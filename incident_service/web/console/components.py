"""Settings: components, `/settings/components` (contract §6)."""

from __future__ import annotations

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.components import ComponentBodySchema, ComponentSchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database
from incident_service.paging import policies
from incident_service.status import components
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, arguments, go, now, render

PAGE = 50

LABELS = {
    "name": "Name",
    "groupLabel": "Group",
    "description": "Description",
    "aliases": "Other names",
    "escalationPolicyId": "Escalation policy",
}

pages = Blueprint("components", __name__)


@pages.get("/settings/components")
def show() -> str:
    """List the components by name."""
    after = cursor.decode_name("components", arguments().get("cursor"))
    with database().read() as db:
        listed, end = components.get_slice(db, caller(), after=after, limit=PAGE, now=now())
        ids = {component["escalation_policy_id"] for component in listed} - {None}
        named = policies.names(db, caller(), sorted(ids))
    more = cursor.encode("components", end)
    return render("components.html", components=listed, policies=named, more=more)


@pages.route("/settings/components/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Make a component."""
    form = Form(ComponentBodySchema())
    if form.is_sent and form.save(components.create):
        return go(url_for(".show"), f"{form.result['name']} is there.")
    return _form(form)


@pages.route("/settings/components/<uuid_text:id>", methods=["GET", "POST"])
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change a component."""
    with database().read() as db:
        component = components.get(db, caller(), id, now=now())
    form = Form(ComponentBodySchema(partial=True), ComponentSchema().dump(component))
    if form.is_sent and form.save(components.change, id):
        return go(url_for(".show"), f"{form.result['name']} is saved.")
    return _form(form, component)


@pages.post("/settings/components/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete a component."""
    return act(components.delete, id, back=url_for(".show"), done="The component is deleted.")


def _form(form: Form, component: object = None) -> tuple[str, int]:
    with database().read() as db:
        choices = [(row["id"], row["name"]) for row in policies.get_all(db, caller())]
    html = render("component.html", form=form, component=component, policies=choices, labels=LABELS)
    return html, form.status
