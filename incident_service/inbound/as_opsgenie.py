"""Opsgenie's alert API, version 2, as tools call it: `/v2/alerts` (contract §10)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

import flask
from flask import Response, g, jsonify, request

from incident_service.errors import Unreadable
from incident_service.http.middleware import request_id
from incident_service.inbound import bodies, deliveries
from incident_service.inbound.formats import FORMATS, Reading, opsgenie
from incident_service.store import Row

blueprint = flask.Blueprint("as_opsgenie", __name__)


@blueprint.route("/v2/alerts", methods=["POST"])
def create_alert() -> tuple[Response, int]:
    """Take in an alert."""
    read = FORMATS["opsgenie"].read
    return _deliver(lambda raw, integration: read(bodies.parse(request, raw), integration))


@blueprint.route("/v2/alerts/<alias:alias>/close", methods=["POST"])
def close_alert(alias: str) -> tuple[Response, int]:
    """Resolve the alert that has the alias."""
    return _act("close", alias)


@blueprint.route("/v2/alerts/<alias:alias>/acknowledge", methods=["POST"])
def acknowledge_alert(alias: str) -> tuple[Response, int]:
    """Acknowledge the incident of the alert that has the alias."""
    return _act("acknowledge", alias)


def _act(action: Literal["close", "acknowledge"], alias: str) -> tuple[Response, int]:
    def read(_raw: bytes, _integration: Row) -> Reading:
        if request.args.get("identifierType") != "alias":
            raise Unreadable("identifierType: Only alias is known here.")
        return opsgenie.read_action(action, alias)

    return _deliver(read)


def _deliver(read: Callable[[bytes, Row], Reading]) -> tuple[Response, int]:
    token = deliveries.token_in_header("GenieKey")
    integration = deliveries.integration_of(token, "opsgenie")
    raw = deliveries.body_for(integration)
    deliveries.deliver(token, integration, raw, lambda raw: read(raw, integration))
    answer = {
        "result": "Request will be processed",
        "took": round(time.perf_counter() - g.began, 3),
        "requestId": request_id(),
    }
    return jsonify(answer), 202
