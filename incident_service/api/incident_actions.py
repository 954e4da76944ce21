"""What people do about an incident, each an action below `/v1/incidents/{id}` (contract §3)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service.api.incidents import WholeIncidentSchema, blueprint, change_incident
from incident_service.http.acting import for_members, settings
from incident_service.http.fields import List, Text
from incident_service.http.schemas import RequestSchema
from incident_service.incidents import lifecycle, reopening, responding, updates


class ResolveBodySchema(RequestSchema):
    """How the incident was resolved."""

    MAY_BE_MISSING = True

    resolution_note = Text(0, 10_000)
    """How the incident was resolved."""


class SnoozeBodySchema(RequestSchema):
    """For how long to snooze."""

    minutes = fields.Integer(
        strict=True, required=True, validate=validate.Range(*responding.SNOOZE_MINUTES)
    )
    """After how many minutes the incident is unacknowledged by itself."""


class RespondersBodySchema(RequestSchema):
    """Users who are asked to help."""

    user_ids = List(Text(1, 255), 1, 50, required=True, unique=True)
    """The users who are asked, without duplicates. Who is asked already is not paged again."""


class HandoffBodySchema(RequestSchema):
    """The new owner."""

    target_user_id = Text(1, 255, required=True)
    """The user who becomes the owner."""


@blueprint.route("/v1/incidents/<uuid_text:id>/acknowledge", methods=["POST"])
@for_members
@blueprint.response(200, WholeIncidentSchema)
def acknowledge_incident(id: str) -> Any:
    """Acknowledge an incident: no more pages are sent."""
    return change_incident(lifecycle.acknowledge, id)


@blueprint.route("/v1/incidents/<uuid_text:id>/resolve", methods=["POST"])
@for_members
@blueprint.arguments(ResolveBodySchema, required=False)
@blueprint.response(200, WholeIncidentSchema)
def resolve_incident(body: dict[str, Any], id: str) -> Any:
    """Resolve an incident from any status; a resolved one stays as it is."""
    return change_incident(updates.resolve, id, body.get("resolution_note"))


@blueprint.route("/v1/incidents/<uuid_text:id>/reopen", methods=["POST"])
@for_members
@blueprint.error_codes("invalid_status_transition")
@blueprint.response(200, WholeIncidentSchema)
def reopen_incident(id: str) -> Any:
    """Reopen an incident within 7 days: it pages as when it opened."""
    return change_incident(reopening.reopen, id)


@blueprint.route("/v1/incidents/<uuid_text:id>/unacknowledge", methods=["POST"])
@for_members
@blueprint.response(200, WholeIncidentSchema)
def unacknowledge_incident(id: str) -> Any:
    """Take an acknowledgement back: the current layer's time starts again."""
    return change_incident(responding.unacknowledge, id)


@blueprint.route("/v1/incidents/<uuid_text:id>/snooze", methods=["POST"])
@for_members
@blueprint.arguments(SnoozeBodySchema)
@blueprint.error_codes("incident_resolved")
@blueprint.response(200, WholeIncidentSchema)
def snooze_incident(body: dict[str, Any], id: str) -> Any:
    """Acknowledge an incident for some minutes; then its owner is paged again."""
    minutes = body["minutes"]
    return change_incident(responding.snooze, id, minutes)


@blueprint.route("/v1/incidents/<uuid_text:id>/escalate", methods=["POST"])
@for_members
@blueprint.error_codes("incident_resolved", "escalation_exhausted")
@blueprint.response(200, WholeIncidentSchema)
def escalate_incident(id: str) -> Any:
    """Page the next layer now; the incident counts as unacknowledged."""
    return change_incident(responding.escalate, id, bool(settings().smtp_url))


@blueprint.route("/v1/incidents/<uuid_text:id>/responders", methods=["POST"])
@for_members
@blueprint.arguments(RespondersBodySchema)
@blueprint.error_codes("incident_resolved", "invalid_user_id", "too_many_responders")
@blueprint.response(200, WholeIncidentSchema)
def add_responders(body: dict[str, Any], id: str) -> Any:
    """Ask users to help: each who was not asked yet is paged once."""
    user_ids = body["user_ids"]
    return change_incident(responding.add_responders, id, user_ids, bool(settings().smtp_url))


@blueprint.route("/v1/incidents/<uuid_text:id>/responders/<user_id:user_id>", methods=["DELETE"])
@for_members
@blueprint.error_codes("incident_resolved")
@blueprint.response(200, WholeIncidentSchema)
def remove_responder(id: str, user_id: str) -> Any:
    """Remove somebody who was asked to help; a page on its way to them is called off."""
    return change_incident(responding.remove_responder, id, user_id)


@blueprint.route("/v1/incidents/<uuid_text:id>/handoff", methods=["POST"])
@for_members
@blueprint.arguments(HandoffBodySchema)
@blueprint.error_codes("incident_resolved", "invalid_target_user")
@blueprint.response(200, WholeIncidentSchema)
def hand_off_incident(body: dict[str, Any], id: str) -> Any:
    """Hand an incident off to another owner."""
    target = body["target_user_id"]
    return change_incident(lifecycle.hand_off, id, target)
