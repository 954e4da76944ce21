"""What every page for people who have signed in needs: who asks, and what they may do."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from flask import Blueprint, Flask, flash, g, make_response, redirect, request, url_for
from flask import Response as FlaskResponse
from flask_wtf.csrf import generate_csrf, validate_csrf
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response
from wtforms import ValidationError

from incident_service import clock
from incident_service.errors import (
    Forbidden,
    NotAuthorized,
    NotFound,
    RuleBroken,
    ServiceError,
    Unavailable,
    ValidationFailed,
)
from incident_service.http.acting import check_role, database, needs_admin, write
from incident_service.http.body import is_clean
from incident_service.http.middleware import check_key, check_without_key, request_id
from incident_service.people import organizations, sessions, users
from incident_service.people.caller import Caller
from incident_service.web import assets, rendering
from incident_service.web.console import session_cookie, zones

MAX_FORM_BYTES = 2 * 1024 * 1024
"""Enough for the longest text of a form, each byte of it percent-encoded."""

MAX_FIELDS = 5000
"""Enough for the longest form; to read each takes time."""

RECORD_USE_WITHIN = 0.2
"""Seconds that a request waits at most to record that its session was used."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}


_NAVIGATION = (
    ("console.home.show", "home", "Home"),
    ("console.incidents.show", "incidents", "Incidents"),
    ("console.on_call.show", "on-call", "On call"),
    ("console.reports.show", "reports", "Reports"),
    ("console.settings.show", "settings", "Settings"),
    ("help.show_contents", "help", "Help"),
    ("console.me.show", "me", "Me"),
)
"""The rooms of the console: the first page, the name, and the text of the link."""


class _Console(Blueprint):
    """All pages behind the sign-in."""

    counts_requests = True
    """Requests count once it is known who makes them."""


def install(app: Flask, pages: Sequence[Blueprint]) -> None:
    """Add the pages, each blueprint's below a common one that lets in who has signed in."""
    console = _Console("console", __name__)
    console.before_request(_admit)
    protect(console)
    for blueprint in pages:
        console.register_blueprint(blueprint)
    app.register_blueprint(console)
    app.jinja_env.filters.update(
        when=zones.when,
        until=zones.until,
        day_of=zones.day_of,
        in_form=zones.in_form,
        wire=clock.format_instant,
        initials=initials,
        display_name=users.display_name,
        tojson_text=lambda value: json.dumps(value, ensure_ascii=False),
    )
    app.jinja_env.globals.update(
        csrf_token=generate_csrf, asset=assets.url, here=here, time_zone_options=zones.options
    )


def protect(blueprint: Blueprint) -> None:
    """Let a blueprint answer with pages of the console alone, errors too."""
    blueprint.after_request(_with_headers)
    blueprint.register_error_handler(ServiceError, _refuse)
    blueprint.register_error_handler(HTTPException, _not_understood)
    blueprint.register_error_handler(Exception, _fail)


def render(template: str, **values: object) -> str:
    """Return a page's HTML; what all pages show is added."""
    return rendering.render(
        f"console/{template}",
        me=g.get("me"),
        organization=g.get("organization"),
        is_admin=g.get("is_admin", False),
        zone=zones.zone(),
        now=g.get("now") or clock.now(),  # what refuses a request may come before its instant
        navigation=_NAVIGATION,
        **values,
    )


def act(work: Callable[..., Any], *args: Any, back: str, done: str, then: str = "") -> Response:
    """Do what a button says as one write, and go back to a page that says `done`.

    If a rule forbids it, or what it names is gone, the page says why. `then`: where to go once it
    is done, if that is another page.
    """
    try:
        write(work, *args)
    except (RuleBroken, ValidationFailed) as error:
        flash(error.message, "fault")
        return redirect(back, 303)
    return go(then or back, done)


def go(back: str, done: str) -> Response:
    """Go to a page, which says what was done."""
    flash(done, "done")
    return redirect(back, 303)


def now() -> datetime:
    """Return the instant of the request, for what only reads."""
    at: datetime = g.now
    return at


def arguments() -> dict[str, str]:
    """Return the parameters of the address, without empty ones, as filters not used are."""
    return {name: text for name, text in request.args.items() if text and is_clean(name + text)}


def here(**changes: str | None) -> str:
    """Return the address of this page with other parameters; `None` takes one out."""
    merged = {**arguments(), **changes}
    query = urlencode({name: text for name, text in merged.items() if text is not None})
    return request.script_root + request.path + ("?" + query if query else "")


def initials(name: str) -> str:
    """Return the one or two letters that stand for a person: `AL` for `Ada Lovelace`."""
    words = re.findall(r"\w+", name.partition("@")[0])
    ends = words[:1] + words[1:][-1:]
    return "".join(word[0] for word in ends).upper() or "?"


def check_forgery(max_bytes: int = MAX_FORM_BYTES) -> None:
    """Raise `Forged` if the form is not one that this service gave to this browser.

    Raises `RequestEntityTooLarge` if it is larger than any of them.
    """
    request.max_content_length = request.max_form_memory_size = max_bytes
    request.max_form_parts = MAX_FIELDS
    if request.get_data().count(b"&") >= MAX_FIELDS:  # cheap; to read the fields is not
        raise RequestEntityTooLarge
    try:
        validate_csrf(request.form.get("csrf_token"))
    except ValidationError:
        raise Forged from None


class Forged(HTTPException):
    """A form that was posted from elsewhere, or that was open when its session ended."""

    code = 400
    description = "This form is not valid any more. Go back, load the page again, and try again."


def admit_anybody() -> None:
    """Let the request in, whoever makes it; the page knows who looks at it if they signed in."""
    g.now = clock.now()
    who, _ = find_viewer()
    if who is not None:
        g.caller, g.is_admin = who, who.role == "org:admin"


def _admit() -> Response | None:
    """Let the request in if its session may make it; send strangers to sign in."""
    g.now = clock.now()
    who, is_to_be_recorded = find_viewer()
    if who is None:
        check_without_key()
        return _to_sign_in()
    g.caller, g.is_admin = who, who.role == "org:admin"
    check_key(who.key_id)
    if is_to_be_recorded and request.headers.get("X-Refresh") is None:
        session_cookie.keep()
        with contextlib.suppress(Unavailable):  # not worth refusing or delaying the request
            database().write_within(RECORD_USE_WITHIN, who.org_id, sessions.record_use, who)
    g.needs_admin = needs_admin(who)
    check_role(who, g.needs_admin)
    if request.method == "POST":
        check_forgery()
    return None


def find_viewer() -> tuple[Caller | None, bool]:
    """Return whose session it is, if it is one, and whether its use is to be recorded."""
    token = session_cookie.token()
    if token is None:
        return None, False
    try:
        with database().read() as db:
            who, is_to_be_recorded = sessions.authenticate(db, token, now=g.now)
            assert who.user_id is not None  # a session has a user
            g.me = users.get(db, who, who.user_id)
            g.organization = organizations.get(db, who)
    except (NotAuthorized, NotFound):
        session_cookie.end()
        return None, False
    return who, is_to_be_recorded


def _to_sign_in() -> Response:
    """Send the browser to the page on which one signs in, and from there to where it was going."""
    url = url_for("sign_in.show")
    if request.method == "GET" and request.path != "/":
        query = request.query_string.decode(errors="replace")  # it may have any bytes
        url += "?next=" + quote(request.path + ("?" + query if query else ""), safe="/")
    return redirect(url, 303)


def _with_headers(response: Any) -> Any:
    response.headers.update(HEADERS)
    return response


def _refuse(error: ServiceError) -> Any:
    """Return a page that says why not."""
    if isinstance(error, NotAuthorized):  # its session was ended since the request came
        session_cookie.end()
        return _to_sign_in()
    if isinstance(error, Forbidden):
        return _message(403, "Only admins can do this", "Ask an admin of your organization.")
    if isinstance(error, NotFound):
        return _message(404, "There is nothing here", error.message)
    if isinstance(error, ValidationFailed | RuleBroken):
        return _message(400, "This cannot be done", error.message)
    return _fail(error)


def _fail(error: Exception) -> Response:
    """Return a page that says what went wrong, or when to try again."""
    return rendering.error_response(error, _message)


def _not_understood(error: HTTPException) -> Any:
    if error.code == 405 or (error.code or 500) >= 500:
        return _message(error.code or 500, "This does not work", "")
    return _message(error.code or 400, "This was not understood", error.description or "")


def _message(status: int, heading: str, message: str) -> FlaskResponse:
    template = "message.html" if "organization" in g else "stranger_message.html"
    html = render(template, heading=heading, message=message, request_id=request_id())
    return make_response(html, status)
