"""What a change of a schedule would do: `/v1/oncall/schedules/{id}/preview` (contract §4)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from incident_service import clock
from incident_service.api.oncall import TargetSchema
from incident_service.api.overrides import MAX_AT_ONCE, OverrideBodySchema
from incident_service.api.schedules import LayerBodySchema
from incident_service.clock import parse_instant
from incident_service.http.acting import caller, database, for_members
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, Instant, List, UTCInstant
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.oncall.preview import preview

blueprint = Blueprint("preview", description="What a change of a schedule would do.")


class ProposedLayerSchema(LayerBodySchema):
    """A layer as it would be."""

    id = UUID()
    """The layer that it is already; without one, it would be new."""


class PreviewBodySchema(RequestSchema):
    """A change of a schedule to try."""

    layers = List(fields.Nested(ProposedLayerSchema), 0, 1000, required=True)
    """All layers that the schedule would have, in order: those left out would be deleted."""
    overrides = List(fields.Nested(OverrideBodySchema), 0, MAX_AT_ONCE)
    """Overrides that would be added."""
    from_ = Instant(data_key="from")
    """The start of the time of interest. The default is now."""
    to = Instant()
    """The end of the time of interest, at most 366 days after `from`. The default is 28 days."""


class BeforeAndAfterSchema(Schema):
    """Who owns the schedule at this instant, without the change and with it."""

    before = fields.Nested(TargetSchema, allow_none=True)
    """Who does without it; null for nobody."""
    after = fields.Nested(TargetSchema, allow_none=True)
    """Who would with it; null for nobody. What would be made has no id yet: it is null."""


class GapSchema(Schema):
    """A time in which nobody would be on call."""

    starts_at = UTCInstant()
    """When it begins."""
    ends_at = UTCInstant()
    """When it ends (exclusive), or the time of interest does."""


class HoursSchema(Schema):
    """How many hours a user owns the schedule in the time of interest."""

    user_id = fields.String()
    """The user."""
    before = fields.Float()
    """Without the change."""
    after = fields.Float()
    """With it."""


class PreviewSchema(Schema):
    """What a change would do."""

    now = fields.Nested(BeforeAndAfterSchema)
    """Whether it changes who is on call right now."""
    shifts = fields.List(fields.Nested(TargetSchema))
    """Who would own the schedule, as `shifts` would tell it after the change."""
    gaps = fields.List(fields.Nested(GapSchema))
    """The times in which nobody would be on call, in order."""
    hours = fields.List(fields.Nested(HoursSchema))
    """Everyone who owns the schedule before or after, those with most after it first."""
    warnings = fields.List(fields.String())
    """What to think twice about, in sentences."""


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/preview", methods=["POST"])
@for_members
@blueprint.arguments(PreviewBodySchema)
@blueprint.error_codes(
    "invalid_layer_id",
    "invalid_layer_order",
    "invalid_participant_id",
    "invalid_user_id",
    "override_overlaps",
    "too_many_layers",
    "too_many_overrides",
)
@blueprint.response(200, PreviewSchema)
def preview_schedule(body: dict[str, Any], id: str) -> Any:
    """Return what a change of a schedule would do. Nothing is written."""
    start, end = (body.get(name) for name in ("from_", "to"))
    with database().read() as db:
        return preview(
            db,
            caller(),
            id,
            body["layers"],
            body.get("overrides") or [],
            parse_instant(start) if start else None,
            parse_instant(end) if end else None,
            now=clock.now(),
        )
