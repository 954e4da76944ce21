"""Signing in and out: `/sign-in`, the links that lead there, `/sign-out` (contract §11)."""

from __future__ import annotations

import contextlib

from flask import Blueprint, g, make_response, redirect, request, url_for
from werkzeug.wrappers import Response

from incident_service import clock
from incident_service.errors import NotAuthorized, NotFound
from incident_service.http.acting import database, settings
from incident_service.paging import signing_in
from incident_service.people import keys, sessions, sign_in_links, users
from incident_service.store import Row
from incident_service.web.console import oidc, pages, session_cookie
from incident_service.web.console.where import safe_next

MAX_FORM_BYTES = 16 * 1024
"""Much more than an email, a key, and where to go: strangers send these forms."""

blueprint = Blueprint("sign_in", __name__)
pages.protect(blueprint)


@blueprint.before_request
def _begin() -> None:
    g.now = clock.now()
    if request.method == "POST":
        pages.check_forgery(MAX_FORM_BYTES)


@blueprint.get("/sign-in")
def show() -> Response:
    """Show the ways to sign in; who is signed in goes on."""
    if pages.find_viewer()[0] is not None:
        return redirect(request.script_root + safe_next(request.args.get("next", "")), 303)
    return _page()


@blueprint.post("/sign-in/mail")
def by_mail() -> Response:
    """Mail a link, if somebody has the email. The answer says nothing of that."""
    email = request.form.get("email", "").strip()
    if not users.is_email(email):
        return _page(email=email, mail_fault="Please enter your email address.")
    database().write(None, signing_in.request, email, settings().mail_server is not None)
    return make_response(pages.render("sign_in_mailed.html", email=email))


@blueprint.post("/sign-in/key")
def by_key() -> Response:
    """Sign in the user that an API key acts for."""
    key = request.form.get("key", "").strip()
    try:
        with database().read() as db:  # so that a wrong key never waits for a turn to write
            bearer, _ = keys.authenticate(db, key, now=g.now)
        session = database().write(bearer.org_id, sessions.start_with_key, key, _agent())
    except NotAuthorized as error:
        return _page(key_fault=error.message)
    return begin(session)


@blueprint.get("/sign-in/<token>")
def show_link(token: str) -> Response:
    """Ask for a click: link scanners come here too."""
    with database().read() as db:
        link = sign_in_links.find(db, token, now=g.now)
    return make_response(pages.render("sign_in_link.html", link=link))


@blueprint.post("/sign-in/<token>")
def by_link(token: str) -> Response:
    """Sign in the link's user; the link works no more."""
    with database().read() as db:  # so that a wrong link never waits for a turn to write
        link = sign_in_links.find(db, token, now=g.now)
    return begin(database().write(link["org_id"], sign_in_links.use, token, _agent()))


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """End the session."""
    token = session_cookie.token()
    if token is not None:
        with contextlib.suppress(NotAuthorized):
            with database().read() as db:
                who, _ = sessions.authenticate(db, token, now=g.now)
            database().write(who.org_id, sessions.end_with_token, token)
    session_cookie.end()  # now: if it did not end, the browser can try again
    return redirect(url_for(".show"), 303)


@blueprint.errorhandler(NotFound)
def _wrong_link(error: NotFound) -> Response:
    return make_response(
        pages.render("sign_in_wrong.html", message=error.message),
        404,
    )


def begin(session: Row) -> Response:
    """Sign the browser in to a session that has begun, and go where it was going."""
    session_cookie.begin(session["token"])
    return redirect(request.script_root + safe_next(request.form.get("next", "")), 303)


def _agent() -> str:
    return request.headers.get("User-Agent", "")


def _page(*, email: str = "", mail_fault: str = "", key_fault: str = "") -> Response:
    html = pages.render(
        "sign_in.html",
        email=email,
        mail_fault=mail_fault,
        key_fault=key_fault,
        next=safe_next(request.form.get("next") or request.args.get("next", "")),
        sends_mail=settings().mail_server is not None,
        has_provider=oidc.is_offered(),
    )
    return make_response(html, 400 if mail_fault or key_fault else 200)
