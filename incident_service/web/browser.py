"""HTML for a browser where programs get JSON: errors, and what this service is at `/`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, make_response, redirect, request

from incident_service.web import rendering


def respond(error: dict[str, Any]) -> Response:
    """Return HTML that shows an error; `error` is its JSON body (contract §1).

    Two paths help people. They are not routes, so programs get a `404` for them.
    """
    if error["code"] == "not_found" and request.method in ("GET", "HEAD"):
        if request.path == "/":
            return _render(200, "home.html")
        if request.path == "/docs/":
            return make_response(redirect(f"{request.script_root}/docs"))
    status = HTTPStatus(error["statusCode"])
    return _render(status, "http_error.html", heading=status.phrase, error=error)


def _render(status: int, template: str, **values: object) -> Response:
    html = rendering.render(template, root=request.script_root, **values)
    response = make_response(html, status)
    response.headers.update(rendering.HEADERS)
    return response
