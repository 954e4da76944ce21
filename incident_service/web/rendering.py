"""Renders HTML for all web routes: the style, the headers, error responses, template filters."""

from __future__ import annotations

import base64
import functools
import hashlib
import logging
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from importlib.resources import files

from flask import Blueprint, Flask, Response, make_response, render_template
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from incident_service.clock import parse_instant
from incident_service.errors import RateLimited, Unavailable
from incident_service.http.middleware import request_id
from incident_service.web.links import linked

_log = logging.getLogger("incident_service.errors")

_STYLE = files("incident_service.web").joinpath("style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    # Only the style sheet is used. Nothing is loaded or run, whatever a text contains.
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
}

# Characters that XML does not allow and HTML should not contain.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")

_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def install(app: Flask) -> None:
    """Add the filters that templates use."""
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        ago=_ago, plain=_plain, moment=_moment, day=day, linked=linked, lasted=_duration
    )


def render(template: str, **values: object) -> str:
    """Return the HTML or XML that the template gives."""
    text = render_template(template, style=Markup(_STYLE), **values)
    return _FORBIDDEN.sub("\ufffd", text)


def protect_secret_path(blueprint: Blueprint) -> None:
    """Let a blueprint whose paths are secrets answer with HTML alone, which gives nothing away."""
    blueprint.after_request(_protect)
    blueprint.register_error_handler(HTTPException, _not_understood)
    blueprint.register_error_handler(Exception, error_response)


def _protect(response: Response) -> Response:
    response.headers.update({**HEADERS, "X-Robots-Tag": "noindex"})
    return response


def _not_understood(error: HTTPException) -> Response:
    return message_response(error.code or 400, "This was not understood", "Nothing was changed.")


def message_response(status: int, heading: str, message: str, hint: str = "") -> Response:
    """Return HTML that says what went wrong; `hint` says what to do about it."""
    html = render(
        "error.html", heading=heading, message=message, hint=hint, request_id=request_id()
    )
    return make_response(html, status)


def error_response(
    error: Exception, page: Callable[[int, str, str], Response] = message_response
) -> Response:
    """Return HTML that says what went wrong, or when to try again. Logs unexpected errors.

    `page` makes it of a status, a heading and a message.
    """
    if isinstance(error, RateLimited):
        message = "Too many requests. Please try again in a moment."
        response = page(429, "Not just now", message)
        response.headers["Retry-After"] = str(error.seconds)
        return response
    _log.error("a web request failed", exc_info=error, extra={"requestId": request_id()})
    if isinstance(error, Unavailable):
        response = page(503, "Not just now", "Nothing was changed. Please try again.")
        response.headers["Retry-After"] = str(error.seconds)
        return response
    message = "An unexpected error occurred on our side."
    return page(500, "Something went wrong", message)


@functools.lru_cache(maxsize=1024)
def day(of: date) -> str:
    """Return a day as people write it: `3 November 2026`."""
    return f"{of.day} {of:%B %Y}"


def _moment(at: str, after: str | None = None) -> Markup:
    """Return an instant in UTC for people to read, in a `<time>` element for programs.

    `after`: the instant that was read before; its day is not said again.
    """
    instant = parse_instant(at)
    is_same_day = after is not None and parse_instant(after).date() == instant.date()
    date = "" if is_same_day else f"{day(instant)}, "
    return Markup('<time datetime="{}">{}{:%H:%M} UTC</time>').format(at, date, instant)


def _plain(text: str) -> str:
    """Return the text without characters that would change the direction of what follows it."""
    return _DIRECTIONS.sub("", text)


def _duration(begins: str, ends: str) -> str:
    """Return a duration in its two largest units: `2 hours 5 minutes`."""
    minutes = max(parse_instant(ends) - parse_instant(begins), timedelta()) // timedelta(minutes=1)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "day"), (hours, "hour")] if days else [(hours, "hour"), (minutes, "minute")]
    parts = [f"{count} {unit}{'s' if count > 1 else ''}" for count, unit in units if count]
    return " ".join(parts) or "less than a minute"


def _ago(at: str, now: datetime) -> str:
    """Return how long ago an instant was, in the largest whole unit."""
    minutes = max(now - parse_instant(at), timedelta()) // timedelta(minutes=1)
    for size, unit in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            count = minutes // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
