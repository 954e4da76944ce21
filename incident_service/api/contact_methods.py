"""How a user is reached: `/v1/users/{id}/contact-methods` (contract §8)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from marshmallow import fields

from incident_service import clock
from incident_service.api.trying_out import TestOutcomeSchema, try_out
from incident_service.errors import Busy, StorageFull
from incident_service.http.acting import caller, database, for_own_user, settings, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.paging import channels, contact_methods
from incident_service.people import users
from incident_service.store import Row

blueprint = Blueprint("contact_methods", description="How a user is reached.")

_PATH = "/v1/users/<user_id:user_id>/contact-methods"


class ContactMethodBodySchema(RequestSchema):
    """A contact method to create."""

    label = Text(1, 255, required=True)
    """What people call the contact method, for example `Phone`."""
    url = fields.String(
        required=True,
        metadata={"format": "uri", "maxLength": contact_methods.MAX_URL_LENGTH},
    )
    """An Apprise URL, or an https:// URL for the service's own webhook."""


class ContactMethodSchema(Schema):
    """A contact method, with the secrets in its URL masked."""

    id = UUID()
    label = fields.String()
    """What people call the contact method, for example `Phone`."""
    url = fields.Function(
        lambda method: contact_methods.shown_url(method["url"]), metadata={"type": "string"}
    )
    """The URL, with everything masked that may be a secret."""
    created_at = Instant()


@blueprint.route(_PATH, methods=["GET"])
@blueprint.response(200, ContactMethodSchema(many=True))
def list_contact_methods(user_id: str) -> Any:
    """List the user's contact methods, oldest first."""
    with database().read() as db:
        return contact_methods.get_all(db, caller(), user_id)


@blueprint.route(_PATH, methods=["POST"])
@for_own_user
@blueprint.arguments(ContactMethodBodySchema)
@blueprint.error_codes("too_many_contact_methods")
@blueprint.response(201, ContactMethodSchema)
def create_contact_method(body: dict[str, Any], user_id: str) -> Any:
    """Create a contact method: pages also go there, unless the user has notification rules."""
    contact_methods.check_url(body["url"], settings().allowed_notification_schemes)
    contact_methods.check_network(body["url"], settings().delivery_networks)
    row: Row = write(contact_methods.create, user_id, body)
    return created(row, "users", user_id, "contact-methods")


@blueprint.route(f"{_PATH}/<uuid_text:method_id>", methods=["DELETE"])
@for_own_user
@blueprint.error_codes("severity_without_rule")
@blueprint.response(204)
def delete_contact_method(user_id: str, method_id: str) -> Any:
    """Delete a contact method, and take it out of the user's notification rules."""
    write(contact_methods.delete, user_id, method_id, bool(settings().smtp_url))
    return no_content()


@blueprint.route(f"{_PATH}/<uuid_text:method_id>/test", methods=["POST"])
@for_own_user
@blueprint.error_codes("busy")
@blueprint.response(200, TestOutcomeSchema)
def test_contact_method(user_id: str, method_id: str) -> Any:
    """Send a test page of the greatest length now, and say whether it was delivered.

    It takes at most 10 seconds. A server sends few at a time, and one for each user; else `503`.
    """
    with database().read() as db:
        method = contact_methods.find(db, caller(), user_id, method_id)
        user = users.get(db, caller(), user_id)
    page = channels.test_page(user, now=clock.now(), base_url=settings().public_url)
    outcome = try_out(page, method["url"], settings(), receiver_id=user_id)
    with suppress(Busy, StorageFull):  # what came of it is the answer all the same
        write(contact_methods.record_outcome, user_id, method_id, outcome.delivered)
    return outcome
