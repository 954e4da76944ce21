"""The JSON API: one module a resource, with its blueprint and its schemas."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_smorest import Api

from incident_service.api import errors, health, incidents

MAX_BODY_BYTES = 1024 * 1024


def install(app: Flask) -> None:
    """Put the API, and the answer to every error, into the application."""
    app.json = _JSON(app)
    app.url_map.merge_slashes = False  # its redirect would answer without the error body
    app.config.update(
        API_TITLE="incident-service",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    api = _Api(app)
    api.register_blueprint(incidents.blueprint)
    api.register_blueprint(health.blueprint)
    errors.install(app)


class _Api(Api):  # type: ignore[misc]  # flask-smorest has no types
    """Leaves errors to `errors.py`: there is one error body, for all of the application."""

    def _register_error_handlers(self) -> None:
        pass


class _JSON(DefaultJSONProvider):
    """Keeps the order of fields, and text readable."""

    sort_keys = False
    ensure_ascii = False
    compact: Any = True
