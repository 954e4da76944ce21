"""Components: `/v1/components` (contract §6)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service import component_status, components
from incident_service.api.blueprint import Blueprint, caller, created, database, no_content, write
from incident_service.api.fields import UUID, Instant, List, RequestSchema, Schema, Text

blueprint = Blueprint("components", description="The parts of a product that incidents affect.")


class ComponentBodySchema(RequestSchema):
    """What a client says of a component."""

    name = Text(1, 100, required=True)
    description = Text(0, 1000)
    group_label = Text(0, 100)
    aliases = List(Text(1, 255), 0, 50, unique=True)


class ComponentSchema(Schema):
    """A component."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    group_label = fields.String(allow_none=True)
    aliases = fields.List(fields.String())
    operational_status = fields.String(validate=validate.OneOf(component_status.LEVELS))
    created_at = Instant()
    updated_at = Instant()


@blueprint.route("/v1/components", methods=["GET"])
@blueprint.response(200, ComponentSchema(many=True))
def list_components() -> Any:
    """List the components by name."""
    with database().read() as db:
        return components.get_all(db, caller())


@blueprint.route("/v1/components", methods=["POST"])
@blueprint.arguments(ComponentBodySchema)
@blueprint.fails("name_taken")
@blueprint.response(201, ComponentSchema)
def create_component(body: dict[str, Any]) -> Any:
    """Make a component."""
    row = write(components.create, body)
    return created(row, "components")


@blueprint.route("/v1/components/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, ComponentSchema)
def get_component(id: str) -> Any:
    """Return a component."""
    with database().read() as db:
        return components.get(db, caller(), id)


@blueprint.route("/v1/components/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(ComponentBodySchema(partial=True))
@blueprint.fails("name_taken")
@blueprint.response(200, ComponentSchema)
def change_component(body: dict[str, Any], id: str) -> Any:
    """Change some fields of a component; `null` clears one."""
    return write(components.change, id, body)


@blueprint.route("/v1/components/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def delete_component(id: str) -> Any:
    """Delete a component; incidents keep naming it."""
    write(components.delete, id)
    return no_content()
