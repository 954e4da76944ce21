"""Swagger UI for the API: `/docs` (contract §9)."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, request, send_from_directory

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
}

_OWN = Path(__file__).parent
_BUNDLE = Path(flask_swagger_ui.__file__).parent / "dist"

blueprint = Blueprint("docs", __name__)


@blueprint.get("/docs")
def show() -> Response:
    """Show the API's description, to read and to try."""
    html = (_OWN / "docs.html").read_text(encoding="utf-8")
    return Response(
        html.replace('="/docs/', f'="{request.script_root}/docs/'), mimetype="text/html"
    )


@blueprint.get("/docs/<path:name>")
def asset(name: str) -> Response:
    """Return a file that `/docs` loads. Nothing comes from another host."""
    return send_from_directory(_OWN if name == "docs.js" else _BUNDLE, name, max_age=3600)


@blueprint.after_request
def _protect(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)  # an error response has its own
    return response
