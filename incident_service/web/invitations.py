"""The page behind the link of an invitation, `/invitations/{token}`, to join by (contract §6)."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, make_response, request

from incident_service import clock
from incident_service.database.file import Database
from incident_service.errors import Conflict, NotFound
from incident_service.people import invitations
from incident_service.store import Row
from incident_service.web import rendering

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
def accept(token: str = "") -> Response:
    """Make the invited person a user, or show the form again with what is wrong in it."""
    request.max_content_length = MAX_FORM_BYTES
    typed = {name: request.form.get(name, "").strip() for name in ("first_name", "last_name")}
    faults = {name: fault for name, text in typed.items() if (fault := _fault(text))}
    if not typed["first_name"]:
        faults["first_name"] = "Please enter your first name."
    if faults:
        return _form(token, typed, faults)
    with _database().read() as db:  # so that a wrong link never waits for a turn to write
        invitation = invitations.find(db, token, now=clock.now())
    user = _database().write(
        invitations.accept, token, typed["first_name"], typed["last_name"] or None
    )
    return _welcome(user, invitation)


def _fault(name: str) -> str | None:
    """Return what is wrong with a name, or `None`."""
    if len(name) > MAX_NAME:
        return f"Please enter at most {MAX_NAME} characters."
    if "\0" in name:
        return "This has a character that cannot be kept. Please type it again."
    return None


def _form(token: str, typed: dict[str, str], faults: dict[str, str]) -> Response:
    """Return the form with what was typed so far. Raises `NotFound`."""
    with _database().read() as db:
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


def _welcome(user: Row, invitation: Row) -> Response:
    """Return what a new user is told. If they are to be signed in at once, it happens here."""
    return make_response(rendering.render("welcome.html", user=user, invitation=invitation))


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    return rendering.message_response(404, "This link does not work", error.message, _HINT)


@blueprint.errorhandler(Conflict)
def _refused(error: Conflict) -> Response:
    return rendering.message_response(409, "You were not added", _REFUSALS[error.code])


def _database() -> Database:
    database: Database = current_app.extensions["incident_service.database"]
    return database
