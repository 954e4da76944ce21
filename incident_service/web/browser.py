"""HTML for a browser where programs get JSON: errors."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, make_response, redirect, request

from incident_service.web import rendering


def respond(error: dict[str, Any]) -> Response:
    """Return HTML that shows an error; `error` is its JSON body (contract §1).

    One path helps people. It is not a route, so programs get a `404` for it.
    """
    is_read = error["code"] == "not_found" and request.method in ("GET", "HEAD")
    if is_read and request.path == "/docs/":
        return make_response(redirect(f"{request.script_root}/docs"))
    status = HTTPStatus(error["statusCode"])
    return _render(status, "http_error.html", heading=status.phrase, error=error)


def _render(status: int, template: str, **values: object) -> Response:
    html = rendering.render(template, root=request.script_root, **values)
    response = make_response(html, status)
    response.headers.update(rendering.HEADERS)
    return response
