"""Settings: routing policies, `/settings/routing` (contract §10)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.alerts import routing_policies
from incident_service.api.routing_policies import RoutingPolicyBodySchema, WholeRoutingPolicySchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database
from incident_service.paging import policies
from incident_service.people.organizations import DEFAULT_OUTCOMES
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, arguments, go, render

PAGE = 50

OUTCOMES = {
    "incident": ("Open an incident", "Pages people until somebody acknowledges."),
    "provisional_page": (
        "Page first, decide later",
        "Opens a provisional incident and pages: it counts only once somebody acts on it.",
    ),
    "notification": ("Send one message", "To whoever would be paged first. Nothing escalates."),
    "drop": ("Only record it", "Nobody is told."),
}
"""By outcome: what it is called, and what it does."""

LABELS = {
    "name": "Name",
    "description": "Description",
    "rules": "Rules",
    "rules[].severity": "Rule {}: severity",
    "rules[].outcome": "Rule {}: what becomes of alerts",
    "rules[].escalationPolicyId": "Rule {}: escalation policy",
}

pages = Blueprint("routing", __name__)


@pages.get("/settings/routing")
def show() -> str:
    """List the routing policies by name, with what each does."""
    after = cursor.decode_name("routing", arguments().get("cursor"))
    with database().read() as db:
        listed, end = routing_policies.get_slice(db, caller(), after=after, limit=PAGE)
    more = cursor.encode("routing", end)
    return render("routing.html", policies=listed, outcomes=OUTCOMES, more=more)


@pages.route("/settings/routing/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Make a routing policy."""
    rules = [
        {"severity": severity, "outcome": outcome} for severity, outcome in DEFAULT_OUTCOMES.items()
    ]
    form = Form(RoutingPolicyBodySchema(), {"rules": rules})
    if form.is_sent and form.save(routing_policies.create):
        return go(url_for(".show"), f"{form.result['name']} is there.")
    return _form(form)


@pages.route("/settings/routing/<uuid_text:id>", methods=["GET", "POST"])
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change a routing policy."""
    with database().read() as db:
        policy = routing_policies.get(db, caller(), id)
        uses = routing_policies.uses(db, caller(), id)
    form = Form(RoutingPolicyBodySchema(), WholeRoutingPolicySchema().dump(policy))
    if form.is_sent and form.save(routing_policies.replace, id):
        return go(url_for(".show"), f"{form.result['name']} is saved.")
    return _form(form, policy=policy, uses=uses)


@pages.post("/settings/routing/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete a routing policy."""
    here, done = url_for(".edit", id=id), "The routing policy is deleted."
    return act(routing_policies.delete, id, back=here, then=url_for(".show"), done=done)


def _form(form: Form, **values: Any) -> tuple[str, int]:
    with database().read() as db:
        choices = [(row["id"], row["name"]) for row in policies.get_all(db, caller())]
    html = render(
        "routing_form.html",
        form=form,
        labels=LABELS,
        outcomes=OUTCOMES,
        escalation=choices,
        uses_at_most=routing_policies.USES_AT_MOST,
        **values,
    )
    return html, form.status
