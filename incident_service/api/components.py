"""Components: `/v1/components` (contract §6)."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields

from incident_service import components
from incident_service.api.blueprint import Blueprint, caller, created, database, no_content, write
from incident_service.api.fields import List, RequestSchema, Schema, Text

blueprint = Blueprint("components", description="The parts of a product that incidents affect.")


class ComponentBodySchema(RequestSchema):
    """What a client says of a component."""

    name = Text(1, 100, required=True)
    description = Text(0, 1000)
    group_label = Text(0, 100)
    aliases = List(Text(1, 255), 0, 50)

    @ma.validates("aliases")
    def _differ(self, aliases: list[str] | None, **_: Any) -> None:
        if aliases and len(set(aliases)) < len(aliases):
            raise ma.ValidationError("Two of them are equal.")


class ComponentSchema(Schema):
    """A component."""

    id = fields.String()
    org_id = fields.String()
    name = fields.String()
    description = fields.String(allow_none=True)
    group_label = fields.String(allow_none=True)
    aliases = fields.List(fields.String())
    operational_status = fields.String()
    created_at = fields.String()
    updated_at = fields.String()


@blueprint.route("/v1/components", methods=["GET"])
@blueprint.response(200, ComponentSchema(many=True))
def list_components() -> Any:
    """List the components by name."""
    with database().read() as db:
        return components.get_all(db, caller())


@blueprint.route("/v1/components", methods=["POST"])
@blueprint.arguments(ComponentBodySchema)
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
