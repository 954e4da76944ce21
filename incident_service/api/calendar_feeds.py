"""Shifts in a calendar program: `/v1/users/{id}/calendar-feeds` (contract §4)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_own_user, settings, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Instant, QueryInteger
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
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


class CalendarFeedListSchema(Schema):
    """A part of the list of a user's calendar feeds, newest first."""

    calendar_feeds = fields.List(fields.Nested(CalendarFeedSchema))
    """The calendar feeds of this part of the list."""
    next_cursor = fields.String(allow_none=True)


class CalendarFeedQuerySchema(QuerySchema):
    """Which part of the list to return."""

    limit = QueryInteger(1, 100, load_default=20)
    cursor = fields.String()


@blueprint.route(_PATH, methods=["GET"])
@blueprint.arguments(CalendarFeedQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, CalendarFeedListSchema)
def list_calendar_feeds(query: dict[str, Any], user_id: str) -> Any:
    """List the user's calendar feeds, newest first."""
    list_ = f"calendar-feeds {user_id}"
    before = cursor.decode_name(list_, query.get("cursor"))
    with database().read() as db:
        listed, end = calendar_feeds.get_slice(
            db, caller(), user_id, before=before, limit=query["limit"]
        )
    return {"calendar_feeds": listed, "next_cursor": cursor.encode(list_, end)}


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
