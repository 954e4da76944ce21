"""Settings: the organization, `/settings/organization` (contract §6)."""

from __future__ import annotations

from flask import Blueprint, g, url_for
from werkzeug.wrappers import Response

from incident_service.api.organization import OrganizationBodySchema, OrganizationSchema
from incident_service.http.acting import caller, database
from incident_service.paging import policies
from incident_service.people import organizations
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import go, render

LABELS = {
    "name": "Name",
    "timezone": "Time zone",
    "defaultEscalationPolicyId": "Default escalation policy",
}

pages = Blueprint("organization", __name__)


@pages.route("/settings/organization", methods=["GET", "POST"])
def edit() -> str | Response | tuple[str, int]:
    """Change the organization's name, time zone and default escalation policy."""
    values = OrganizationSchema().dump(g.organization)
    form = Form(OrganizationBodySchema(partial=True), values)
    if form.is_sent and form.save(organizations.change):
        return go(url_for(".edit"), "The organization is saved.")
    with database().read() as db:
        choices = [(row["id"], row["name"]) for row in policies.get_all(db, caller())]
    return render("organization.html", form=form, labels=LABELS, policies=choices), form.status
