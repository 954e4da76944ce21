"""One alert, `/alerts/{id}`: what a tool said, and what became of it (contract §10)."""

from __future__ import annotations

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.alerts import reading
from incident_service.http.acting import caller, database, for_members
from incident_service.web.console.pages import act, render

pages = Blueprint("alerts", __name__)


@pages.get("/alerts/<uuid_text:id>")
def show(id: str) -> str:
    """Show an alert."""
    with database().read() as db:
        found = reading.get_with_names(db, caller(), id)
    return render("alert.html", alert=found)


@pages.post("/alerts/<uuid_text:id>/resolve")
@for_members
def resolve(id: str) -> Response:
    """Let it fire no more, though the tool did not say so."""
    return act(reading.resolve, id, back=url_for(".show", id=id), done="The alert is resolved.")
