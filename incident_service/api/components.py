"""Components: `/v1/components` (contract §6)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service import clock
from incident_service.http import cursor
from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, List, QueryInteger, Text
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
from incident_service.status import components, levels
from incident_service.store import Row

blueprint = Blueprint("components", description="The parts of a product that incidents affect.")


class ComponentBodySchema(RequestSchema):
    """A component to create, or its changes."""

    name = Text(1, 100, required=True)
    """Unique among the organization's components."""
    description = Text(0, 1000)
    """Details for people, in plain text."""
    group_label = Text(0, 100)
    """The heading under which status pages show the component; null for none."""
    aliases = List(Text(1, 255), 0, 50, unique=True)
    """Other names of the component, without duplicates. A change replaces all of them."""
    escalation_policy_id = UUID()
    """The policy for alerts about the component; null for none."""


class ActiveWindowSchema(Schema):
    """The maintenance window in progress, of several the one that ends last."""

    started_at = Instant()
    """When it began."""
    ends_at = Instant(allow_none=True)
    """When it ends; null until somebody ends it."""


class ComponentSchema(Schema):
    """A component."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    """Unique among the organization's components."""
    description = fields.String(allow_none=True)
    """Details for people, in plain text."""
    group_label = fields.String(allow_none=True)
    """The heading under which status pages show the component; null for none."""
    aliases = fields.List(fields.String())
    """Other names of the component, without duplicates. A change replaces all of them."""
    escalation_policy_id = UUID(allow_none=True)
    """The policy for alerts about the component; null for none."""
    operational_status = fields.String(validate=validate.OneOf(levels.STATUSES))
    """How the component is, from the worst open incident that affects it; `maintenance` during a
    public maintenance window, unless an incident makes it worse."""
    maintenance_window = fields.Nested(ActiveWindowSchema, allow_none=True)
    """The maintenance window in progress, of several the one that ends last; null for none."""
    created_at = Instant()
    updated_at = Instant()


class ComponentListSchema(Schema):
    """A part of the list of components, by name."""

    components = fields.List(fields.Nested(ComponentSchema))
    """The components of this part of the list."""
    next_cursor = fields.String(allow_none=True)


class ComponentQuerySchema(QuerySchema):
    """Which part of the list to return."""

    limit = QueryInteger(1, 100, load_default=100)
    """The most components that this part of the list may have."""
    cursor = fields.String()


@blueprint.route("/v1/components", methods=["GET"])
@blueprint.arguments(ComponentQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, ComponentListSchema)
def list_components(query: dict[str, Any]) -> Any:
    """List the components by name."""
    after = cursor.decode_name("components", query.get("cursor"))
    with database().read() as db:
        listed, end = components.get_slice(
            db, caller(), after=after, limit=query["limit"], now=clock.now()
        )
    return {"components": listed, "next_cursor": cursor.encode("components", end)}


@blueprint.route("/v1/components", methods=["POST"])
@blueprint.arguments(ComponentBodySchema)
@blueprint.error_codes("name_conflict", "invalid_escalation_policy_id", "too_many_components")
@blueprint.response(201, ComponentSchema)
def create_component(body: dict[str, Any]) -> Any:
    """Create a component."""
    row = write(components.create, body)
    return created(_with_status(row), "components")


@blueprint.route("/v1/components/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, ComponentSchema)
def get_component(id: str) -> Any:
    """Return a component."""
    with database().read() as db:
        return components.get(db, caller(), id, now=clock.now())


@blueprint.route("/v1/components/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(ComponentBodySchema(partial=True))
@blueprint.error_codes("name_conflict", "invalid_escalation_policy_id")
@blueprint.response(200, ComponentSchema)
def change_component(body: dict[str, Any], id: str) -> Any:
    """Change some fields of a component; `null` clears one."""
    return _with_status(write(components.change, id, body))


@blueprint.route("/v1/components/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def delete_component(id: str) -> Any:
    """Delete a component; incidents still show it."""
    write(components.delete, id)
    return no_content()


def _with_status(row: Row) -> Row:
    """Return a component with its status, which follows from open incidents and maintenance."""
    with database().read() as db:
        return components.with_status(db, caller(), [row], now=clock.now())[0]
