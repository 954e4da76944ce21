"""Post-mortems, and what incidents are as Markdown: `/v1/incidents/{id}/…` (contract §12)."""

from __future__ import annotations

from typing import Any

import flask
from marshmallow import fields, validate

from incident_service.api.incidents import PartQuerySchema, take_number
from incident_service.api.updates import AuthorSchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_members, settings, write
from incident_service.http.blueprint import Blueprint, no_content
from incident_service.http.fields import UUID, Boolean, Instant, List, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.incidents import postmortems, timeline

blueprint = Blueprint(
    "postmortems", description="What was learned from incidents, and their timelines."
)
blueprint.before_request(take_number)

_MARKDOWN = "text/markdown; charset=utf-8"

_IS_MARKDOWN = {200: {"content": {_MARKDOWN: {"schema": {"type": "string"}}}}}
"""What the API's description says of an answer that is Markdown."""

_VERSION = f"<int(min=1, max={postmortems.MAX_VERSIONS}):number>"


class PostmortemBodySchema(RequestSchema):
    """A post-mortem to save."""

    body = Text(1, postmortems.MAX_BODY, required=True)
    """What was learned from the incident, in Markdown."""
    status = fields.String(validate=validate.OneOf(postmortems.STATUSES))
    """Whether it is finished. If not given, it stays; at first it is a `draft`."""
    author_ids = List(Text(1, 255), 0, postmortems.MAX_AUTHORS, unique=True)
    """The users who wrote it, without duplicates. If not given, they stay; at first it is the user
    that the key acts for."""


class SavedSchema(Schema):
    """What each version of a post-mortem has."""

    id = UUID()
    status = fields.String(validate=validate.OneOf(postmortems.STATUSES))
    """Whether it is finished."""
    author_ids = fields.List(fields.String())
    """The users who wrote it, in the order sent."""
    authors = fields.List(fields.Nested(AuthorSchema))
    """The same users with their names. Deleted ones are named as they were."""
    saved_by = fields.Nested(AuthorSchema)
    """Who saved it, named as they were then."""


class PostmortemSchema(SavedSchema):
    """What was learned from an incident: the latest version."""

    incident_id = UUID()
    """The incident that it is about."""
    body = fields.String()
    """The text, in Markdown."""
    version = fields.Integer(attribute="number")
    """Which version it is, and so how many there are."""
    created_at = Instant()
    """When the first version was saved."""
    updated_at = Instant(attribute="saved_at")
    """When the latest version was saved."""


class PostmortemVersionSchema(SavedSchema):
    """A version of a post-mortem, without its text."""

    number = fields.Integer()
    """Which version of the incident's post-mortem it is, counted from 1."""
    saved_at = Instant()
    """When it was saved."""


class WholePostmortemVersionSchema(PostmortemVersionSchema):
    """A version of a post-mortem."""

    body = fields.String()
    """The text, in Markdown."""


class PostmortemVersionListSchema(Schema):
    """A part of the versions of a post-mortem, newest first."""

    versions = fields.List(fields.Nested(PostmortemVersionSchema))
    """The versions of this part of the list, without their texts."""
    next_cursor = fields.String(allow_none=True)


class TemplateBodySchema(RequestSchema):
    """What new post-mortems start from."""

    body = Text(1, postmortems.MAX_TEMPLATE, required=True)
    """The text, in Markdown. `{{number}}`, `{{title}}`, `{{summary}}` and `{{timeline}}` are filled
    in for each incident."""


class TemplateSchema(Schema):
    """What new post-mortems start from."""

    body = fields.String()
    """The text, in Markdown. `{{number}}`, `{{title}}`, `{{summary}}` and `{{timeline}}` are filled
    in for each incident."""
    is_default = Boolean()
    """Whether it is the one that comes with the service."""
    updated_at = Instant(allow_none=True)
    """When the organization last set it; null if it is the one that comes with the service."""


@blueprint.route("/v1/incidents/<uuid_text:id>/postmortem", methods=["GET"])
@blueprint.response(200, PostmortemSchema)
def get_postmortem(id: str) -> Any:
    """Return what was learned from an incident.

    It stays readable if the incident is reopened.
    """
    with database().read() as db:
        return postmortems.get(db, caller(), id)


@blueprint.route("/v1/incidents/<uuid_text:id>/postmortem", methods=["PUT"])
@for_members
@blueprint.arguments(PostmortemBodySchema)
@blueprint.error_codes("incident_not_resolved", "invalid_author_id", "too_many_versions")
@blueprint.response(200, PostmortemSchema)
def save_postmortem(body: dict[str, Any], id: str) -> Any:
    """Save what was learned from a resolved incident.

    Every version is kept. If nothing changes, no version is added.
    """
    return write(postmortems.save, id, body)


@blueprint.route("/v1/incidents/<uuid_text:id>/postmortem.md", methods=["GET"])
@blueprint.response(200)
@blueprint.doc(responses=_IS_MARKDOWN)
def get_postmortem_markdown(id: str) -> flask.Response:
    """Return the text of an incident's post-mortem as it was written."""
    with database().read() as db:
        return _markdown(postmortems.get(db, caller(), id)["body"])


@blueprint.route("/v1/incidents/<uuid_text:id>/postmortem/versions", methods=["GET"])
@blueprint.arguments(PartQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, PostmortemVersionListSchema)
def list_postmortem_versions(query: dict[str, Any], id: str) -> Any:
    """List the versions of an incident's post-mortem, newest first, without their texts."""
    list_ = f"postmortem versions of {id}"
    before = cursor.decode_number(list_, query.get("cursor")) or None
    with database().read() as db:
        found, end = postmortems.versions(db, caller(), id, before=before, limit=query["limit"])
    return {"versions": found, "next_cursor": cursor.encode(list_, end)}


@blueprint.route(f"/v1/incidents/<uuid_text:id>/postmortem/versions/{_VERSION}", methods=["GET"])
@blueprint.response(200, WholePostmortemVersionSchema)
def get_postmortem_version(id: str, number: int) -> Any:
    """Return one version of an incident's post-mortem."""
    with database().read() as db:
        return postmortems.version(db, caller(), id, number)


@blueprint.route("/v1/incidents/<uuid_text:id>/timeline.md", methods=["GET"])
@blueprint.response(200)
@blueprint.doc(responses=_IS_MARKDOWN)
def get_timeline(id: str) -> flask.Response:
    """Return what happened to an incident as Markdown, to paste into a post-mortem.

    It has a summary, and then what happened, in order: at most the latest 1,000 events, and a line
    that says how many more there are. Times are in the organization's zone. Texts of people and
    tools are escaped, so that they show as they were written.
    """
    with database().read() as db:
        told = timeline.tell(db, caller(), id, base_url=settings().public_url)
    return _markdown(told.markdown)


@blueprint.route("/v1/postmortem-template", methods=["GET"])
@blueprint.response(200, TemplateSchema)
def get_postmortem_template() -> Any:
    """Return what new post-mortems start from."""
    with database().read() as db:
        return postmortems.template(db, caller())


@blueprint.route("/v1/postmortem-template", methods=["PUT"])
@blueprint.arguments(TemplateBodySchema)
@blueprint.response(200, TemplateSchema)
def save_postmortem_template(body: dict[str, Any]) -> Any:
    """Set what new post-mortems start from."""
    return write(postmortems.save_template, body["body"])


@blueprint.route("/v1/postmortem-template", methods=["DELETE"])
@blueprint.response(204)
def delete_postmortem_template() -> Any:
    """Go back to the template that comes with the service."""
    write(postmortems.delete_template)
    return no_content()


def _markdown(text: str) -> flask.Response:
    return flask.Response(text, content_type=_MARKDOWN)
