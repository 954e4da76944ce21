"""Alerts: `/v1/alerts`, and those of an incident (contract §10)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service.alerts import reading
from incident_service.alerts.incoming import STATUSES
from incident_service.alerts.routing import ALERT_OUTCOMES
from incident_service.api import incidents
from incident_service.api.incidents import PartQuerySchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_members, write
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, Instant
from incident_service.http.schemas import Schema
from incident_service.severity import SEVERITIES

blueprint = Blueprint("alerts", description="What monitoring says is wrong.")


class AlertLinkSchema(Schema):
    """A link that a tool sent."""

    text = fields.String()
    """What the link is."""
    href = fields.String()
    """Where it leads: as the tool sent it, and not checked."""


class AlertSchema(Schema):
    """What a tool says is wrong."""

    id = UUID()
    integration_id = UUID()
    """The integration that it came by."""
    dedup_key = fields.String()
    """What makes it the same alert while it fires."""
    group_key = fields.String()
    """What it shares with the alerts that belong to the same incident."""
    status = fields.String(validate=validate.OneOf(STATUSES))
    """Whether it fires."""
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """How bad it is."""
    title = fields.String()
    """What is wrong, in one line."""
    description = fields.String(allow_none=True)
    """Details for people, in plain text."""
    attributes = fields.Dict(keys=fields.String(), values=fields.String())
    """The tool's labels, tags and details."""
    links = fields.List(fields.Nested(AlertLinkSchema))
    """Where to read more."""
    component_id = UUID(allow_none=True)
    """The component that it is about; null for none."""
    incident_id = UUID(allow_none=True)
    """The incident that it belongs to; null for none."""
    outcome = fields.String(validate=validate.OneOf(ALERT_OUTCOMES))
    """What became of it."""
    count = fields.Integer()
    """How many deliveries said that it fires."""
    first_at = Instant()
    """When it began to fire."""
    last_at = Instant()
    """When a delivery last said that it fires."""
    resolved_at = Instant(allow_none=True)
    """When it was resolved; null while it fires."""


class AlertListSchema(Schema):
    """A part of the list of alerts, newest first."""

    alerts = fields.List(fields.Nested(AlertSchema))
    """The alerts of this part of the list."""
    next_cursor = fields.String(allow_none=True)


class AlertQuerySchema(PartQuerySchema):
    """Which alerts to list."""

    status = fields.String(validate=validate.OneOf(STATUSES))
    """Only alerts in this status."""
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """Only alerts of this severity."""
    integration_id = UUID()
    """Only alerts that came by this integration."""
    incident_id = UUID()
    """Only alerts that belong to this incident."""


@blueprint.route("/v1/alerts", methods=["GET"])
@blueprint.arguments(AlertQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, AlertListSchema)
def list_alerts(query: dict[str, Any]) -> Any:
    """List alerts, newest first."""
    before = cursor.decode_name("alerts", query.pop("cursor", None)) or None
    limit = query.pop("limit")
    with database().read() as db:
        alerts, end = reading.get_slice(db, caller(), query, before=before, limit=limit)
    return {"alerts": alerts, "next_cursor": cursor.encode("alerts", end)}


@blueprint.route("/v1/alerts/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, AlertSchema)
def get_alert(id: str) -> Any:
    """Return an alert."""
    with database().read() as db:
        return reading.get(db, caller(), id)


@blueprint.route("/v1/alerts/<uuid_text:id>/resolve", methods=["POST"])
@for_members
@blueprint.response(200, AlertSchema)
def resolve_alert(id: str) -> Any:
    """Resolve an alert, though the tool did not say so; one that is resolved stays as it is."""
    write(reading.resolve, id)
    with database().read() as db:
        return reading.get(db, caller(), id)


@incidents.blueprint.route("/v1/incidents/<uuid_text:id>/alerts", methods=["GET"])
@blueprint.arguments(PartQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, AlertListSchema)
def list_incident_alerts(query: dict[str, Any], id: str) -> Any:
    """List the alerts that belong to an incident, newest first."""
    list_ = f"alerts of {id}"
    before = cursor.decode_name(list_, query.get("cursor")) or None
    with database().read() as db:
        alerts, end = reading.get_slice_of_incident(
            db, caller(), id, before=before, limit=query["limit"]
        )
    return {"alerts": alerts, "next_cursor": cursor.encode(list_, end)}
