"""The page behind a page's link, `/a/{token}` (earlier: `/ack/{token}`): see and act (§8)."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, request
from werkzeug.exceptions import HTTPException

from incident_service import clock
from incident_service.database.file import Database
from incident_service.errors import NotFound
from incident_service.incidents import by_link, responder_view
from incident_service.web import pages

MAX_FORM_BYTES = 4096

_HEADERS = {
    **pages.HEADERS,
    # The path is a secret.
    "X-Robots-Tag": "noindex",
}

_HINT = (
    "An incident can always be acknowledged through the API, or by someone who has a newer page."
)

blueprint = Blueprint("acknowledge", __name__, template_folder="templates")


# Any path below, so that a link that was copied badly gets an answer for a person too.
@blueprint.get("/a/", strict_slashes=False)
@blueprint.get("/a/<path:token>")
@blueprint.get("/ack/", strict_slashes=False)
@blueprint.get("/ack/<path:token>")
def show(token: str = "") -> Response:
    """Show the incident, with buttons. Nothing changes: link scanners come here too."""
    return _incident_page(token)


@blueprint.post("/a/", strict_slashes=False)
@blueprint.post("/a/<path:token>")
@blueprint.post("/ack/", strict_slashes=False)
@blueprint.post("/ack/<path:token>")
def act(token: str = "") -> Response:
    """Do as the link's user what the button says, and show the incident.

    That is to move it on to the form's `status`, or to acknowledge it if there is none.
    """
    with _database().read() as db:
        by_link.find(db, token, now=clock.now())  # so that a wrong link never waits among writers
    request.max_content_length = MAX_FORM_BYTES
    status = request.form.get("status")
    was_done = _database().write(by_link.act, token, status)
    return _incident_page(token, is_too_late=not was_done)


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    return pages.message_page(404, "This link does not work", error.message, _HINT)


@blueprint.errorhandler(HTTPException)
def _refused(error: HTTPException) -> Response:
    return pages.message_page(error.code or 400, "This was not understood", "Nothing was changed.")


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    return pages.error_page(error)


def _database() -> Database:
    found: Database = current_app.extensions["incident_service.database"]
    return found


def _incident_page(token: str, *, is_too_late: bool = False) -> Response:
    now = clock.now()
    with _database().read() as db:
        view = responder_view.view(db, by_link.find(db, token, now=now))
    page = pages.render("acknowledge.html", view=view, is_too_late=is_too_late, now=now)
    return make_response(page)
