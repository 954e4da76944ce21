"""Incidents: `POST /v1/incidents` (contract §2)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import marshmallow as ma
from flask import request
from marshmallow import fields, validate

from incident_service import clock, incidents
from incident_service.api.blueprint import Blueprint, caller, database, for_members, read_json
from incident_service.api.fields import UUID, RequestSchema, Schema, Text
from incident_service.errors import ValidationFailed

blueprint = Blueprint("incidents", description="Open incidents.")

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Lets the request be repeated for 24 hours without opening a second incident.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class OpenIncidentSchema(RequestSchema):
    """The body that opens an incident."""

    title = Text(1, 100, required=True)
    description = Text(0, 10_000)
    severity = fields.String(required=True, validate=validate.OneOf(incidents.SEVERITIES))
    owner_id = Text(1, 255)
    owner_schedule_id = UUID()
    escalation_policy_id = UUID()
    component_ids = fields.List(UUID(), validate=validate.Length(max=50))

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_a_target(self, _data: Any, sent: Any, **_: Any) -> None:
        targets = ("ownerId", "ownerScheduleId")
        if isinstance(sent, dict) and all(sent.get(name) is None for name in targets):
            raise ma.ValidationError(
                "At least one of ownerId and ownerScheduleId is required.", "ownerId"
            )


class AffectedComponentSchema(Schema):
    """A component that an incident names."""

    id = fields.String()
    name = fields.String()


class IncidentSchema(Schema):
    """An incident."""

    id = fields.String()
    org_id = fields.String()
    sequential_id = fields.Integer()
    title = fields.String()
    description = fields.String(allow_none=True)
    severity = fields.String()
    status = fields.String()
    owner_id = fields.String(allow_none=True)
    owner_schedule_id = fields.String(allow_none=True)
    escalation_policy_id = fields.String(allow_none=True)
    affected_components = fields.List(fields.Nested(AffectedComponentSchema))
    acknowledged_at = fields.String(allow_none=True)
    acknowledged_by = fields.String(allow_none=True)
    resolved_at = fields.String(allow_none=True)
    created_by = fields.String()
    created_at = fields.String()
    updated_at = fields.String()


@blueprint.route("/v1/incidents", methods=["POST"])
@for_members
@blueprint.arguments(OpenIncidentSchema)
@blueprint.response(201, IncidentSchema)
@blueprint.doc(parameters=[IDEMPOTENCY_KEY])
def open_incident(body: dict[str, Any]) -> Any:
    """Open an incident."""
    component_ids = tuple(body.pop("component_ids", ()))
    new = incidents.NewIncident(**body, component_ids=component_ids)
    key, replayed, now = _idempotency_key(), False, clock.now()
    if key is None:
        incident = database().write(incidents.open_incident, caller(), new, now=now)
    else:
        incident, replayed = database().write(incidents.open_once, caller(), new, key, now=now)
    answer_headers = {"Location": f"/v1/incidents/{incident['id']}"}
    if replayed:
        answer_headers["Idempotent-Replayed"] = "true"
    return incident, 201, answer_headers


def _idempotency_key() -> incidents.IdempotencyKey | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise ValidationFailed({"Idempotency-Key": ["Length must be between 1 and 255."]})
    return incidents.IdempotencyKey(key, _hash(read_json(request)))


def _hash(body: Any) -> str:
    """Return the SHA-256 of a parsed body: equal for bodies that are equal once parsed."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
