"""The page behind the link that acknowledges an incident: `/ack/{token}` (contract §8)."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, current_app, make_response

from incident_service import acklink, clock, users
from incident_service.db import Database
from incident_service.errors import NotFound
from incident_service.web import pages

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
@blueprint.get("/ack/", defaults={"token": ""}, strict_slashes=False)
@blueprint.get("/ack/<path:token>")
def show(token: str) -> Response:
    """Show the incident, with a button. Nothing changes: link scanners come here too."""
    now = clock.now()
    with _database().read() as db:
        view = acklink.look(db, token, now=now)
    return _incident_page(view, now)


@blueprint.post("/ack/", defaults={"token": ""}, strict_slashes=False)
@blueprint.post("/ack/<path:token>")
def acknowledge(token: str) -> Response:
    """Acknowledge the incident as the link's user, and show it."""
    now = clock.now()
    with _database().read() as db:
        acklink.look(db, token, now=now)  # so that a wrong link never waits among the writers
    return _incident_page(_database().write(acklink.acknowledge, token, now=now), now)


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    return response


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    return pages.message_page(404, "This link does not work", error.message, _HINT)


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    return pages.error_page(error)


def _database() -> Database:
    found: Database = current_app.extensions["incident_service.database"]
    return found


def _incident_page(view: acklink.View, now: datetime) -> Response:
    incident = view.incident
    by = incident["acknowledged_by"]
    page = pages.render(
        "acknowledge.html",
        incident=incident,
        you=users.display_name(view.user),
        acknowledged_by_you=by == view.link.user_id,
        acknowledger=users.display_name(view.acknowledger) if view.acknowledger else by,
        now=now,
    )
    return make_response(page)
