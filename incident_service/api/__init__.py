"""The JSON API: one module a resource, with its schemas and then its routes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Flask, Response
from flask.json.provider import DefaultJSONProvider
from werkzeug.datastructures import Headers
from werkzeug.routing import BaseConverter, PathConverter

from incident_service.api import (
    alerts,
    api_keys,
    audit_events,
    calendar_feeds,
    components,
    contact_methods,
    health,
    incident_actions,
    integrations,
    maintenance_windows,
    metrics,
    notification_rules,
    oncall,
    oncall_report,
    organization,
    overrides,
    policies,
    postmortems,
    preview,
    public_status,
    routing_policies,
    schedules,
    status_pages,
    subscriptions,
    team,
    updates,
    users,
    working_hours,
)
from incident_service.api.openapi import description, spec
from incident_service.http import error_responses
from incident_service.http.body import MAX_BODY_BYTES
from incident_service.inbound import routes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_RESOURCES = (
    incident_actions,  # on one blueprint with `incidents`
    updates,
    postmortems,
    status_pages,
    public_status,
    components,
    maintenance_windows,
    users,
    team,
    contact_methods,
    notification_rules,
    subscriptions,
    api_keys,
    schedules,
    overrides,
    oncall,
    calendar_feeds,
    preview,
    policies,
    working_hours,
    routing_policies,
    integrations,
    routes,
    alerts,
    organization,
    audit_events,
    oncall_report,  # on one blueprint with `reports`
    health,
    metrics,
    description,
)


def install(app: Flask) -> None:
    """Add the API, and the answer to every error, to the application."""
    app.json = _JSON(app)
    app.url_map.merge_slashes = False  # else a redirect would answer, not the error body
    app.url_map.converters["uuid_text"] = _UUIDConverter
    app.url_map.converters["user_id"] = _UserIdConverter
    app.config.update(
        # One byte more, so that a longer body without a declared length is noticed.
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES + 1,
        PROVIDE_AUTOMATIC_OPTIONS=False,
    )
    spec.install(app, [resource.blueprint for resource in _RESOURCES])
    error_responses.install(app)


class _UUIDConverter(BaseConverter):
    """The id of something that a path names, in lower case; if it is not a UUID, nothing is found.

    `order` and `bulk` are no ids: they are paths of their own, with their own methods.
    """

    regex = r"(?!(?:order|bulk)(?:/|$))[^/]+"

    def to_python(self, value: str) -> str:
        """Return the id as it is stored."""
        return value.lower()


class _UserIdConverter(PathConverter):
    """The id of a user: any characters, even slashes and line breaks."""

    regex = r"(?s:.+?)"
    part_isolating = False


class _JSONResponse(Response):
    """An answer whose headers are sent as they were set.

    It always has a body, and `Location` is always encoded: Werkzeug need not look at all of them.
    """

    def get_wsgi_headers(self, _environ: WSGIEnvironment) -> Headers:
        """Return the headers."""
        return self.headers


class _JSON(DefaultJSONProvider):
    """Writes JSON with the fields in order and readable text, by an encoder that is made once."""

    sort_keys = False
    ensure_ascii = False

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return the response whose body is the value, as Flask's own does."""
        text = self._encode(self._prepare_response_obj(args, kwargs))
        return _JSONResponse(f"{text}\n", mimetype=self.mimetype)

    _encode = json.JSONEncoder(
        ensure_ascii=False, separators=(",", ":"), default=DefaultJSONProvider.default
    ).encode
