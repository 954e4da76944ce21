"""What a browser is shown where programs get JSON: errors, and at `/` what this service is."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Response, make_response, redirect, request

from incident_service.web import rendering


def error_page(error: dict[str, Any]) -> Response:
    """Return the page that shows an error, given its body (contract §1).

    Two paths lead people on, and are not found by programs: so they are no routes.
    """
    if error["code"] == "not_found" and request.method in ("GET", "HEAD"):
        if request.path == "/":
            return _page(200, "home.html")
        if request.path == "/docs/":
            return make_response(redirect(f"{request.script_root}/docs"))
    status = HTTPStatus(error["statusCode"])
    return _page(status, "http_error.html", heading=status.phrase, error=error)


def _page(status: int, template: str, **values: object) -> Response:
    text = rendering.render(template, root=request.script_root, **values)
    response = make_response(text, status)
    response.headers.update(rendering.HEADERS)
    return response
