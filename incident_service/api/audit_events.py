"""The audit log: `/v1/audit-events` (contract §6)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_admins
from incident_service.http.blueprint import Blueprint
from incident_service.http.fields import UUID, Instant, QueryDay, QueryInteger, Rows, Text
from incident_service.http.schemas import QuerySchema, Schema
from incident_service.people import audit_log
from incident_service.store.changes import ACTIONS, RESOURCE_TYPES

blueprint = Blueprint("audit_events", description="Who changed what.")


class ChangeSchema(Schema):
    """A change to anything but an incident, which has a trail of its own."""

    id = UUID()
    at = Instant()
    """When it was made."""
    actor_id = fields.String(allow_none=True)
    """Who made it: the id of a user, or of a key that acts for itself; null for a command on the
    server, or the service itself."""
    action = fields.String(validate=validate.OneOf(ACTIONS))
    """What was done."""
    resource_type = fields.String(validate=validate.OneOf(RESOURCE_TYPES))
    """What kind of thing it was done to."""
    resource_id = fields.String()
    """The id of the thing."""
    before = fields.Dict(allow_none=True)
    """The values that changed, as they were; of a deleted thing all. Null for a new thing. A value
    of more than 2,000 characters is cut, and ends with `…`. Secrets are left out."""
    after = fields.Dict(allow_none=True)
    """The same values as they became; of a new thing all. Null for a deleted thing."""


class ChangeListSchema(Schema):
    """A part of the audit log, newest first."""

    audit_events = Rows(ChangeSchema)
    """The changes of this part of the log. Nobody can change the log."""
    next_cursor = fields.String(allow_none=True)


class ChangeQuerySchema(QuerySchema):
    """Which changes to list."""

    from_ = QueryDay(data_key="from", end=False)
    """Only changes made at this instant or later. A date means its first moment in UTC."""
    to = QueryDay(end=True)
    """Only changes made at this instant or earlier. A date means its last moment in UTC."""
    resource_type = fields.String(validate=validate.OneOf(RESOURCE_TYPES))
    """Only changes to things of this kind."""
    resource_id = Text(1, 255)
    """Only changes to the thing that has this id."""
    actor_id = Text(1, 255)
    """Only changes by this user, or by this key that acts for itself."""
    limit = QueryInteger(1, 100, load_default=20)
    cursor = fields.String()

    @ma.validates_schema
    def _ends_after_it_begins(self, query: dict[str, Any], **_: Any) -> None:
        if "from_" in query and "to" in query and query["to"] < query["from_"]:
            raise ma.ValidationError("Must not be before from.", "to")


@blueprint.route("/v1/audit-events", methods=["GET"])
@for_admins
@blueprint.arguments(ChangeQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, ChangeListSchema)
def list_audit_events(query: dict[str, Any]) -> Any:
    """List who changed what, newest first. Incidents have trails of their own."""
    before = cursor.decode_number("audit-events", query.pop("cursor", None)) or None
    since, until, limit = query.pop("from_", None), query.pop("to", None), query.pop("limit")
    with database().read() as db:
        events, end = audit_log.get_slice(
            db, caller(), query, since=since, until=until, before=before, limit=limit
        )
    return {"audit_events": events, "next_cursor": cursor.encode("audit-events", end)}
