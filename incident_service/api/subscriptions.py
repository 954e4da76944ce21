"""Who is told what happens: `/v1/subscriptions` (contract §8)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service import clock
from incident_service.api.trying_out import TestOutcomeSchema, try_out
from incident_service.http import cursor
from incident_service.http.acting import caller, database, settings, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, List, QueryInteger, Text
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
from incident_service.paging import channels, contact_methods, subscriptions
from incident_service.paging.matching import EVENTS
from incident_service.severity import SEVERITIES

blueprint = Blueprint("subscriptions", description="Chats and tools that are told what happens.")

_LIST = "subscriptions"

MAX_NAMED = 100
"""How many schedules, and how many components, a subscription may name."""


class SubscriptionBodySchema(RequestSchema):
    """A subscription to create, or its changes."""

    label = Text(1, 255, required=True)
    """What people call the subscription, for example `#incidents`."""
    url = fields.String(
        required=True,
        metadata={"format": "uri", "maxLength": contact_methods.MAX_URL_LENGTH},
    )
    """Where the messages go: an Apprise URL, or an https:// URL for the service's own webhook."""
    events = List(
        fields.String(validate=validate.OneOf(EVENTS)), 1, len(EVENTS), unique=True, required=True
    )
    """What it is told of. A resolved incident is `incident_resolved` alone; one that alerts opened
    provisionally counts as opened once it is confirmed."""
    severities = List(
        fields.String(validate=validate.OneOf(SEVERITIES)), 1, len(SEVERITIES), unique=True
    )
    """The severities of incidents that it is about; null: all."""
    schedule_ids = List(UUID(), 1, MAX_NAMED, unique=True)
    """The schedules that it is about: those that incidents name as `ownerScheduleId`, and those
    whose shifts change; null: all, and incidents without a schedule."""
    component_ids = List(UUID(), 1, MAX_NAMED, unique=True)
    """The components of which an incident must affect one; null: any, or none."""


class SubscriptionSchema(Schema):
    """A subscription, with the secrets in its URL masked."""

    id = UUID()
    org_id = fields.String()
    label = fields.String()
    """What people call the subscription, for example `#incidents`."""
    url = fields.Function(
        lambda subscription: contact_methods.shown_url(subscription["url"]),
        metadata={"type": "string"},
    )
    """The URL, with everything masked that may be a secret."""
    events = fields.List(fields.String(validate=validate.OneOf(EVENTS)))
    """What it is told of."""
    severities = fields.List(fields.String(validate=validate.OneOf(SEVERITIES)), allow_none=True)
    """The severities of incidents that it is about; null: all."""
    schedule_ids = fields.List(UUID(), allow_none=True)
    """The schedules that it is about, in the order sent; null: all."""
    component_ids = fields.List(UUID(), allow_none=True)
    """The components that it is about, in the order sent; null: all."""
    created_by = fields.String()
    created_at = Instant()
    updated_at = Instant()


class SubscriptionListSchema(Schema):
    """A part of the list of subscriptions, newest first."""

    subscriptions = fields.List(fields.Nested(SubscriptionSchema))
    """The subscriptions of this part of the list."""
    next_cursor = fields.String(allow_none=True)


class SubscriptionQuerySchema(QuerySchema):
    """Which part of the list to return."""

    limit = QueryInteger(1, 100, load_default=20)
    cursor = fields.String()


@blueprint.route("/v1/subscriptions", methods=["GET"])
@blueprint.arguments(SubscriptionQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, SubscriptionListSchema)
def list_subscriptions(query: dict[str, Any]) -> Any:
    """List the subscriptions, newest first."""
    before = cursor.decode_name(_LIST, query.get("cursor"))
    with database().read() as db:
        listed, end = subscriptions.get_slice(db, caller(), before=before, limit=query["limit"])
    return {"subscriptions": listed, "next_cursor": cursor.encode(_LIST, end)}


@blueprint.route("/v1/subscriptions", methods=["POST"])
@blueprint.arguments(SubscriptionBodySchema)
@blueprint.error_codes("invalid_schedule_id", "invalid_component_id", "too_many_subscriptions")
@blueprint.response(201, SubscriptionSchema)
def create_subscription(body: dict[str, Any]) -> Any:
    """Create a subscription: each event sends one message to its URL, after all pages."""
    _check_url(body)
    return created(write(subscriptions.create, body), "subscriptions")


@blueprint.route("/v1/subscriptions/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, SubscriptionSchema)
def get_subscription(id: str) -> Any:
    """Return a subscription."""
    with database().read() as db:
        return subscriptions.get(db, caller(), id)


@blueprint.route("/v1/subscriptions/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(SubscriptionBodySchema(partial=True))
@blueprint.error_codes("invalid_schedule_id", "invalid_component_id")
@blueprint.response(200, SubscriptionSchema)
def change_subscription(body: dict[str, Any], id: str) -> Any:
    """Change some fields of a subscription; `null` lets it be about all.

    Messages that wait go to the new URL, and none to the old one.
    """
    _check_url(body)
    return write(subscriptions.change, id, body)


@blueprint.route("/v1/subscriptions/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def delete_subscription(id: str) -> Any:
    """Delete a subscription; messages that wait are not sent."""
    write(subscriptions.delete, id)
    return no_content()


@blueprint.route("/v1/subscriptions/<uuid_text:id>/test", methods=["POST"])
@blueprint.error_codes("busy")
@blueprint.response(200, TestOutcomeSchema)
def test_subscription(id: str) -> Any:
    """Send a test message of the greatest length now, and say whether it was delivered.

    It takes at most 10 seconds. A server sends few at a time, and one for each subscription; else
    `503`.
    """
    with database().read() as db:
        subscription = subscriptions.get(db, caller(), id)
    message = channels.test_event(subscription, now=clock.now(), base_url=settings().public_url)
    return try_out(message, subscription["url"], settings(), receiver_id=id)


def _check_url(body: dict[str, Any]) -> None:
    """Raise `ValidationFailed` if messages cannot, or may not, go to the URL of a body."""
    if "url" in body:
        contact_methods.check_url(body["url"], settings().allowed_notification_schemes)
        contact_methods.check_network(body["url"], settings().delivery_networks)
