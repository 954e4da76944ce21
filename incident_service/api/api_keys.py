"""API keys: `/v1/api-keys` (contract §6)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service.http.acting import caller, database, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.people import keys
from incident_service.people.caller import ROLES

blueprint = Blueprint("api_keys", description="The keys that let scripts use this API.")


class ApiKeyBodySchema(RequestSchema):
    """A key to create."""

    name = Text(1, 255, required=True)
    """What people call the key, for example after the script that uses it."""
    role = fields.String(validate=validate.OneOf(ROLES), load_default="org:member")
    """The most that the key may do. If it acts for a user, it never may do more than the user."""
    user_id = Text(1, 255)
    """The user that the key acts for; without one it acts for itself."""
    expires_at = Instant()
    """When the key stops working, which must be in the future; null for never."""


class ApiKeySchema(Schema):
    """A key, without the secret itself."""

    id = UUID()
    name = fields.String()
    """What people call the key."""
    role = fields.String(validate=validate.OneOf(ROLES))
    """The most that the key may do. If it acts for a user, it never may do more than the user."""
    user_id = fields.String(allow_none=True)
    """The user that the key acts for; null if it acts for itself."""
    key_prefix = fields.String()
    """The first 14 characters of the key, so that people can recognize it."""
    expires_at = Instant(allow_none=True)
    """When the key stops working; null for never."""
    last_used_at = Instant(allow_none=True)
    """When the key was last used, to the minute; null for never."""
    created_at = Instant()


class NewApiKeySchema(ApiKeySchema):
    """A key that was just created, with the secret itself."""

    key = fields.String()
    """The key itself. It is shown only once."""


@blueprint.route("/v1/api-keys", methods=["GET"])
@blueprint.response(200, ApiKeySchema(many=True))
def list_api_keys() -> Any:
    """List the keys, oldest first."""
    with database().read() as db:
        return keys.get_all(db, caller())


@blueprint.route("/v1/api-keys", methods=["POST"])
@blueprint.arguments(ApiKeyBodySchema)
@blueprint.error_codes("invalid_user_id", "too_many_api_keys")
@blueprint.response(201, NewApiKeySchema)
def create_api_key(body: dict[str, Any]) -> Any:
    """Create a key; `key` is shown only this once."""
    row = write(
        lambda db, who, *, now: keys.create(
            db, org_id=who.org_id, **body, actor_id=who.actor_id, now=now
        )
    )
    return created(row, "api-keys")


@blueprint.route("/v1/api-keys/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def revoke_api_key(id: str) -> Any:
    """Revoke a key immediately."""
    write(keys.revoke, id)
    return no_content()
