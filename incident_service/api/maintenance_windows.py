"""Maintenance windows: `/v1/maintenance-windows` (contract §6)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from incident_service.http import cursor
from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import (
    UUID,
    Boolean,
    Instant,
    List,
    QueryInteger,
    Text,
    check_order,
)
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
from incident_service.status import maintenance

blueprint = Blueprint("maintenance_windows", description="Times in which work is planned.")

_LIST = "maintenance-windows"


class MaintenanceWindowBodySchema(RequestSchema):
    """A maintenance window to create, or its changes."""

    title = Text(1, 100, required=True)
    """What is done, in one line, as customers read it."""
    description = Text(0, 10_000)
    """What customers should know, in plain text."""
    component_ids = List(UUID(), 1, 50, required=True, metadata={"uniqueItems": True})
    """The components that it is about, without duplicates. A change replaces all of them."""
    starts_at = Instant(required=True)
    """When it begins."""
    ends_at = Instant()
    """When it ends (exclusive), after `startsAt`; null: once a change says when."""
    is_public = Boolean()
    """Whether status pages show it. True unless said otherwise."""
    suppresses_alerts = Boolean()
    """Whether alerts about the components open nothing meanwhile; what still fires at the end is
    routed then. True unless said otherwise."""

    @ma.validates_schema
    def _ends_after_it_begins(self, body: dict[str, Any], **_: Any) -> None:
        check_order(body, "starts_at", "ends_at")


class MaintenanceWindowSchema(Schema):
    """A maintenance window."""

    id = UUID()
    org_id = fields.String()
    title = fields.String()
    """What is done, in one line, as customers read it."""
    description = fields.String(allow_none=True)
    """What customers should know, in plain text."""
    component_ids = fields.List(UUID())
    """The components that it is about, in the order sent, without those deleted since."""
    starts_at = Instant()
    """When it begins."""
    ends_at = Instant(allow_none=True)
    """When it ends (exclusive); null until somebody ends it."""
    is_public = Boolean()
    """Whether status pages show it."""
    suppresses_alerts = Boolean()
    """Whether alerts about the components open nothing meanwhile."""
    created_by = fields.String()
    created_at = Instant()
    updated_at = Instant()


class MaintenanceWindowListSchema(Schema):
    """A part of the list of maintenance windows, newest first."""

    maintenance_windows = fields.List(fields.Nested(MaintenanceWindowSchema))
    """The maintenance windows of this part of the list."""
    next_cursor = fields.String(allow_none=True)


class MaintenanceWindowQuerySchema(QuerySchema):
    """Which part of the list to return."""

    limit = QueryInteger(1, 100, load_default=20)
    cursor = fields.String()


@blueprint.route("/v1/maintenance-windows", methods=["GET"])
@blueprint.arguments(MaintenanceWindowQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, MaintenanceWindowListSchema)
def list_maintenance_windows(query: dict[str, Any]) -> Any:
    """List the maintenance windows, newest first."""
    before = cursor.decode_name(_LIST, query.get("cursor"))
    with database().read() as db:
        listed, end = maintenance.get_slice(db, caller(), before=before, limit=query["limit"])
    return {"maintenance_windows": listed, "next_cursor": cursor.encode(_LIST, end)}


@blueprint.route("/v1/maintenance-windows", methods=["POST"])
@blueprint.arguments(MaintenanceWindowBodySchema)
@blueprint.error_codes(
    "duplicate_component_id", "invalid_component_id", "too_many_maintenance_windows"
)
@blueprint.response(201, MaintenanceWindowSchema)
def create_maintenance_window(body: dict[str, Any]) -> Any:
    """Create a maintenance window; status pages announce it at once, unless it is not public."""
    return created(write(maintenance.create, body), "maintenance-windows")


@blueprint.route("/v1/maintenance-windows/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, MaintenanceWindowSchema)
def get_maintenance_window(id: str) -> Any:
    """Return a maintenance window."""
    with database().read() as db:
        return maintenance.get(db, caller(), id)


@blueprint.route("/v1/maintenance-windows/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(MaintenanceWindowBodySchema(partial=True))
@blueprint.error_codes(
    "duplicate_component_id", "invalid_component_id", "too_many_maintenance_windows"
)
@blueprint.response(200, MaintenanceWindowSchema)
def change_maintenance_window(body: dict[str, Any], id: str) -> Any:
    """Change some fields of a maintenance window; `null` clears one.

    To end it, set `endsAt` to this instant.
    """
    return write(maintenance.change, id, body)


@blueprint.route("/v1/maintenance-windows/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def delete_maintenance_window(id: str) -> Any:
    """Delete a maintenance window, as if it had never been; status pages forget it."""
    write(maintenance.delete, id)
    return no_content()
