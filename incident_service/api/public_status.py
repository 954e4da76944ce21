"""The public status page as JSON: `/status/{slug}.json`, without a key (contract §7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import current_app
from marshmallow import fields, validate

from incident_service.api.incidents import AffectedComponentSchema
from incident_service.database.file import Connection
from incident_service.http import sharing
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, Instant, Schema
from incident_service.incidents import lifecycle
from incident_service.status import levels, public_view
from incident_service.store import Row
from incident_service.web import page_cache

blueprint = Blueprint("public_status", description="How things are, for everybody.", public=True)


class PublicComponentSchema(Schema):
    """A component that a status page shows."""

    id = UUID()
    name = fields.String()
    group_label = fields.String(allow_none=True)
    status = fields.String(validate=validate.OneOf(levels.STATUSES))
    uptime = fields.Float(metadata={"minimum": 0, "maximum": 100})


class PublicUpdateSchema(Schema):
    """A public update, or, with `body` null, the bare status that the incident reached."""

    id = UUID()
    body = fields.String(allow_none=True)
    status_change = fields.String(
        allow_none=True, attribute="status", validate=validate.OneOf(lifecycle.STATUSES)
    )
    posted_at = Instant(attribute="at")


class PublicIncidentSchema(Schema):
    """An open incident as everybody may see it; its newest updates, the oldest of them first."""

    id = UUID()
    title = fields.String()
    impact = fields.String(attribute="level", validate=validate.OneOf(levels.LEVELS))
    status = fields.String(validate=validate.OneOf(lifecycle.STATUSES))
    created_at = Instant()
    updated_at = Instant()
    affected_components = fields.List(
        fields.Nested(AffectedComponentSchema), attribute="components"
    )
    omitted_updates = fields.Integer(attribute="omitted")
    updates = fields.List(fields.Nested(PublicUpdateSchema), attribute="entries")


class PublicStatusSchema(Schema):
    """How things are."""

    title = fields.String()
    status = fields.String(allow_none=True, validate=validate.OneOf(levels.STATUSES))
    updated_at = Instant()
    components = fields.List(fields.Nested(PublicComponentSchema))
    incidents = fields.List(fields.Nested(PublicIncidentSchema))
    omitted_incidents = fields.Integer(attribute="omitted")


_schema = PublicStatusSchema()

blueprint.after_request(sharing.share)


@blueprint.route("/status/<slug>.json", methods=["GET"])
@blueprint.error_codes("busy", "storage_full", "not_ready")
@blueprint.response(200, PublicStatusSchema)
@blueprint.alt_response(304, success=True, description="The client has it.")
def public_status(slug: str) -> Any:
    """Return how things are: the page's status, its components, and the open incidents."""
    return page_cache.respond("json", slug, "application/json", _render)


def _render(db: Connection, page: Row, now: datetime) -> str:
    shown = _schema.dump(public_view.overview(db, page, now=now))
    return current_app.json.dumps({"data": shown})
