"""Routing policies: `/v1/routing/policies` (contract §10)."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.alerts import routing_policies
from incident_service.alerts.routing import OUTCOMES
from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Boolean, Instant, List, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.severity import SEVERITIES

blueprint = Blueprint("routing_policies", description="What becomes of alerts, by their severity.")


class RoutingRuleBodySchema(RequestSchema):
    """What becomes of alerts of one severity."""

    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    """The severity of the alerts that the rule is for."""
    outcome = fields.String(required=True, validate=validate.OneOf(OUTCOMES))
    """What becomes of the alerts."""
    escalation_policy_id = UUID(load_default=None)
    """The policy that pages people; null for that of the component, else of the organization. It is
    kept also if the outcome does not use it."""


class RoutingPolicyBodySchema(RequestSchema):
    """A routing policy to create, or to put in place of another."""

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [
            {
                "properties": {
                    "rules": {
                        "contains": {
                            "required": ["severity"],
                            "properties": {"severity": {"const": severity}},
                        }
                    }
                }
            }
            for severity in SEVERITIES
        ]
    }

    name = Text(1, 255, required=True)
    """Unique among the organization's routing policies."""
    description = Text(0, 10_000)
    """Details for people, in plain text."""
    rules = List(
        fields.Nested(RoutingRuleBodySchema), len(SEVERITIES), len(SEVERITIES), required=True
    )
    """Four rules, one for each severity, in any order."""

    @ma.validates_schema
    def _has_one_for_each_severity(self, body: dict[str, Any], **_: Any) -> None:
        if {rule["severity"] for rule in body["rules"]} != set(SEVERITIES):
            raise ma.ValidationError("Must have exactly one rule for each severity.", "rules")


class RoutingRuleSchema(Schema):
    """What becomes of alerts of one severity."""

    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """The severity of the alerts that the rule is for."""
    outcome = fields.String(validate=validate.OneOf(OUTCOMES))
    """What becomes of the alerts."""
    escalation_policy_id = UUID(allow_none=True)
    """The policy that pages people; null for that of the component, else of the organization."""


class RoutingPolicySchema(Schema):
    """A routing policy without its rules."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    """Unique among the organization's routing policies."""
    description = fields.String(allow_none=True)
    """Details for people, in plain text."""
    is_default = Boolean()
    """Whether it is for the alerts of integrations that name no policy. It cannot be deleted."""
    created_at = Instant()
    updated_at = Instant()


class WholeRoutingPolicySchema(RoutingPolicySchema):
    """A routing policy."""

    rules = fields.List(fields.Nested(RoutingRuleSchema))
    """Four rules, one for each severity, in the order sent."""


@blueprint.route("/v1/routing/policies", methods=["GET"])
@blueprint.response(200, RoutingPolicySchema(many=True))
def list_routing_policies() -> Any:
    """List the routing policies by name, without their rules."""
    with database().read() as db:
        return routing_policies.get_all(db, caller())


@blueprint.route("/v1/routing/policies", methods=["POST"])
@blueprint.arguments(RoutingPolicyBodySchema)
@blueprint.error_codes("name_conflict", "invalid_escalation_policy_id", "too_many_routing_policies")
@blueprint.response(201, WholeRoutingPolicySchema)
def create_routing_policy(body: dict[str, Any]) -> Any:
    """Create a routing policy."""
    return created(write(routing_policies.create, body), "routing", "policies")


@blueprint.route("/v1/routing/policies/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, WholeRoutingPolicySchema)
def get_routing_policy(id: str) -> Any:
    """Return a routing policy with its rules."""
    with database().read() as db:
        return routing_policies.get(db, caller(), id)


@blueprint.route("/v1/routing/policies/<uuid_text:id>", methods=["PUT"])
@blueprint.arguments(RoutingPolicyBodySchema)
@blueprint.error_codes("name_conflict", "invalid_escalation_policy_id")
@blueprint.response(200, WholeRoutingPolicySchema)
def replace_routing_policy(body: dict[str, Any], id: str) -> Any:
    """Replace a routing policy's name, description and rules."""
    return write(routing_policies.replace, id, body)


@blueprint.route("/v1/routing/policies/<uuid_text:id>", methods=["DELETE"])
@blueprint.error_codes("default_policy", "policy_in_use")
@blueprint.response(204)
def delete_routing_policy(id: str) -> Any:
    """Delete a routing policy that no integration and no selector names."""
    write(routing_policies.delete, id)
    return no_content()
