"""Where tools send alerts: `/in/{token}` and `/v1/alerts/in` (contract §10)."""

from __future__ import annotations

from typing import Any

from flask import g, request
from werkzeug.exceptions import MethodNotAllowed

from incident_service.http.blueprint import Blueprint
from incident_service.inbound import bodies, deliveries
from incident_service.inbound.answers import DeliverySchema
from incident_service.inbound.formats import FORMATS
from incident_service.store import Row

blueprint = Blueprint("alerts_in", description="Where tools send alerts.", public=True)

_ANY_JSON = {
    "description": "What a tool of the integration's kind sends; nothing for a heartbeat. It is "
    "read as JSON, whatever the content type says; in a form, the field `data` is.",
    "required": False,
    "content": {
        "application/json": {
            "schema": {},
            "example": {
                "title": "Disk is almost full",
                "severity": "warning",
                "dedupKey": "disk-web-1",
                "attributes": {"host": "web-1"},
            },
        }
    },
}
_ERRORS = ("unreadable_alert", "invalid_json", "not_authorized", "payload_too_large")
_UNAVAILABLE = ("busy", "storage_full", "not_ready")
_TOKEN: list[dict[str, list[str]]] = [{"integrationToken": []}]


@blueprint.before_request
def let_queries_be() -> None:
    """Let a query say anything: tools add what they like."""
    g.query_was_read = True


@blueprint.route("/in/<token>", methods=["POST"])
@blueprint.error_codes(*_ERRORS, *_UNAVAILABLE)
@blueprint.response(202, DeliverySchema)
@blueprint.doc(requestBody=_ANY_JSON)
def receive_alerts(token: str) -> Any:
    """Take in the alerts that a tool sends; all of it is on disk once this answers `202`."""
    return _receive(token)


@blueprint.route("/in/<token>", methods=["GET"])
@blueprint.error_codes("not_authorized", "method_not_allowed", *_UNAVAILABLE)
@blueprint.response(202, DeliverySchema)
def receive_sign(token: str) -> Any:
    """Take in a sign of life, for integrations of the kind `heartbeat` alone."""
    return _receive_sign(token)


@blueprint.route("/v1/alerts/in", methods=["POST"])
@blueprint.error_codes(*_ERRORS, *_UNAVAILABLE)
@blueprint.response(202, DeliverySchema)
@blueprint.doc(requestBody=_ANY_JSON, security=_TOKEN)
def receive_alerts_with_header() -> Any:
    """Take in the alerts that a tool sends, with the token in `Authorization: Bearer`."""
    return _receive(deliveries.token_in_header("Bearer"))


@blueprint.route("/v1/alerts/in", methods=["GET"])
@blueprint.error_codes("not_authorized", "method_not_allowed", *_UNAVAILABLE)
@blueprint.response(202, DeliverySchema)
@blueprint.doc(security=_TOKEN)
def receive_sign_with_header() -> Any:
    """Take in a sign of life, with the token in `Authorization: Bearer`."""
    return _receive_sign(deliveries.token_in_header("Bearer"))


def _receive(token: str) -> Row:
    integration = deliveries.integration_of(token)
    if integration["kind"] == "heartbeat":
        return {"alerts": deliveries.sign(token, integration)}
    format = FORMATS[integration["kind"]]
    raw = deliveries.body_for(integration)
    _, taken = deliveries.deliver(
        token, integration, raw, lambda raw: format.read(bodies.parse(request, raw), integration)
    )
    return {"alerts": taken}


def _receive_sign(token: str) -> Row:
    integration = deliveries.integration_of(token)
    if integration["kind"] != "heartbeat":
        raise MethodNotAllowed(["POST"])
    return {"alerts": deliveries.sign(token, integration)}
