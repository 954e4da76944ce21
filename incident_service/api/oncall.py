"""Who is on call: `/v1/oncall`, and a schedule's `resolve` and `shifts` (contract §4)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from incident_service import clock
from incident_service.http.acting import caller, database
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, QueryInstant, UTCInstant, check_order
from incident_service.http.schemas import QuerySchema, Schema
from incident_service.oncall import schedules

blueprint = Blueprint("oncall", description="Who is on call.")


class AtQuerySchema(QuerySchema):
    """The instant of interest."""

    at = QueryInstant()
    """The instant of interest. The default is now."""


class WindowQuerySchema(QuerySchema):
    """The time of interest."""

    from_ = QueryInstant(data_key="from", required=True)
    """The start of the time of interest."""
    to = QueryInstant(required=True)
    """The end of the time of interest, at most 366 days after `from`."""

    @ma.validates_schema
    def _is_a_year_at_most(self, query: dict[str, Any], **_: Any) -> None:
        check_order(query, "from_", "to")
        if query["to"] - query["from_"] > schedules.MAX_WINDOW:
            days = schedules.MAX_WINDOW.days
            raise ma.ValidationError(f"More than {days} days after from.", "to")


class TargetSchema(Schema):
    """Somebody on call, and from when until when: by a layer or by an override."""

    user_id = fields.String()
    """The user who is on call."""
    user_name = fields.String()
    """The user's first and last name, or else the email; a deleted user's as they were."""
    layer_id = UUID(allow_none=True)
    """The layer that puts the user on call; null if an override does."""
    override_id = UUID(allow_none=True)
    """The override that puts the user on call; null if a layer does."""
    starts_at = UTCInstant()
    """When the shift or the override begins, or is cut off."""
    ends_at = UTCInstant()
    """When the shift or the override ends, or is cut off."""


class ResolvedSchema(Schema):
    """Who is on call for a schedule at an instant."""

    schedule_id = UUID(attribute="schedule.id")
    """The schedule in question."""
    at = UTCInstant()
    """The instant that the answer is about."""
    schedule_owner = fields.Nested(TargetSchema, allow_none=True)
    """Who becomes the owner of an incident opened for the schedule; null for nobody."""
    paging_targets = fields.List(fields.Nested(TargetSchema))
    """Everyone who is on call, by position, each user once."""


class ScheduleNameSchema(Schema):
    """A schedule's id and name."""

    id = UUID()
    name = fields.String()
    """Unique among the organization's schedules."""


class OnCallSchema(Schema):
    """Who owns a schedule, and who does next."""

    schedule = fields.Nested(ScheduleNameSchema)
    """The schedule in question."""
    schedule_owner = fields.Nested(TargetSchema, allow_none=True)
    """Who becomes the owner of an incident opened for the schedule; null for nobody."""
    next = fields.Nested(TargetSchema, allow_none=True)
    """Whoever owns it next, from where they take over, maybe after a gap; null for nobody."""


@blueprint.route("/v1/oncall", methods=["GET"])
@blueprint.arguments(AtQuerySchema, location="query")
@blueprint.response(200, OnCallSchema(many=True))
def list_on_call(query: dict[str, Any]) -> Any:
    """List who owns each schedule and who does next, by the schedules' names."""
    with database().read() as db:
        return schedules.owned(db, caller(), query.get("at"), now=clock.now())


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/resolve", methods=["GET"])
@blueprint.arguments(AtQuerySchema, location="query")
@blueprint.response(200, ResolvedSchema)
def resolve_schedule(query: dict[str, Any], id: str) -> Any:
    """Return who owns a schedule, and everyone that it pages."""
    with database().read() as db:
        return schedules.resolve(db, caller(), id, query.get("at"), now=clock.now())


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/shifts", methods=["GET"])
@blueprint.arguments(WindowQuerySchema, location="query")
@blueprint.response(200, TargetSchema(many=True))
def list_shifts(query: dict[str, Any], id: str) -> Any:
    """List who owns a schedule during the window, shift by shift."""
    with database().read() as db:
        return schedules.shifts(db, caller(), id, query["from_"], query["to"], now=clock.now())
