"""Escalation policies and their layers: `/v1/escalation/policies` (contract §5).

Steps and layers are two views of the same rows.
"""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, List, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.oncall.hours import WHENS
from incident_service.paging import policies

blueprint = Blueprint(
    "policies", description="Who is paged, in which order, until somebody acknowledges."
)


def rules_of_target(type_: str, schedule_id: str) -> dict[str, Any]:
    """Return the rule, in JSON Schema, that a target has what its type needs and nothing else."""
    return {
        "if": {"properties": {type_: {"const": "schedule"}}},
        "then": {
            "required": [schedule_id],
            "properties": {schedule_id: {"type": "string"}, "userIds": {"maxItems": 0}},
        },
        "else": {
            "required": ["userIds"],
            "properties": {
                schedule_id: {"type": "null"},
                "userIds": {"type": "array", "minItems": 1},
            },
        },
    }


class EscalationConditionSchema(RequestSchema):
    """When a layer takes part: during or outside working hours."""

    working_hours_id = UUID(required=True)
    """The working hours that the layer looks at."""
    when = fields.String(required=True, validate=validate.OneOf(WHENS))
    """Whether the layer takes part during the working hours or outside them."""


class EscalationTargetSchema(RequestSchema):
    """Who a layer pages: whoever is on call in a schedule, or users by name."""

    RULES = rules_of_target("type", "scheduleId")

    type = fields.String(required=True, validate=validate.OneOf(policies.TARGET_TYPES))
    """Whether the layer pages who is on call in a schedule, or users by name."""
    schedule_id = UUID()
    """The schedule whose on-call users are paged; null if users are named."""
    user_ids = List(Text(1, 255), 0, 50, unique=True)
    """The users who are paged, without duplicates; null if a schedule is named."""

    @ma.validates_schema
    def _fits_its_type(self, values: dict[str, Any], **_: Any) -> None:
        needed, other = "schedule_id", "user_ids"
        if values["type"] == "users":
            needed, other = other, needed
        if not values.get(needed):
            self._refuse(needed, "Missing data for required field.")
        if values.get(other):
            self._refuse(other, f"Not allowed when the type is {values['type']}.")

    def _refuse(self, field: str, sentence: str) -> None:
        raise ma.ValidationError({self.fields[field].data_key or field: [sentence]})


class EscalationStepBodySchema(EscalationTargetSchema):
    """A step to create; its place in the list is its position."""

    RULES = rules_of_target("targetType", "targetId")

    type = fields.String(
        required=True, validate=validate.OneOf(policies.TARGET_TYPES), data_key="targetType"
    )
    """Whether the step pages who is on call in a schedule, or users by name."""
    schedule_id = UUID(data_key="targetId")
    """The schedule whose on-call users are paged; null if users are named."""
    escalate_after_seconds = fields.Integer(
        strict=True, required=True, validate=validate.Range(60, 604_800)
    )
    """How long the step waits for an acknowledgement before the next step is paged."""
    condition = fields.Nested(EscalationConditionSchema)
    """When the layer takes part; null for always."""
    position = fields.Integer(strict=True)
    """Accepted and ignored: the order of the list counts."""

    @ma.post_load
    def _as_layer(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        target_fields = EscalationTargetSchema().fields
        target = {name: value for name, value in values.items() if name in target_fields}
        names = ("escalate_after_seconds", "condition")
        return {"target": target, **{name: values[name] for name in names if name in values}}


class EscalationLayerBodySchema(RequestSchema):
    """A layer to create, or its changes."""

    ack_timeout_minutes = fields.Integer(
        strict=True, required=True, validate=validate.Range(1, 10_080)
    )
    """How long the layer waits for an acknowledgement before the next layer is paged. Answers round
    up to whole minutes."""
    target = fields.Nested(EscalationTargetSchema, required=True)
    """Who the layer pages."""
    condition = fields.Nested(EscalationConditionSchema)
    """When the layer takes part; null for always."""
    position = fields.Integer(strict=True, validate=validate.Range(1))
    """The layer's place, 1 first. If it is taken, the layers from there on move down. If it is not
    given, the layer goes to the end."""

    @ma.post_load
    def _in_seconds(self, values: dict[str, Any], **_: Any) -> dict[str, Any]:
        if "ack_timeout_minutes" in values:
            values["escalate_after_seconds"] = values.pop("ack_timeout_minutes") * 60
        return values


class EscalationLayerOrderSchema(RequestSchema):
    """All layers of a policy in their new order."""

    layer_ids = List(UUID(), 0, 1000, required=True, metadata={"uniqueItems": True})
    """The ids of all layers in their new order, each exactly once."""


class EscalationPolicyBodySchema(RequestSchema):
    """A policy to create, or its changes."""

    name = Text(1, 255, required=True)
    """Unique among the organization's policies."""
    description = Text(0, 10_000)
    """Details for people, in plain text."""
    repeat = fields.Integer(strict=True, validate=validate.Range(0, policies.MAX_REPEAT))
    """How many times the policy starts again from its first layer once its layers are used up. 0 if
    a new policy does not say, or if null clears it."""
    steps = List(fields.Nested(EscalationStepBodySchema), 0, policies.MAX_LAYERS)
    """The layers in another form, in order."""


class MinutesOf(fields.Integer):
    """Seconds shown as minutes, rounded up."""

    def _serialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return super()._serialize(-(-value // 60), *args, **kwargs)


class EscalationStepSchema(Schema):
    """A step of a policy: a layer in another form."""

    id = UUID()
    position = fields.Integer()
    """The step's place, 1 first."""
    target_type = fields.String(
        attribute="target.type", validate=validate.OneOf(policies.TARGET_TYPES)
    )
    """Whether the step pages who is on call in a schedule, or users by name."""
    target_id = UUID(attribute="target.schedule_id", dump_default=None, allow_none=True)
    """The schedule whose on-call users are paged; null if users are named."""
    user_ids = fields.List(
        fields.String(), attribute="target.user_ids", dump_default=None, allow_none=True
    )
    """The users who are paged, without duplicates; null if a schedule is named."""
    escalate_after_seconds = fields.Integer()
    """How long the step waits for an acknowledgement before the next step is paged."""
    condition = fields.Nested(EscalationConditionSchema, allow_none=True)
    """When the layer takes part; null for always."""
    created_at = Instant()
    updated_at = Instant()


class EscalationLayerSchema(Schema):
    """A layer of a policy: a step in another form."""

    id = UUID()
    policy_id = UUID()
    """The policy that the layer belongs to."""
    position = fields.Integer()
    """The layer's place, 1 first."""
    ack_timeout_minutes = MinutesOf(attribute="escalate_after_seconds")
    """How long the layer waits for an acknowledgement before the next layer is paged. Answers round
    up to whole minutes."""
    target = fields.Nested(EscalationTargetSchema)
    """Who the layer pages."""
    condition = fields.Nested(EscalationConditionSchema, allow_none=True)
    """When the layer takes part; null for always."""
    created_at = Instant()
    updated_at = Instant()


class EscalationPolicySchema(Schema):
    """An escalation policy without its layers."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    """Unique among the organization's policies."""
    description = fields.String(allow_none=True)
    """Details for people, in plain text."""
    repeat = fields.Integer()
    """How many times the policy starts again from its first layer once its layers are used up."""
    created_by = fields.String()
    created_at = Instant()
    updated_at = Instant()


class WholeEscalationPolicySchema(EscalationPolicySchema):
    """An escalation policy; steps and layers are two views of the same rows."""

    steps = fields.List(fields.Nested(EscalationStepSchema), attribute="layers", dump_only=True)
    """The layers in another form, in order."""
    layers = fields.List(fields.Nested(EscalationLayerSchema))
    """The layers, by position."""


@blueprint.route("/v1/escalation/policies", methods=["GET"])
@blueprint.response(200, EscalationPolicySchema(many=True))
def list_policies() -> Any:
    """List the policies by name, without their layers."""
    with database().read() as db:
        return policies.get_all(db, caller())


@blueprint.route("/v1/escalation/policies", methods=["POST"])
@blueprint.arguments(EscalationPolicyBodySchema)
@blueprint.error_codes(
    "name_conflict", "invalid_target", "invalid_condition", "too_many_escalation_policies"
)
@blueprint.response(201, WholeEscalationPolicySchema)
def create_policy(body: dict[str, Any]) -> Any:
    """Create a policy."""
    policy = write(policies.create, body)
    return created(policy, "escalation", "policies")


@blueprint.route("/v1/escalation/policies/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, WholeEscalationPolicySchema)
def get_policy(id: str) -> Any:
    """Return a policy with its layers."""
    with database().read() as db:
        return policies.get(db, caller(), id)


@blueprint.route("/v1/escalation/policies/<uuid_text:id>", methods=["PUT"])
@blueprint.arguments(EscalationPolicyBodySchema)
@blueprint.error_codes("name_conflict", "invalid_target", "invalid_condition")
@blueprint.response(200, WholeEscalationPolicySchema)
def replace_policy(body: dict[str, Any], id: str) -> Any:
    """Replace a policy's name and description; without `repeat` or `steps`, these stay."""
    return write(policies.replace, id, body)


@blueprint.route("/v1/escalation/policies/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(
    EscalationPolicyBodySchema(only=("name", "description", "repeat"), partial=True)
)
@blueprint.error_codes("name_conflict")
@blueprint.response(200, WholeEscalationPolicySchema)
def change_policy(body: dict[str, Any], id: str) -> Any:
    """Change a policy's name, description or `repeat`; `null` clears the last two."""
    return write(policies.change, id, body)


@blueprint.route("/v1/escalation/policies/<uuid_text:id>", methods=["DELETE"])
@blueprint.error_codes("policy_in_use")
@blueprint.response(204)
def delete_policy(id: str) -> Any:
    """Delete a policy that no unresolved incident uses."""
    write(policies.delete, id)
    return no_content()


@blueprint.route("/v1/escalation/policies/<uuid_text:id>/layers", methods=["POST"])
@blueprint.arguments(EscalationLayerBodySchema)
@blueprint.error_codes("invalid_target", "invalid_condition", "too_many_layers")
@blueprint.response(201, EscalationLayerSchema)
def create_policy_layer(body: dict[str, Any], id: str) -> Any:
    """Add a layer to a policy; if its position is taken, the layers from there on move down."""
    layer = write(policies.add_layer, id, body)
    return created(layer, "escalation", "policies", id, "layers")


@blueprint.route("/v1/escalation/policies/<uuid_text:id>/layers/order", methods=["PUT"])
@blueprint.arguments(EscalationLayerOrderSchema)
@blueprint.error_codes("invalid_layer_order")
@blueprint.response(200, WholeEscalationPolicySchema)
def order_policy_layers(body: dict[str, Any], id: str) -> Any:
    """Reorder the layers of a policy; each must be named exactly once."""
    layer_ids = body["layer_ids"]
    return write(policies.order_layers, id, layer_ids)


# The fields by name: a bare `partial=True` would reach into the target and the condition.
@blueprint.route(
    "/v1/escalation/policies/<uuid_text:id>/layers/<uuid_text:layer_id>", methods=["PATCH"]
)
@blueprint.arguments(
    EscalationLayerBodySchema(partial=("ack_timeout_minutes", "target", "condition", "position"))
)
@blueprint.error_codes("invalid_target", "invalid_condition")
@blueprint.response(200, EscalationLayerSchema)
def change_policy_layer(body: dict[str, Any], id: str, layer_id: str) -> Any:
    """Change some fields of a layer; a position moves it, and `null` clears the condition."""
    return write(policies.change_layer, id, layer_id, body)


@blueprint.route(
    "/v1/escalation/policies/<uuid_text:id>/layers/<uuid_text:layer_id>", methods=["DELETE"]
)
@blueprint.response(204)
def delete_policy_layer(id: str, layer_id: str) -> Any:
    """Remove a layer from a policy; the layers after it move up."""
    write(policies.delete_layer, id, layer_id)
    return no_content()
