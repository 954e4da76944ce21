"""Shifts in a calendar program: `/v1/users/{id}/calendar-feeds` (contract §4)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

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
from incident_service.http.fields import UUID, Instant
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.oncall import calendar_feeds

blueprint = Blueprint("calendar_feeds", description="Shifts in a calendar program.")

_PATH = "/v1/users/<user_id:user_id>/calendar-feeds"


class CalendarFeedBodySchema(RequestSchema):
    """A calendar feed to create."""

    schedule_id = UUID()
    """The schedule whose shifts it has, everybody's; null for the user's own, of all schedules."""


class CalendarFeedSchema(Schema):
    """A calendar feed."""

    id = UUID()
    schedule_id = UUID(allow_none=True)
    """The schedule whose shifts it has, everybody's; null for the user's own, of all schedules."""
    created_at = Instant()


class NewCalendarFeedSchema(CalendarFeedSchema):
    """A calendar feed, and its address."""

    url = fields.String(metadata={"format": "uri"})
    """Where calendar programs read the feed, without a key. It is shown once; keep it secret."""


@blueprint.route(_PATH, methods=["GET"])
@blueprint.response(200, CalendarFeedSchema(many=True))
def list_calendar_feeds(user_id: str) -> Any:
    """List the user's calendar feeds, oldest first."""
    with database().read() as db:
        return calendar_feeds.get_all(db, caller(), user_id)


@blueprint.route(_PATH, methods=["POST"])
@for_own_user
@blueprint.arguments(CalendarFeedBodySchema)
@blueprint.error_codes("invalid_schedule_id", "too_many_calendar_feeds")
@blueprint.response(201, NewCalendarFeedSchema)
def create_calendar_feed(body: dict[str, Any], user_id: str) -> Any:
    """Create a calendar feed, for a calendar program to subscribe to.

    It has an event for each shift of the last 60 days and of the year ahead.
    """
    feed = write(calendar_feeds.create, user_id, body)
    shown = {**feed, "url": calendar_feeds.url_of(settings().public_url, feed["token"])}
    return created(shown, "users", user_id, "calendar-feeds")


@blueprint.route(f"{_PATH}/<uuid_text:feed_id>", methods=["DELETE"])
@for_own_user
@blueprint.response(204)
def delete_calendar_feed(user_id: str, feed_id: str) -> Any:
    """Delete a calendar feed: its address stops working."""
    write(calendar_feeds.delete, user_id, feed_id)
    return no_content()
