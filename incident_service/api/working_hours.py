"""Working hours: `/v1/working-hours` (contract §5)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, List, Text, TimeZone, WallTime
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.oncall import working_hours

blueprint = Blueprint(
    "working_hours",
    description="Times of the week, for layers of policies.",
)


class WindowSchema(RequestSchema):
    """A time of day on some days of the week."""

    days = List(
        fields.Integer(strict=True, validate=validate.Range(1, 7)),
        1,
        7,
        unique=True,
        required=True,
    )
    """Days of the week, from 1 for Monday to 7 for Sunday, without duplicates."""
    start = WallTime(required=True)
    """When the window begins."""
    end = WallTime(required=True)
    """When the window ends. At or before `start`, it means the next day."""


class WorkingHoursBodySchema(RequestSchema):
    """Working hours to create, or their changes."""

    name = Text(1, 255, required=True)
    """Unique among the organization's working hours."""
    timezone = TimeZone(required=True)
    """The IANA name of a time zone, for example `Europe/Berlin`."""
    windows = List(fields.Nested(WindowSchema), 1, 50, required=True)
    """The times of the week that count."""


class WorkingHoursSchema(Schema):
    """Working hours."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    """Unique among the organization's working hours."""
    timezone = fields.String()
    """The IANA name of a time zone, for example `Europe/Berlin`."""
    windows = fields.List(fields.Nested(WindowSchema))
    """The times of the week that count."""
    created_at = Instant()
    updated_at = Instant()


@blueprint.route("/v1/working-hours", methods=["GET"])
@blueprint.response(200, WorkingHoursSchema(many=True))
def list_working_hours() -> Any:
    """List the working hours by name."""
    with database().read() as db:
        return working_hours.get_all(db, caller())


@blueprint.route("/v1/working-hours", methods=["POST"])
@blueprint.arguments(WorkingHoursBodySchema)
@blueprint.error_codes("name_conflict", "too_many_working_hours")
@blueprint.response(201, WorkingHoursSchema)
def create_working_hours(body: dict[str, Any]) -> Any:
    """Create working hours."""
    row = write(working_hours.create, body)
    return created(row, "working-hours")


@blueprint.route("/v1/working-hours/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, WorkingHoursSchema)
def get_working_hours(id: str) -> Any:
    """Return working hours."""
    with database().read() as db:
        return working_hours.get(db, caller(), id)


# The fields by name: a bare `partial=True` would reach into the windows.
@blueprint.route("/v1/working-hours/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(WorkingHoursBodySchema(partial=("name", "timezone", "windows")))
@blueprint.error_codes("name_conflict")
@blueprint.response(200, WorkingHoursSchema)
def change_working_hours(body: dict[str, Any], id: str) -> Any:
    """Change some fields of working hours."""
    return write(working_hours.change, id, body)


@blueprint.route("/v1/working-hours/<uuid_text:id>", methods=["DELETE"])
@blueprint.error_codes("working_hours_in_use")
@blueprint.response(204)
def delete_working_hours(id: str) -> Any:
    """Delete working hours that no policy uses."""
    write(working_hours.delete, id)
    return no_content()
