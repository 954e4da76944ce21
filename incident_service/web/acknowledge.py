"""What the link in a page opens: `/a/{token}`, once `/ack/{token}`, to see and act (§8)."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from incident_service import clock
from incident_service.database.file import Database
from incident_service.errors import NotFound
from incident_service.incidents import by_link, responder_view
from incident_service.web import rendering

MAX_FORM_BYTES = 4096

_HEADERS = {
    **rendering.HEADERS,
    # The path is a secret.
    "X-Robots-Tag": "noindex",
}

_HINT = "You can still acknowledge the incident through the API, or ask someone with a newer link."

blueprint = Blueprint("acknowledge", __name__, template_folder="templates")


# Any path below, so that a link that was copied badly also gets an answer for a person.
@blueprint.get("/a/", strict_slashes=False)
@blueprint.get("/a/<path:token>")
@blueprint.get("/ack/", strict_slashes=False)
@blueprint.get("/ack/<path:token>")
def show(token: str = "") -> str:
    """Show the incident, with buttons. Nothing changes, because link scanners come here too."""
    now = clock.now()
    with _database().read() as db:
        view = responder_view.view(db, by_link.find(db, token, now=now))
    return _render(view, now)


@blueprint.post("/a/", strict_slashes=False)
@blueprint.post("/a/<path:token>")
@blueprint.post("/ack/", strict_slashes=False)
@blueprint.post("/ack/<path:token>")
def act(token: str = "") -> str:
    """Do as the link's user what the button says, and show the incident.

    The form's `status` is the status to move on to; without one, the incident is acknowledged.
    Doing the same again changes nothing, so the answer is the page itself and not a redirect.
    """
    with _database().read() as db:  # so that a wrong link never waits for a turn to write
        link = by_link.find(db, token, now=clock.now())
    request.max_content_length = MAX_FORM_BYTES
    status = request.form.get("status")
    is_done = _database().write(by_link.act, link, status)
    with _database().read() as db:  # after the commit, so that no other write waits for it
        view = responder_view.view(db, link)
    return _render(view, clock.now(), is_too_late=not is_done)


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    return rendering.message_response(404, "This link does not work", error.message, _HINT)


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> Response:
    return rendering.message_response(
        error.code or 400, "This was not understood", "Nothing was changed."
    )


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    return rendering.error_response(error)


def _database() -> Database:
    database: Database = current_app.extensions["incident_service.database"]
    return database


def _render(view: responder_view.View, now: datetime, *, is_too_late: bool = False) -> str:
    return rendering.render("acknowledge.html", view=view, is_too_late=is_too_late, now=now)
