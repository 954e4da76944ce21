"""The files that pages load: `/assets/…`, which change their address when they change."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from incident_service.errors import NotFound

_ROOM = files("incident_service.web")

_PARTS = {
    "console.css": (
        "style.css",
        "console/console.css",
        "console/calendar.css",
        "console/guides.css",
        "console/plots.css",
    ),
    "console.js": ("console/console.js",),
}
"""What is served, and the files that it is made of, in order."""


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    mimetype: str
    version: str


def _read(name: str) -> _Asset:
    body = b"\n".join(_ROOM.joinpath(part).read_bytes() for part in _PARTS[name])
    mimetype = "text/css" if name.endswith(".css") else "text/javascript"
    return _Asset(body, mimetype, hashlib.sha256(body).hexdigest()[:12])


_ASSETS = {name: _read(name) for name in _PARTS}

blueprint = Blueprint("assets", __name__)


def url(name: str) -> str:
    """Return where the asset is, below the path of the service."""
    return f"{request.script_root}/assets/{name}?v={_ASSETS[name].version}"


@blueprint.get("/assets/<name>")
def get(name: str) -> AnyResponse:
    """Return a file, which a browser keeps for as long as it likes if it asked for this version."""
    asset = _ASSETS.get(name)
    if asset is None:
        raise NotFound(f"There is no file {name}.")
    response = Response(asset.body, mimetype=asset.mimetype)
    is_this = request.args.get("v") == asset.version
    response.headers["Cache-Control"] = (
        "public, max-age=31536000, immutable" if is_this else "no-cache"
    )
    response.set_etag(asset.version)
    return response.make_conditional(request)
