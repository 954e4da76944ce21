"""Overrides of a schedule: `/v1/oncall/schedules/{id}/overrides` (contract §4)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from incident_service.http.acting import caller, database, for_members, write
from incident_service.http.blueprint import Blueprint, all_created, created, no_content
from incident_service.http.fields import UUID, Instant, List, QueryInstant, Text, check_order
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
from incident_service.oncall import overrides

blueprint = Blueprint("overrides", description="Users who stand in on a schedule for a while.")


MAX_AT_ONCE = 50


class OverrideBodySchema(RequestSchema):
    """An override to create, or its changes."""

    user_id = Text(1, 255, required=True)
    """The user who stands in."""
    starts_at = Instant(required=True)
    """When it begins."""
    ends_at = Instant(required=True)
    """When it ends (exclusive). Must be after `startsAt`."""
    reason = Text(0, 255)
    """Why, for people."""

    @ma.validates_schema
    def _ends_after_it_begins(self, body: dict[str, Any], **_: Any) -> None:
        check_order(body, "starts_at", "ends_at")


class OverridesBodySchema(RequestSchema):
    """Overrides to create, all or none."""

    overrides = List(fields.Nested(OverrideBodySchema), 1, MAX_AT_ONCE, required=True)
    """The overrides, none of which overlaps another."""


class OverrideQuerySchema(QuerySchema):
    """The time of interest."""

    from_ = QueryInstant(data_key="from")
    """Only overrides that end after this instant."""
    to = QueryInstant()
    """Only overrides that begin before this instant."""

    @ma.validates_schema
    def _ends_after_it_begins(self, query: dict[str, Any], **_: Any) -> None:
        check_order(query, "from_", "to")


class OverrideSchema(Schema):
    """An override."""

    id = UUID()
    schedule_id = UUID()
    """The schedule that it belongs to."""
    user_id = fields.String()
    """The user who stands in."""
    starts_at = Instant()
    """When it begins."""
    ends_at = Instant()
    """When it ends (exclusive)."""
    reason = fields.String(allow_none=True)
    """Why, for people; null if not given."""
    created_by = fields.String()
    created_at = Instant()


class OverridesSchema(Schema):
    """The overrides that were created."""

    overrides = fields.List(fields.Nested(OverrideSchema))
    """In the order in which they were sent."""


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/overrides", methods=["GET"])
@blueprint.arguments(OverrideQuerySchema, location="query")
@blueprint.response(200, OverrideSchema(many=True))
def list_overrides(query: dict[str, Any], id: str) -> Any:
    """List the overrides that overlap the time from `from` to `to`, earliest first."""
    with database().read() as db:
        return overrides.get_all(db, caller(), id, query.get("from_"), query.get("to"))


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/overrides", methods=["POST"])
@for_members
@blueprint.arguments(OverrideBodySchema)
@blueprint.error_codes("invalid_user_id", "override_overlaps", "too_many_overrides")
@blueprint.response(201, OverrideSchema)
def create_override(body: dict[str, Any], id: str) -> Any:
    """Create an override: a user stands in for a while."""
    row = write(overrides.create, id, body)
    return created(row, "oncall", "schedules", id, "overrides")


@blueprint.route("/v1/oncall/schedules/<uuid_text:id>/overrides/bulk", methods=["POST"])
@for_members
@blueprint.arguments(OverridesBodySchema)
@blueprint.error_codes("invalid_user_id", "override_overlaps", "too_many_overrides")
@blueprint.response(201, OverridesSchema)
def create_overrides(body: dict[str, Any], id: str) -> Any:
    """Create up to 50 overrides, all or none, as a swap of two shifts needs."""
    made = write(overrides.create_all, id, body["overrides"])
    return all_created({"overrides": made}, "oncall", "schedules", id, "overrides")


@blueprint.route(
    "/v1/oncall/schedules/<uuid_text:id>/overrides/<uuid_text:override_id>", methods=["PATCH"]
)
@for_members
@blueprint.arguments(OverrideBodySchema(partial=True))
@blueprint.error_codes("invalid_user_id", "override_overlaps", "override_over")
@blueprint.response(200, OverrideSchema)
def change_override(body: dict[str, Any], id: str, override_id: str) -> Any:
    """Change some fields of an override from now on; `null` clears the reason.

    What it did until now stays as it was. Once it is over, only its reason can change.
    """
    return write(overrides.change, id, override_id, body)


@blueprint.route(
    "/v1/oncall/schedules/<uuid_text:id>/overrides/<uuid_text:override_id>", methods=["DELETE"]
)
@for_members
@blueprint.response(204)
def delete_override(id: str, override_id: str) -> Any:
    """Delete an override. One that runs ends now; what it did until now stays as it was."""
    write(overrides.delete, id, override_id)
    return no_content()
