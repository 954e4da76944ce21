"""Signing in by OpenID Connect: to the provider, back from it, and into one organization (§11)."""

from __future__ import annotations

import dataclasses
import hmac
import logging
import secrets
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    g,
    make_response,
    redirect,
    request,
    url_for,
)
from flask import session as cookie
from werkzeug.wrappers import Response as AnyResponse

from incident_service import clock
from incident_service.config import Settings
from incident_service.errors import Busy, NotFound
from incident_service.http.acting import database
from incident_service.http.middleware import request_id
from incident_service.people import sessions, users
from incident_service.store import Row
from incident_service.web.console import pages, session_cookie
from incident_service.web.console.oidc_provider import Attempted, Provider, SignInFailed
from incident_service.web.console.where import safe_next

MAX_FORM_BYTES = 4096

SECONDS_AWAY = 600
"""How long a person may take at the provider, and afterwards to choose an organization."""

_ATTEMPT = "oidc"
_CHOICE = "oidc_choice"
"""What the cookie holds between two steps. It is signed, and one browser's."""

_NOT_HERE = "This service does not sign in by OpenID Connect."
_NOT_BEGUN = (
    "This sign-in was not begun in this browser, it took more than 10 minutes, or it was already "
    "finished. Please begin again, at {url}."
)
_CANCELLED = "The sign-in provider did not sign you in. You can try again."
_UNKNOWN = (
    "Nobody here has the email address {email}, which the sign-in provider says is yours. Ask an "
    "admin of your organization to invite you with exactly this address."
)

_log = logging.getLogger("incident_service.oidc")

blueprint = Blueprint("oidc", __name__)
pages.protect(blueprint)


@blueprint.before_request
def _note_the_time() -> None:
    g.now = clock.now()


def configure(app: Flask, settings: Settings) -> None:
    """Give the application its provider, if there is one."""
    provider = None
    if settings.oidc_issuer:
        callback = f"{settings.public_url}/sign-in/oidc/callback"
        provider = Provider(
            settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret, callback
        )
    app.extensions["incident_service.oidc"] = provider


def is_offered() -> bool:
    """Whether people can sign in by OpenID Connect."""
    return current_app.extensions["incident_service.oidc"] is not None


# A link leads here, and not a form: the policy of our pages lets no form end at another host.
@blueprint.get("/sign-in/oidc")
def begin() -> AnyResponse:
    """Go to the provider. `next` is where to go once signed in."""
    now = clock.now()
    url, attempted = _provider().begin(now=now)
    cookie.pop(_CHOICE, None)  # both would not fit
    cookie[_ATTEMPT] = {
        **dataclasses.asdict(attempted),
        "next": safe_next(request.args.get("next", "")),
        "until": now.timestamp() + SECONDS_AWAY,
    }
    return redirect(url, 303)


@blueprint.get("/sign-in/oidc/callback")
def finish() -> AnyResponse:
    """Sign in the person who comes back from the provider, once they have one organization."""
    now = clock.now()
    provider = _provider()
    kept = _take(_ATTEMPT, "state", request.args.get("state", ""), now)
    attempted = Attempted(kept["state"], kept["nonce"], kept["verifier"])
    if "code" not in request.args:
        error = request.args.get("error", "no code")
        raise SignInFailed(_CANCELLED, 400) from (
            None if error == "access_denied" else ValueError(f"the provider says {error[:200]!r}")
        )
    try:
        email = provider.finish(attempted, request.args["code"], request.args.get("iss"), now=now)
    except Busy:
        cookie[_ATTEMPT] = kept  # nothing was used: to load the page again goes on
        raise
    found = _users(email)
    if not found:
        raise SignInFailed(_UNKNOWN.format(email=email), 403)
    if len(found) == 1:
        return _sign_in(found[0], kept["next"])
    cookie[_CHOICE] = {
        "form": secrets.token_urlsafe(32),
        "email": email,
        "next": kept["next"],
        "until": now.timestamp() + SECONDS_AWAY,
    }
    return redirect(url_for("oidc.choose"), 303)


@blueprint.get("/sign-in/oidc/organization")
def choose() -> Response:
    """Show the organizations in which the person has a user."""
    choice = _pending(_CHOICE, clock.now())
    html = pages.render(
        "choose_organization.html", users=_users(choice["email"]), form=choice["form"]
    )
    return make_response(html)


@blueprint.post("/sign-in/oidc/organization")
def enter() -> AnyResponse:
    """Sign in to the organization that the person chose."""
    request.max_content_length = MAX_FORM_BYTES
    choice = _take(_CHOICE, "form", request.form.get("form", ""), clock.now())
    for user in _users(choice["email"]):
        if user["org_id"] == request.form.get("organization"):
            return _sign_in(user, choice["next"])
    raise _not_begun()


def _pending(name: str, now: datetime) -> dict[str, Any]:
    """Return what the browser keeps between two steps."""
    kept = cookie.get(name)
    if kept is None or now.timestamp() >= kept["until"]:
        raise _not_begun()
    found: dict[str, Any] = kept
    return found


def _take(name: str, secret: str, sent: str, now: datetime) -> dict[str, Any]:
    """Return what the browser keeps, once, if what was sent is the secret in it.

    Whoever sends another secret takes nothing: it may be a stranger's link.
    """
    kept = _pending(name, now)
    if not hmac.compare_digest(kept[secret].encode(), sent.encode()):
        raise _not_begun()
    del cookie[name]
    return kept


def _not_begun() -> SignInFailed:
    settings: Settings = current_app.extensions["incident_service.settings"]
    return SignInFailed(_NOT_BEGUN.format(url=settings.public_url), 400)


def _provider() -> Provider:
    provider: Provider | None = current_app.extensions["incident_service.oidc"]
    if provider is None:
        raise SignInFailed(_NOT_HERE, 404)
    return provider


def _users(email: str) -> list[Row]:
    with database().read() as db:
        return users.everywhere_with_email(db, email)


def _sign_in(user: Row, path: str) -> AnyResponse:
    """Begin a session of the user, and go to a path of ours."""
    started = database().write(
        user["org_id"],
        sessions.start,
        user["org_id"],
        user["id"],
        method="oidc",
        agent=request.user_agent.string,
    )
    session_cookie.begin(started["token"])
    return redirect(request.script_root + path, 303)


@blueprint.errorhandler(SignInFailed)
def _failed(error: SignInFailed) -> Response:
    """Say kindly why nobody is signed in."""
    if error.__cause__ is not None:
        reason = f"{type(error.__cause__).__name__}: {error.__cause__}"[:500]
        _log.warning(
            "signing in by OpenID Connect failed",
            extra={"reason": reason, "requestId": request_id()},
        )
    html = pages.render("sign_in_failed.html", message=error.message, request_id=request_id())
    return make_response(html, error.status)


@blueprint.errorhandler(NotFound)
def _gone(_: NotFound) -> Response:
    """The user was deleted meanwhile."""
    return _failed(_not_begun())
