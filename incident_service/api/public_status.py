"""The public status page as JSON: `/status/{slug}.json`, without a key (contract §7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from marshmallow import fields, validate

from incident_service.api.incidents import AffectedComponentSchema
from incident_service.database.engine import Connection
from incident_service.http import page_cache, sharing
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, Instant
from incident_service.http.schemas import Schema
from incident_service.incidents import lifecycle
from incident_service.status import levels, public_maintenance, public_view
from incident_service.store import Row

blueprint = Blueprint("public_status", description="How things are, for the public.", public=True)


class PublicComponentSchema(Schema):
    """A component that a status page shows."""

    id = UUID()
    name = fields.String()
    """What the component is called now."""
    group_label = fields.String(allow_none=True)
    """The heading under which status pages show the component; null for none."""
    status = fields.String(validate=validate.OneOf(levels.STATUSES))
    """How the component is: as set by hand, or from its worst open incident and maintenance."""
    uptime = fields.Float(metadata={"minimum": 0, "maximum": 100})
    """For how much of the last 90 days (in UTC, today included) the component was up, in per cent,
    rounded down to two decimals. Partial and major outages count as down; a newer component counts
    from the day on which it was made."""


class PublicUpdateSchema(Schema):
    """A public update; if `body` is null, only the status that the incident reached."""

    id = UUID()
    body = fields.String(allow_none=True)
    """The text; null if only the status changed, or if the text was redacted."""
    status_change = fields.String(
        allow_none=True, attribute="status", validate=validate.OneOf(lifecycle.STATUSES)
    )
    """The status that the incident moved to; null if its status stayed."""
    posted_at = Instant(attribute="at")
    """When the update was posted."""


class PublicIncidentSchema(Schema):
    """An open incident as the public may see it."""

    id = UUID()
    title = fields.String()
    """What is wrong, in one line."""
    impact = fields.String(attribute="level", validate=validate.OneOf(levels.LEVELS))
    """The status that the incident gives its components while it is open."""
    status = fields.String(validate=validate.OneOf(lifecycle.STATUSES))
    """How far the incident is."""
    created_at = Instant()
    updated_at = Instant()
    affected_components = fields.List(
        fields.Nested(AffectedComponentSchema), attribute="components"
    )
    """Those components of the page that the incident affects, in the order of the page."""
    omitted_updates = fields.Integer(attribute="omitted")
    """How many older public updates are left out."""
    updates = fields.List(fields.Nested(PublicUpdateSchema), attribute="entries")
    """The newest public updates, the oldest of them first."""


class PublicMaintenanceSchema(Schema):
    """Maintenance that is planned or in progress, as the public may see it."""

    id = UUID()
    title = fields.String()
    """What is done, in one line."""
    description = fields.String(allow_none=True)
    """What customers should know, in plain text."""
    status = fields.String(validate=validate.OneOf(public_maintenance.PROGRESS))
    """How far it is."""
    starts_at = Instant()
    """When it begins, in UTC."""
    ends_at = Instant(allow_none=True)
    """When it ends, in UTC; null if nobody has said yet."""
    created_at = Instant()
    """When it was announced."""
    updated_at = Instant()
    """When it last changed, or began."""
    affected_components = fields.List(
        fields.Nested(AffectedComponentSchema), attribute="components"
    )
    """Those components of the page that it is about, in the order of the page."""


class PublicStatusSchema(Schema):
    """A status page."""

    title = fields.String()
    """What the page is called."""
    status = fields.String(allow_none=True, validate=validate.OneOf(levels.STATUSES))
    """How things are overall: the worst of the components and the open incidents; null if the page
    shows neither."""
    updated_at = Instant()
    """When something that the page shows last changed."""
    components = fields.List(fields.Nested(PublicComponentSchema))
    """The components of the page, in its order."""
    incidents = fields.List(fields.Nested(PublicIncidentSchema))
    """The open incidents that affect a component of the page: the worst first, of equals the newest
    first."""
    omitted_incidents = fields.Integer(attribute="omitted")
    """How many more incidents are open."""
    maintenance_windows = fields.List(
        fields.Nested(PublicMaintenanceSchema), attribute="maintenance"
    )
    """The maintenance in progress and to come: what begins first comes first."""
    omitted_maintenance_windows = fields.Integer(attribute="omitted_maintenance")
    """How many more maintenance windows are to come."""


_schema = PublicStatusSchema()

blueprint.after_request(sharing.share)


@blueprint.route("/status/<slug>.json", methods=["GET"])
@blueprint.error_codes("busy", "storage_full", "not_ready")
@blueprint.response(200, PublicStatusSchema)
@blueprint.alt_response(304, success=True, description="The client has the current version.")
def public_status(slug: str) -> Any:
    """Return the status of a page: its components, open incidents and maintenance to come."""
    return page_cache.respond("json", slug, "application/json", _render)


def _render(db: Connection, status_page: Row, now: datetime) -> str:
    overview = _schema.dump(public_view.overview(db, status_page, now=now))
    return current_app.json.dumps({"data": overview}) + "\n"
