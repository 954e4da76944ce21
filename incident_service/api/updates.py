"""Updates on an incident: `/v1/incidents/{id}/updates` (contract §7)."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.api.incidents import take_number
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_members, write
from incident_service.http.blueprint import Blueprint, created
from incident_service.http.fields import UUID, Instant, QueryInteger, Text
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
from incident_service.incidents import lifecycle, updates

blueprint = Blueprint("updates", description="Updates on incidents, internal or public.")
blueprint.before_request(take_number)


class UpdateBodySchema(RequestSchema):
    """An update to post: a text, the incident's next status, or both."""

    RULES: ClassVar[dict[str, Any]] = {
        "if": {
            "required": ["statusChange"],
            "properties": {
                "visibility": {"const": "internal"},
                "statusChange": {"type": "string"},
            },
        },
        "else": {
            "required": ["body"],
            "properties": {"body": {"type": "string", "pattern": r"\S"}},
        },
    }

    visibility = fields.String(required=True, validate=validate.OneOf(updates.VISIBILITIES))
    """Who may read the update: the organization (`internal`) or everybody (`public`)."""
    body = Text(0, 10_000)
    """The text. A public update needs it; an internal one needs it or `statusChange`."""
    status_change = fields.String(validate=validate.OneOf(lifecycle.STATUSES))
    """The next status of the incident, which it moves to."""

    @ma.validates_schema
    def _tells_something(self, body: dict[str, Any], **_: Any) -> None:
        if body.get("body", "").strip():
            return
        if body["visibility"] == "public":
            raise ma.ValidationError("A public update needs a text.", "body")
        if "status_change" not in body:
            raise ma.ValidationError("At least one of body and statusChange is required.", "body")


class AuthorSchema(Schema):
    """A user, a key that acts for itself, or an integration."""

    id = fields.String()
    """The id of a user, of a key that acts for itself, or of an integration."""
    name = fields.String()
    """The name of the user or the key at that time."""


class UpdateSchema(Schema):
    """An update; after redaction, `body` is null."""

    id = UUID()
    incident_id = UUID()
    """The incident that the update is about."""
    body = fields.String(allow_none=True)
    """The text; null if only the status changed, or if the text was redacted."""
    status_change = fields.String(allow_none=True, validate=validate.OneOf(lifecycle.STATUSES))
    """The status that the incident moved to; null if its status stayed."""
    visibility = fields.String(validate=validate.OneOf(updates.VISIBILITIES))
    """Who may read the update: the organization (`internal`) or everybody (`public`)."""
    posted_by = fields.Nested(AuthorSchema)
    """Who posted the update."""
    posted_at = Instant()
    """When the update was posted."""
    redacted_at = Instant(allow_none=True)
    """When the text was removed; null if it was not."""
    redacted_by = fields.Nested(AuthorSchema, allow_none=True)
    """Who removed the text; null if nobody did."""


class UpdateListSchema(Schema):
    """The updates of an incident, oldest first; a part of them if they are many or long."""

    updates = fields.List(fields.Nested(UpdateSchema))
    """The updates of this part of the list, oldest first."""
    next_cursor = fields.String(allow_none=True)


class UpdateQuerySchema(QuerySchema):
    """Which part of the updates to return."""

    limit = QueryInteger(1, 100)
    """The most updates that this part of the list may have. The default is 1,000, so that most
    incidents need one call."""
    cursor = fields.String()


ALL_OF_MOST = 1000
"""The most updates in an answer if the client sets no limit: for most incidents, all of them."""


@blueprint.route("/v1/incidents/<uuid_text:id>/updates", methods=["GET"])
@blueprint.arguments(UpdateQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, UpdateListSchema)
def list_updates(query: dict[str, Any], id: str) -> Any:
    """List an incident's updates, oldest first."""
    list_ = f"updates of {id}"
    after = cursor.decode_number(list_, query.get("cursor"))
    with database().read() as db:
        entries, end = updates.get_slice(
            db, caller(), id, after=after, limit=query.get("limit", ALL_OF_MOST)
        )
    return {"updates": entries, "next_cursor": cursor.encode(list_, end)}


@blueprint.route("/v1/incidents/<uuid_text:id>/updates", methods=["POST"])
@for_members
@blueprint.arguments(UpdateBodySchema)
@blueprint.error_codes("incident_resolved", "no_public_surface", "invalid_status_transition")
@blueprint.response(201, UpdateSchema)
def post_update(body: dict[str, Any], id: str) -> Any:
    """Post an update, and move the incident to its `statusChange` if it has one."""
    row = write(updates.post, id, updates.NewUpdate(**body))
    return created(row, "incidents", id, "updates")


@blueprint.route(
    "/v1/incidents/<uuid_text:id>/updates/<uuid_text:update_id>/redact", methods=["POST"]
)
@for_members
@blueprint.error_codes("forbidden")
@blueprint.response(200, UpdateSchema)
def redact_update(id: str, update_id: str) -> Any:
    """Remove the text of an update for good; its status change stays.

    Its author may do this for 5 minutes, an admin at any time. A copy that was taken into a
    post-mortem stays there.
    """
    return write(updates.redact, id, update_id)
