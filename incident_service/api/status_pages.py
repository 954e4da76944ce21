"""Status pages: `/v1/status-pages` (contract §7)."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import fields, validate

from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Boolean, ByUUID, Instant, List, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.status import levels, status_pages

blueprint = Blueprint("status_pages", description="Pages that show the public how things are.")

_SLUG = re.compile(r"[a-z0-9-]{3,63}\Z")


class StatusPageBodySchema(RequestSchema):
    """A status page to create, or its changes."""

    slug = fields.String(
        required=True,
        validate=validate.Regexp(_SLUG, error="Must be 3 to 63 characters from a-z, 0-9 and -."),
        metadata={"pattern": "^[a-z0-9-]{3,63}$"},
    )
    """The end of the page's address, `/status/{slug}`. No other page on this server may have it."""
    title = Text(1, 255, required=True)
    """What the page is called."""
    published = Boolean()
    """Whether everybody can see the page."""
    component_ids = List(UUID(), 0, 200, metadata={"uniqueItems": True})
    """The components that the page shows, in order, without duplicates."""
    overrides = ByUUID(fields.String(validate=validate.OneOf(levels.STATUSES)))
    """Statuses set by hand for this page only, by component id. A change replaces all of them."""


class StatusPageSchema(Schema):
    """A status page."""

    id = UUID()
    org_id = fields.String()
    slug = fields.String()
    """The end of the page's address, `/status/{slug}`. No other page on this server may have it."""
    title = fields.String()
    """What the page is called."""
    published = fields.Boolean()
    """Whether everybody can see the page."""
    component_ids = fields.List(UUID())
    """The components that the page shows, in order, without duplicates."""
    overrides = fields.Dict(
        keys=UUID(), values=fields.String(validate=validate.OneOf(levels.STATUSES))
    )
    """Statuses set by hand for this page only, by component id. A change replaces all of them."""
    created_at = Instant()
    updated_at = Instant()


@blueprint.route("/v1/status-pages", methods=["GET"])
@blueprint.response(200, StatusPageSchema(many=True))
def list_status_pages() -> Any:
    """List the status pages by title."""
    with database().read() as db:
        return status_pages.get_all(db, caller())


@blueprint.route("/v1/status-pages", methods=["POST"])
@blueprint.arguments(StatusPageBodySchema)
@blueprint.error_codes(
    "slug_taken", "too_many_status_pages", "duplicate_component_id", "invalid_component_id"
)
@blueprint.response(201, StatusPageSchema)
def create_status_page(body: dict[str, Any]) -> Any:
    """Create a status page."""
    row = write(status_pages.create, body)
    return created(row, "status-pages")


@blueprint.route("/v1/status-pages/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, StatusPageSchema)
def get_status_page(id: str) -> Any:
    """Return a status page."""
    with database().read() as db:
        return status_pages.get(db, caller(), id)


@blueprint.route("/v1/status-pages/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(StatusPageBodySchema(partial=True))
@blueprint.error_codes("slug_taken", "duplicate_component_id", "invalid_component_id")
@blueprint.response(200, StatusPageSchema)
def change_status_page(body: dict[str, Any], id: str) -> Any:
    """Change some fields of a status page; `null` clears one."""
    return write(status_pages.change, id, body)


@blueprint.route("/v1/status-pages/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def delete_status_page(id: str) -> Any:
    """Delete a status page; its slug becomes free."""
    write(status_pages.delete, id)
    return no_content()
