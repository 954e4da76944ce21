"""The page behind the link of an invitation, `/invitations/{token}`, to join by (contract §6)."""

from __future__ import annotations

from flask import (
    Blueprint,
    Response,
    flash,
    make_response,
    redirect,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from incident_service import clock
from incident_service.errors import Conflict, NotFound
from incident_service.http.acting import database
from incident_service.people import invitations
from incident_service.web import rendering
from incident_service.web.console import session_cookie
from incident_service.web.console.pages import Forged, check_forgery

MAX_FORM_BYTES = 64 * 1024
"""Much more than two names, so that a name which is too long is told from what is no form."""

MAX_NAME = 255

_HINT = "Ask an admin of your organization to invite you again."

_REFUSALS = {
    "email_taken": "A member of the organization has your email address already. If that is you, "
    "you need no invitation.",
    "too_many_users": "The organization has as many members as it may have. Tell whoever invited "
    "you.",
}

blueprint = Blueprint("invitations", __name__, template_folder="templates")
rendering.protect_secret_path(blueprint)


# Any path below, so that a link that was copied badly also gets an answer for a person.
@blueprint.get("/invitations/", strict_slashes=False)
@blueprint.get("/invitations/<path:token>")
def show(token: str = "") -> Response:
    """Show who invites to what, and a form. Nothing changes: link scanners come here too."""
    return _form(token, {}, {})


@blueprint.post("/invitations/", strict_slashes=False)
@blueprint.post("/invitations/<path:token>")
def accept(token: str = "") -> AnyResponse:
    """Make the invited person a user, or show the form again with what is wrong in it."""
    with database().read() as db:  # so that a wrong link never waits for a turn to write
        invitation = invitations.find(db, token, now=clock.now())
    check_forgery(MAX_FORM_BYTES)
    typed = {name: request.form.get(name, "").strip() for name in ("first_name", "last_name")}
    faults = {name: fault for name, text in typed.items() if (fault := _fault(text))}
    if not typed["first_name"]:
        faults["first_name"] = "Please enter your first name."
    if faults:
        return _form(token, typed, faults)
    session = database().write(
        invitation["org_id"],
        invitations.join,
        token,
        typed["first_name"],
        typed["last_name"] or None,
        request.headers.get("User-Agent"),
    )
    session_cookie.begin(session["token"])
    flash(f"Welcome, {typed['first_name']}. Add a way to reach you: see Me.", "done")
    return redirect(url_for("console.home.show"), 303)


def _fault(name: str) -> str | None:
    """Return what is wrong with a name, or `None`."""
    if len(name) > MAX_NAME:
        return f"Please enter at most {MAX_NAME} characters."
    if "\0" in name:
        return "This has a character that cannot be kept. Please type it again."
    return None


def _form(token: str, typed: dict[str, str], faults: dict[str, str]) -> Response:
    """Return the form with what was typed so far. Raises `NotFound`."""
    with database().read() as db:
        invitation = invitations.find(db, token, now=clock.now())
        inviter = invitations.inviter(db, invitation)
    html = rendering.render(
        "invitation.html",
        invitation=invitation,
        inviter=inviter,
        typed=typed,
        faults=faults,
        max_name=MAX_NAME,
    )
    return make_response(html, 400 if faults else 200)


@blueprint.errorhandler(Forged)
def _forged(error: Forged) -> Response:
    return rendering.message_response(400, "This was not understood", error.description or "")


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    return rendering.message_response(404, "This link does not work", error.message, _HINT)


@blueprint.errorhandler(Conflict)
def _refused(error: Conflict) -> Response:
    return rendering.message_response(409, "You were not added", _REFUSALS[error.code])
