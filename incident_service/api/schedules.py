"""On-call schedules and their layers: `/v1/oncall/schedules` (contract §4)."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, List, Text, TimeZone, WallTime, check_order
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.oncall import layers, schedules

blueprint = Blueprint("schedules", description="On-call schedules and their layers.")

ROTATION_TYPES = ("daily", "weekly", "custom")
_FIXED_LENGTHS = {"daily": 1, "weekly": 7}


class ScheduleBodySchema(RequestSchema):
    """A schedule to create, or to replace one."""

    name = Text(1, 255, required=True)
    """Unique among the organization's schedules."""
    description = Text(0, 10_000)
    """Details for people, in plain text."""
    timezone = TimeZone(required=True)
    """The IANA name of a time zone, for example `Europe/Berlin`."""


class LayerBodySchema(RequestSchema):
    """A layer to create, or to replace one."""

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [
            {
                "if": {"properties": {"rotationType": {"const": "custom"}}},
                "then": {
                    "required": ["rotationLengthDays"],
                    "properties": {"rotationLengthDays": {"type": "integer"}},
                },
            },
            *(
                {
                    "if": {"properties": {"rotationType": {"const": rotation_type}}},
                    "then": {
                        "properties": {
                            "rotationLengthDays": {"anyOf": [{"const": length}, {"type": "null"}]}
                        }
                    },
                }
                for rotation_type, length in _FIXED_LENGTHS.items()
            ),
        ]
    }

    name = Text(1, 255, required=True)
    """What people call the layer."""
    rotation_type = fields.String(required=True, validate=validate.OneOf(ROTATION_TYPES))
    """How long a shift is."""
    rotation_length_days = fields.Integer(strict=True, validate=validate.Range(1, 3650))
    """The length of a shift in days: 1 for `daily`, 7 for `weekly`, required for `custom`."""
    handoff_time = WallTime(required=True)
    """When one shift hands over to the next, in the schedule's time zone."""
    effective_from = Instant(required=True)
    """When the layer begins, and its first shift with it."""
    effective_until = Instant(
        metadata={
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "const": ""},
                {"type": "null"},
            ]
        }
    )
    """When the layer ends (exclusive). Null or an empty text means never."""
    participant_ids = List(Text(1, 255), 1, 100, required=True)
    """The users who take turns, in order."""

    @ma.pre_load
    def _take_empty_for_null(self, data: Any, **_: Any) -> Any:
        if isinstance(data, dict) and data.get("effectiveUntil") == "":
            return {**data, "effectiveUntil": None}
        return data

    @ma.validates_schema
    def _ends_after_it_begins(self, body: dict[str, Any], **_: Any) -> None:
        check_order(body, "effective_from", "effective_until")

    @ma.validates_schema
    def _length_fits(self, body: dict[str, Any], **_: Any) -> None:
        length = body.get("rotation_length_days")
        fixed = _FIXED_LENGTHS.get(body["rotation_type"])
        if fixed is None and length is None:
            raise ma.ValidationError("Required for a custom rotation.", "rotationLengthDays")
        if fixed is not None and length not in (None, fixed):
            sentence = f"Must be {fixed} for a {body['rotation_type']} rotation."
            raise ma.ValidationError(sentence, "rotationLengthDays")

    @ma.post_load
    def _fill_in_length(self, body: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {"rotation_length_days": _FIXED_LENGTHS.get(body["rotation_type"]), **body}


class LayerOrderSchema(RequestSchema):
    """All layers of a schedule in their new order."""

    layer_ids = List(UUID(), 0, 1000, required=True, metadata={"uniqueItems": True})
    """The ids of all layers in their new order, each exactly once."""


class ScheduleSchema(Schema):
    """A schedule."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    """Unique among the organization's schedules."""
    description = fields.String(allow_none=True)
    """Details for people, in plain text."""
    timezone = fields.String()
    """The IANA name of a time zone, for example `Europe/Berlin`."""
    created_by = fields.String()
    created_at = Instant()
    updated_at = Instant()


class LayerSchema(Schema):
    """A layer of a schedule."""

    id = UUID()
    schedule_id = UUID()
    """The schedule that it belongs to."""
    name = fields.String()
    """What people call the layer."""
    position = fields.Integer()
    """The layer's place, 0 first. The first active layer owns the schedule."""
    rotation_type = fields.String(validate=validate.OneOf(ROTATION_TYPES))
    """How long a shift is."""
    rotation_length_days = fields.Integer()
    """The length of a shift in days: 1 for `daily`, 7 for `weekly`, required for `custom`."""
    handoff_time = fields.String()
    """When one shift hands over to the next, in the schedule's time zone."""
    effective_from = Instant()
    """When the layer begins, and its first shift with it."""
    effective_until = Instant(allow_none=True)
    """When the layer ends (exclusive). Null or an empty text means never."""
    participant_ids = fields.List(fields.String())
    """The users who take turns, in order."""
    created_at = Instant()
    updated_at = Instant()


class ScheduleWithLayersSchema(ScheduleSchema):
    """A schedule and its layers by position."""

    layers = fields.List(fields.Nested(LayerSchema))
    """The layers, by position."""


@blueprint.route("/v1/oncall/schedules", methods=["GET"])
@blueprint.response(200, ScheduleSchema(many=True))
def list_schedules() -> Any:
    """List the schedules by name, without their layers."""
    with database().read() as db:
        return schedules.get_all(db, caller())


@blueprint.route("/v1/oncall/schedules", methods=["POST"])
@blueprint.arguments(ScheduleBodySchema)
@blueprint.error_codes("name_conflict", "too_many_schedules")
@blueprint.response(201, ScheduleWithLayersSchema)
def create_schedule(body: dict[str, Any]) -> Any:
    """Create a schedule; add its layers next."""
    row = write(schedules.create, body)
    return created(row, "oncall", "schedules")


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, ScheduleWithLayersSchema)
def get_schedule(id: str) -> Any:
    """Return a schedule with its layers."""
    with database().read() as db:
        return schedules.get(db, caller(), id)


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>", methods=["PUT"])
@blueprint.arguments(ScheduleBodySchema)
@blueprint.error_codes("name_conflict")
@blueprint.response(200, ScheduleWithLayersSchema)
def replace_schedule(body: dict[str, Any], id: str) -> Any:
    """Replace a schedule's fields; its layers stay."""
    return write(schedules.replace, id, body)


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>", methods=["DELETE"])
@blueprint.error_codes("schedule_in_use")
@blueprint.response(204)
def delete_schedule(id: str) -> Any:
    """Delete a schedule that no policy targets."""
    write(schedules.delete, id)
    return no_content()


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/layers", methods=["POST"])
@blueprint.arguments(LayerBodySchema)
@blueprint.error_codes("invalid_participant_id", "too_many_layers")
@blueprint.response(201, LayerSchema)
def create_schedule_layer(body: dict[str, Any], id: str) -> Any:
    """Add a layer after the others."""
    row = write(layers.add, id, body)
    return created(row, "oncall", "schedules", id, "layers")


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/layers/<uuid_text:layer_id>", methods=["PUT"])
@blueprint.arguments(LayerBodySchema)
@blueprint.error_codes("invalid_participant_id")
@blueprint.response(200, LayerSchema)
def replace_schedule_layer(body: dict[str, Any], id: str, layer_id: str) -> Any:
    """Replace a layer's fields; its position stays."""
    return write(layers.replace, id, layer_id, body)


@blueprint.route(
    "/v1/oncall/schedules/<uuid_text:id>/layers/<uuid_text:layer_id>", methods=["DELETE"]
)
@blueprint.response(204)
def delete_schedule_layer(id: str, layer_id: str) -> Any:
    """Delete a layer; the layers after it move up."""
    write(layers.delete, id, layer_id)
    return no_content()


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/layers/order", methods=["PUT"])
@blueprint.arguments(LayerOrderSchema)
@blueprint.error_codes("invalid_layer_order")
@blueprint.response(200, ScheduleWithLayersSchema)
def order_schedule_layers(body: dict[str, Any], id: str) -> Any:
    """Reorder the layers of a schedule; each must be named exactly once."""
    return write(schedules.order_layers, id, body["layer_ids"])
