"""The API's description, to read and try: `/docs` (contract §9)."""

from __future__ import annotations

from importlib.resources import as_file, files

import flask_swagger_ui
from flask import Blueprint, Response, send_from_directory

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_OWN = files("incident_service.web")
_BUNDLE = files(flask_swagger_ui) / "dist"

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def show() -> Response:
    """Show the description."""
    with as_file(_OWN) as directory:
        return send_from_directory(directory, "docs.html")


@blueprint.get("/docs/<path:name>")
def asset(name: str) -> Response:
    """Return a file that the page needs; nothing of it comes from another host."""
    with as_file(_OWN if name == "docs.js" else _BUNDLE) as directory:
        return send_from_directory(directory, name, max_age=3600)


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_PAGE_HEADERS)
    return response
