"""PagerDuty's Events API, version 2, as tools call it: `/v2/enqueue` (contract §10).

Answers and errors have the shapes of that API, because its clients read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn

import flask
from flask import Response, jsonify, request
from werkzeug.exceptions import MethodNotAllowed

from incident_service import errors
from incident_service.http import error_responses
from incident_service.http.body import read_body
from incident_service.inbound import bodies, deliveries
from incident_service.inbound.formats import FORMATS

blueprint = flask.Blueprint("as_pagerduty", __name__)


@blueprint.route("/v2/enqueue", methods=["POST"])
def enqueue() -> tuple[Response, int]:
    """Take in an event whose `routing_key` is the token of an integration of this kind."""
    raw = read_body(request)
    body = bodies.parse(request, raw)
    key = _routing_key(body)
    integration = deliveries.integration_of(key, "pagerduty")
    format = FORMATS["pagerduty"]
    reading, _ = deliveries.deliver(key, integration, raw, lambda _: format.read(body, integration))
    answer = {"status": "success", "message": "Event processed"}
    return jsonify({**answer, "dedup_key": reading.alerts[0].dedup_key}), 202


@blueprint.route("/v2/enqueue", methods=["GET", "PUT", "PATCH", "DELETE"])
def refuse_method() -> NoReturn:
    """Refuse another method here, because Flask would answer in the shape of our own API."""
    raise MethodNotAllowed(["POST"], "Only POST is allowed here.")


def _routing_key(body: Any) -> str:
    """Return the routing key, which newer clients send in a header."""
    sent = body.get("routing_key") if isinstance(body, Mapping) else None
    key = sent or request.headers.get("X-Routing-Key", "")
    if not isinstance(key, str) or not key:
        raise errors.NotAuthorized("'routing_key' is missing or blank.")
    return key


@blueprint.errorhandler(Exception)
def refuse(error: Exception) -> Response:
    """Return an error in that API's shape. A wrong key is a `400` there."""
    answer = error_responses.answer(error)
    answer.mimetype = "application/json"
    if isinstance(error, errors.NotAuthorized):
        answer.status_code = 400
        del answer.headers["WWW-Authenticate"]
    status, message, reason = "error", "Event not processed", "The event was not processed."
    if answer.status_code < 500 and isinstance(error, errors.ServiceError):
        status, message, reason = "invalid event", "Event object is invalid", error.message
    if isinstance(error, MethodNotAllowed):
        reason = error.description or reason
    answer.data = flask.json.dumps({"status": status, "message": message, "errors": [reason]})
    return answer
