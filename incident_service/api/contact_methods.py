"""How a user is reached: `/v1/users/{id}/contact-methods` (contract §8)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from incident_service import clock, contact_methods, users
from incident_service.api.blueprint import (
    Blueprint,
    caller,
    created,
    database,
    for_own_user,
    no_content,
    settings,
    write,
)
from incident_service.api.fields import UUID, Instant, RequestSchema, Schema, Text
from incident_service.paging import channels
from incident_service.store import Row

blueprint = Blueprint("contact-methods", description="How a user is reached.")

_PATH = "/v1/users/<user_id:user_id>/contact-methods"


class ContactMethodBodySchema(RequestSchema):
    """What a client says of a contact method."""

    label = Text(1, 255, required=True)
    url = fields.String(
        required=True,
        metadata={"format": "uri", "maxLength": contact_methods.MAX_URL_LENGTH},
    )


class ContactMethodSchema(Schema):
    """A contact method; the secrets of its URL are masked."""

    id = UUID()
    label = fields.String()
    url = fields.Function(
        lambda method: contact_methods.shown_url(method["url"]), metadata={"type": "string"}
    )
    created_at = Instant()


class TestOutcomeSchema(Schema):
    """What came of a test message; the reason says why it was not delivered."""

    delivered = fields.Boolean()
    reason = fields.String(allow_none=True)


@blueprint.route(_PATH, methods=["GET"])
@blueprint.response(200, ContactMethodSchema(many=True))
def list_contact_methods(user_id: str) -> Any:
    """List the user's contact methods, oldest first."""
    with database().read() as db:
        return contact_methods.get_all(db, caller(), user_id)


@blueprint.route(_PATH, methods=["POST"])
@for_own_user
@blueprint.arguments(ContactMethodBodySchema)
@blueprint.response(201, ContactMethodSchema)
def create_contact_method(body: dict[str, Any], user_id: str) -> Any:
    """Let pages to the user go there as well."""
    contact_methods.check_url(body["url"], settings().allowed_notification_schemes)
    row: Row = write(contact_methods.create, user_id, body)
    return created(row, "users", user_id, "contact-methods")


@blueprint.route(f"{_PATH}/<uuid_text:method_id>", methods=["DELETE"])
@for_own_user
@blueprint.response(204)
def delete_contact_method(user_id: str, method_id: str) -> Any:
    """Delete a contact method."""
    write(lambda db, who, **_: contact_methods.delete(db, who, user_id, method_id))
    return no_content()


@blueprint.route(f"{_PATH}/<uuid_text:method_id>/test", methods=["POST"])
@for_own_user
@blueprint.response(200, TestOutcomeSchema)
def test_contact_method(user_id: str, method_id: str) -> Any:
    """Send a test message now, and say whether it was delivered."""
    with database().read() as db:
        method = contact_methods.find(db, caller(), user_id, method_id)
        user = users.get(db, caller(), user_id)
    now = clock.now()
    page = channels.test_page(user, now=now, base_url=settings().public_url)
    return channels.send(page, method["url"], settings(), now=now)
