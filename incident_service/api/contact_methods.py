"""How a user is reached: `/v1/users/{id}/contact-methods` (contract §8)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from marshmallow import fields

from incident_service import clock
from incident_service.errors import Busy
from incident_service.http.blueprint import (
    Blueprint,
    caller,
    created,
    database,
    for_own_user,
    no_content,
    settings,
    write,
)
from incident_service.http.fields import UUID, Instant, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.paging import channels, contact_methods, pager
from incident_service.paging.connections import Attempt
from incident_service.people import users
from incident_service.store import Row

blueprint = Blueprint("contact_methods", description="How a user is reached.")

_PATH = "/v1/users/<user_id:user_id>/contact-methods"


TEST_SECONDS = 9.0
"""Less than the 10 seconds within which the answer must be there (contract §8)."""

TESTS_AT_ONCE = 2
"""In one process, because each test keeps a thread of the API busy."""


class _Tests:
    """The tests that this process is sending."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: set[tuple[str, str]] = set()

    @contextmanager
    def one_of(self, user: tuple[str, str]) -> Iterator[None]:
        """Hold a place for a user, given organization and id. Raises `Busy` if none is free."""
        with self._lock:
            if user in self._users or len(self._users) >= TESTS_AT_ONCE:
                raise Busy("Another test page is being sent. Try again in a few seconds.")
            self._users.add(user)
        try:
            yield
        finally:
            with self._lock:
                self._users.discard(user)


_tests = _Tests()


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


class TestOutcomeSchema(Schema):
    """The outcome of a test message."""

    delivered = fields.Boolean()
    """Whether the message was delivered."""
    reason = fields.String(allow_none=True)
    """Why the message was not delivered; null if it was."""


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
    """Create a contact method: pages to the user also go there."""
    contact_methods.check_url(body["url"], settings().allowed_notification_schemes)
    contact_methods.check_network(body["url"], settings().delivery_networks)
    row: Row = write(contact_methods.create, user_id, body)
    return created(row, "users", user_id, "contact-methods")


@blueprint.route(f"{_PATH}/<uuid_text:method_id>", methods=["DELETE"])
@for_own_user
@blueprint.response(204)
def delete_contact_method(user_id: str, method_id: str) -> Any:
    """Delete a contact method."""
    write(contact_methods.delete, user_id, method_id)
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
    with _tests.one_of((user["org_id"], user_id)):
        attempt = Attempt(TEST_SECONDS, settings().delivery_networks)
        return pager.send_within(attempt, page, method["url"], settings())
