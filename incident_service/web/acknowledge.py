"""The page behind the link that acknowledges an incident: `/ack/{token}` (contract §8)."""

from __future__ import annotations

import base64
import hashlib
import logging
from datetime import datetime, timedelta
from importlib.resources import files

from flask import Blueprint, Response, current_app, make_response, render_template
from markupsafe import Markup

from incident_service import acklink, clock, users
from incident_service.clock import parse_instant
from incident_service.db import Database
from incident_service.errors import NotFound, Unavailable
from incident_service.middleware import request_id

_log = logging.getLogger("incident_service.errors")

_STYLE = files("incident_service.web").joinpath("style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

_HEADERS = {
    # The path is a secret, and the page may change at any moment.
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
}

RETRY_AFTER_SECONDS = "1"

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
    return _error_page(404, "This link does not work", error.message)


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    _log.error("a page failed", exc_info=error, extra={"requestId": request_id()})
    if isinstance(error, Unavailable):
        response = _error_page(503, "Not just now", "Nothing was changed. Please try again.")
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
        return response
    return _error_page(500, "Something went wrong", "An unexpected error occurred on our side.")


def _database() -> Database:
    found: Database = current_app.extensions["incident_service.database"]
    return found


def _incident_page(view: acklink.View, now: datetime) -> Response:
    incident = view.incident
    by = incident["acknowledged_by"]
    return _page(
        "acknowledge.html",
        incident=incident,
        you=users.display_name(view.user),
        acknowledged_by_you=by == view.link.user_id,
        acknowledger=users.display_name(view.acknowledger) if view.acknowledger else by,
        now=now,
    )


def _error_page(status: int, heading: str, message: str) -> Response:
    response = _page("error.html", heading=heading, message=message, request_id=request_id())
    response.status_code = status
    return response


def _page(template: str, **values: object) -> Response:
    return make_response(render_template(template, style=Markup(_STYLE), **values))


@blueprint.app_template_filter("ago")
def _ago(at: str, now: datetime) -> str:
    """Return how long ago an instant was, in the largest whole unit."""
    minutes = max(now - parse_instant(at), timedelta()) // timedelta(minutes=1)
    for size, unit in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
