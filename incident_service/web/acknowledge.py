"""What the link in a page opens: `/a/{token}`, once `/ack/{token}`, to see and act (§8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import BadRequest

from incident_service import clock
from incident_service.errors import NotFound
from incident_service.http.acting import database
from incident_service.incidents import by_link, responder_view
from incident_service.web import rendering

MAX_FORM_BYTES = 4096

_HINT = "You can still acknowledge the incident through the API, or ask someone with a newer link."

_SNOOZES = {
    "30": "30 minutes",
    "60": "1 hour",
    "240": "4 hours",
    "720": "12 hours",
}
"""For how many minutes the page's buttons snooze, and what they say."""

_BUTTONS = {"status", "minutes", "escalate-from"}
"""The fields of the form; each button sends one of them, or none."""

blueprint = Blueprint("acknowledge", __name__, template_folder="templates")
rendering.protect_secret_path(blueprint)


# Any path below, so that a link that was copied badly also gets an answer for a person.
@blueprint.get("/a/", strict_slashes=False)
@blueprint.get("/a/<path:token>")
@blueprint.get("/ack/", strict_slashes=False)
@blueprint.get("/ack/<path:token>")
def show(token: str = "") -> str:
    """Show the incident, with buttons. Nothing changes, because link scanners come here too."""
    now = clock.now()
    with database().read() as db:
        view = responder_view.view(db, by_link.find(db, token, now=now))
    return _render(view, now)


@blueprint.post("/a/", strict_slashes=False)
@blueprint.post("/a/<path:token>")
@blueprint.post("/ack/", strict_slashes=False)
@blueprint.post("/ack/<path:token>")
def act(token: str = "") -> str:
    """Do as the link's user what the button says, and show the incident.

    The form's `status` is the status to move on to, `minutes` how long to snooze, and
    `escalate-from` where the policy stood when the next layer was asked for. Without any of them,
    the incident is acknowledged. Doing the same again changes nothing, or only for how long it is
    snoozed, so the answer is the page itself and not a redirect.
    """
    with database().read() as db:  # so that a wrong link never waits for a turn to write
        link = by_link.find(db, token, now=clock.now())
    request.max_content_length = MAX_FORM_BYTES
    wanted = _read_form(request.form)
    if wanted is None:
        raise BadRequest
    by_email = bool(current_app.extensions["incident_service.settings"].smtp_url)
    is_done = database().write(link.org_id, by_link.act, link, wanted, by_email)
    with database().read() as db:  # after the commit, so that no other write waits for it
        view = responder_view.view(db, link)
    if is_done:
        return _render(view, clock.now(), done=wanted)
    return _render(view, clock.now(), refused=wanted)


def _read_form(form: Mapping[str, str]) -> by_link.Act | None:
    """Return what the form asks for, or `None` if it is not one of this page's."""
    minutes = form.get("minutes")
    is_not_offered = minutes is not None and minutes not in _SNOOZES
    if is_not_offered or len(_BUTTONS & form.keys()) > 1:
        return None
    return by_link.Act(
        status=form.get("status"),
        minutes=int(minutes) if minutes is not None else None,
        escalate_from=form.get("escalate-from"),
    )


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    return rendering.message_response(404, "This link does not work", error.message, _HINT)


def _render(
    view: responder_view.View,
    now: datetime,
    *,
    done: by_link.Act | None = None,
    refused: by_link.Act | None = None,
) -> str:
    return rendering.render(
        "acknowledge.html",
        view=view,
        done=done,
        refused=refused,
        snoozes=_SNOOZES,
        now=now,
    )
