"""The JSON API: one module a resource, with its blueprint and its schemas."""

from __future__ import annotations

from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Flask
from flask.json.provider import DefaultJSONProvider
from flask_smorest import Api
from werkzeug.routing import BaseConverter, PathConverter

from incident_service.api import (
    api_keys,
    components,
    contact_methods,
    errors,
    health,
    incidents,
    metrics,
    oncall,
    overrides,
    policies,
    public_status,
    schedules,
    status_pages,
    updates,
    users,
    working_hours,
)
from incident_service.api.body import MAX_BODY_BYTES

_RESOURCES = (
    incidents,
    updates,
    status_pages,
    public_status,
    components,
    users,
    contact_methods,
    api_keys,
    schedules,
    overrides,
    oncall,
    policies,
    working_hours,
    health,
)


def install(app: Flask) -> None:
    """Put the API, and the answer to every error, into the application."""
    app.json = _JSON(app)
    app.url_map.merge_slashes = False  # its redirect would answer without the error body
    app.url_map.converters["uuid_text"] = _UUIDConverter
    app.url_map.converters["user_id"] = _UserIdConverter
    app.config.update(
        API_TITLE="incident-service",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        # One more, so that a longer body without a declared length shows itself.
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES + 1,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    api = _Api(app, spec_kwargs={"marshmallow_plugin": MarshmallowPlugin(_schema_name)})
    for resource in _RESOURCES:
        api.register_blueprint(resource.blueprint)
    app.register_blueprint(metrics.blueprint)
    errors.install(app)


class _UUIDConverter(BaseConverter):
    """The id of something that a path names, in lower case; what is no UUID is not found later."""

    def to_python(self, value: str) -> str:
        """Return the id as it is stored."""
        return value.lower()


class _UserIdConverter(PathConverter):
    """The id of a user: any characters, slashes and line breaks too."""

    regex = r"(?s:.+?)"
    part_isolating = False


class _Api(Api):  # type: ignore[misc]  # flask-smorest has no types
    """Leaves errors to `errors.py`: there is one error body, for all of the application."""

    def _register_error_handlers(self) -> None:
        pass


def _schema_name(schema: Any) -> str:
    """Return the name of a schema in the API's description; a body to `PATCH` has its own."""
    name = resolver(schema)
    return f"{name}Changes" if getattr(schema, "partial", False) else name


class _JSON(DefaultJSONProvider):
    """Keeps the order of fields, and text readable."""

    sort_keys = False
    ensure_ascii = False
    compact: Any = True
