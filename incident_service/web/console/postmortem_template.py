"""Settings: what new post-mortems start from, `/settings/postmortem-template` (contract §12)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.postmortems import TemplateBodySchema
from incident_service.database.engine import Connection
from incident_service.http.acting import caller, database
from incident_service.incidents import postmortems
from incident_service.incidents.postmortem_draft import PLACEHOLDERS
from incident_service.people.caller import Caller
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, go, render

pages = Blueprint("postmortem_template", __name__)


@pages.route("/settings/postmortem-template", methods=["GET", "POST"])
def edit() -> str | Response | tuple[str, int]:
    """Change what new post-mortems start from."""
    with database().read() as db:
        found = postmortems.template(db, caller())
    form = Form(TemplateBodySchema(), {"body": found["body"]})
    if form.is_sent and form.save(_save):
        return go(url_for(".edit"), "The template is saved.")
    html = render("postmortem_template.html", form=form, stored=found, placeholders=PLACEHOLDERS)
    return html, form.status


@pages.post("/settings/postmortem-template/delete")
def delete() -> Response:
    """Go back to the template that comes with the service."""
    done = "New post-mortems start from the template that comes with the service again."
    return act(postmortems.delete_template, back=url_for(".edit"), done=done)


def _save(db: Connection, who: Caller, values: dict[str, Any], **at: Any) -> Any:
    return postmortems.save_template(db, who, values["body"], **at)
