"""The caller's organization: `/v1/organization` (contract §6)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, Instant, Text, TimeZone
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.people import organizations

blueprint = Blueprint("organization", description="The organization that the key belongs to.")


class OrganizationBodySchema(RequestSchema):
    """The changes to the organization."""

    name = Text(1, 255, required=True)
    """What the organization is called. No other organization on this server may have the name."""
    default_escalation_policy_id = UUID()
    """The escalation policy for alerts if nothing nearer to them names one; null for none."""
    timezone = TimeZone(required=True)
    """The IANA time zone of reports and of the console."""


class OrganizationSchema(Schema):
    """The organization."""

    id = fields.String()
    name = fields.String()
    """What the organization is called. No other organization on this server may have the name."""
    default_escalation_policy_id = UUID(allow_none=True)
    """The escalation policy for alerts if nothing nearer to them names one; null for none."""
    timezone = fields.String()
    """The IANA time zone of reports and of the console."""
    created_at = Instant()


@blueprint.route("/v1/organization", methods=["GET"])
@blueprint.response(200, OrganizationSchema)
def get_organization() -> Any:
    """Return the organization that the key belongs to."""
    with database().read() as db:
        return organizations.get(db, caller())


@blueprint.route("/v1/organization", methods=["PATCH"])
@blueprint.arguments(OrganizationBodySchema(partial=True))
@blueprint.error_codes("name_conflict", "invalid_escalation_policy_id")
@blueprint.response(200, OrganizationSchema)
def change_organization(body: dict[str, Any]) -> Any:
    """Change the organization's name, time zone or default policy; `null` clears the policy."""
    return write(organizations.change, body)
