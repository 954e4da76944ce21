"""Incidents: `/v1/incidents` (contract §2 and §3)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, ClassVar

import marshmallow as ma
from flask import request
from marshmallow import fields, validate

from incident_service.errors import ValidationFailed
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_members, write
from incident_service.http.blueprint import Blueprint
from incident_service.http.body import read_json
from incident_service.http.fields import (
    UUID,
    Boolean,
    Instant,
    List,
    QueryBoolean,
    QueryDay,
    QueryInteger,
    Rows,
    Text,
    Words,
)
from incident_service.http.schemas import QuerySchema, RequestSchema, Schema
from incident_service.incidents import lifecycle, opening, reading, updates
from incident_service.severity import SEVERITIES
from incident_service.store import Row
from incident_service.store.audit import Event

AUDIT_DETAILS: dict[Event, str] = {
    "incident_opened": "`severity`, `ownerId`, `ownerScheduleId`, `escalationPolicyId` and "
    "`componentIds` at the start.",
    "incident_edited": "`before` and `after`: the fields that changed, and their values.",
    "status_changed": "`before` and `after`: the statuses; `via`: `link`, if it was by the link in "
    "a page.",
    "components_changed": "`before` and `after`: the ids of all components.",
    "page_sent": "`userId`; `layer`, the position of the layer that pages, or null if none does; "
    "`contactMethodId`, or null for the email address; which `attempt` it was; and `madeAt`, when "
    "the page was made, which is the same for all its messages. `delayMinutes`, "
    "if the user's rules delayed it. `help`, if it asks a responder to help. `notice`, if it was "
    "no page: `acknowledged` tells the owner that somebody else has acknowledged, `resolved` tells "
    "who was paged that the incident is over.",
    "page_failed": "the same, the `reason`, and `willRetry`.",
    "incident_acknowledged": "`via`: `link`, if it was by the link in a page.",
    "incident_handed_off": "`before` and `after`: the owners' ids, or null for nobody; and the "
    "`reason`, if the owner was deleted.",
    "layer_escalated": "`position` of the layer, and `userIds` that it pages; `conditionIgnored`, "
    "if it pages only because the conditions left nobody to page; `repeat`, how many times the "
    "policy has started again; `via`: `link`, if somebody escalated by the link in a page. The "
    "actor is whoever escalated, or null if its time had come.",
    "layer_skipped": "`position` of the layer, and the `reason`.",
    "escalation_exhausted": "none.",
    "last_resort_paged": "`userIds` of the admins who are paged because nobody else could be: of "
    "many the first 50, and how many `more`.",
    "update_posted": "`updateId`, `visibility`, and `statusChange` or null; never the text.",
    "update_redacted": "`updateId`.",
    "incident_confirmed": "none. A person acted on the provisional incident.",
    "alert_attached": "`alertIds`: of many the first 50, and how many `more`.",
    "alert_resolved": "the same, of alerts that do not fire any more.",
    "incident_unacknowledged": "the `reason`, if a snooze is over; else none.",
    "incident_snoozed": "`minutes`, `until` when, and `via`: `link`, if it was by the link in a "
    "page.",
    "incident_reopened": "`ownerId` and `escalationPolicyId` as they are from now on.",
    "responder_added": "`userIds` who are asked to help.",
    "responder_removed": "`userId`.",
}

blueprint = Blueprint("incidents", description="Open incidents, and work on them.")

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@blueprint.before_request
def take_number() -> None:
    """Let a path name an incident by its number too: replace it by the id (contract §1)."""
    path = request.view_args or {}
    if _NUMBER.fullmatch(path.get("id", "")):
        with database().read() as db:
            path["id"] = reading.id_of_number(db, caller(), int(path["id"])) or path["id"]


IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "Lets the request be repeated for 24 hours without opening a second incident.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}

IDEMPOTENT_REPLAYED = {
    "Idempotent-Replayed": {
        "description": "This is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    }
}


class OpenIncidentSchema(RequestSchema):
    """An incident to open."""

    RULES: ClassVar[dict[str, Any]] = {
        "if": {"properties": {"ownerId": {"type": "null"}}},
        "then": {
            "required": ["ownerScheduleId"],
            "properties": {"ownerScheduleId": {"type": "string"}},
        },
    }

    title = Text(1, 100, required=True)
    """What is wrong, in one line."""
    description = Text(0, 10_000)
    """Details for people, in plain text."""
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    """How bad the incident is."""
    owner_id = Text(1, 255)
    """The user who owns the incident. This or `ownerScheduleId` is required."""
    owner_schedule_id = UUID()
    """The schedule whose on-call user owns the incident, unless `ownerId` is given."""
    escalation_policy_id = UUID()
    """The policy by which people are paged; null for none. If it is not given, the policy that
    targets `ownerScheduleId` is used."""
    component_ids = List(UUID(), 0, 50, metadata={"uniqueItems": True})
    """The components that the incident affects, without duplicates."""
    is_public = Boolean()
    """Whether status pages may show the incident. True if not given, or if null clears it. A public
    update sets it to true."""
    public_title = Text(1, 100)
    """The title that customers read instead of `title`; null for none."""

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _has_a_target(self, _data: Any, sent: Any, **_: Any) -> None:
        targets = ("ownerId", "ownerScheduleId")
        if isinstance(sent, dict) and all(sent.get(name) is None for name in targets):
            raise ma.ValidationError(
                "At least one of ownerId and ownerScheduleId is required.", "ownerId"
            )


class AffectedComponentSchema(Schema):
    """A component that an incident names."""

    id = UUID()
    name = fields.String()
    """What the component is called now."""


class IncidentSchema(Schema):
    """An incident."""

    id = UUID()
    org_id = fields.String()
    sequential_id = fields.Integer()
    """The incident's number in its organization: 1, 2, 3, without gaps."""
    title = fields.String()
    """What is wrong, in one line."""
    description = fields.String(allow_none=True)
    """Details for people, in plain text."""
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """How bad the incident is."""
    status = fields.String(validate=validate.OneOf(lifecycle.STATUSES))
    """How far the incident is."""
    owner_id = fields.String(allow_none=True)
    """The user who owns the incident; null for nobody."""
    owner_schedule_id = UUID(allow_none=True)
    """The schedule whose on-call user owns the incident, unless `ownerId` is given."""
    escalation_policy_id = UUID(allow_none=True)
    """The policy by which people are paged; null for none."""
    affected_components = fields.List(fields.Nested(AffectedComponentSchema))
    """The components that the incident affects, in the order sent."""
    acknowledged_at = Instant(allow_none=True)
    """When somebody acknowledged the incident; null if nobody has."""
    acknowledged_by = fields.String(allow_none=True)
    """Who acknowledged the incident: the id of a user, of a key that acts for itself, or of an
    integration; null if nobody has."""
    # Defaults, for answers kept under an Idempotency-Key since before these fields existed.
    first_acknowledged_at = Instant(allow_none=True, dump_default=None)
    """When the incident was acknowledged for the first time, whatever happened since."""
    snoozed_until = Instant(allow_none=True, dump_default=None)
    """When the acknowledgement ends by itself; null if it does not."""
    resolved_at = Instant(allow_none=True)
    """When the incident was resolved; null if it is not resolved."""
    is_public = Boolean(dump_default=True)
    """Whether status pages may show the incident. True if not given, or if null clears it. A public
    update sets it to true."""
    public_title = fields.String(allow_none=True, dump_default=None)
    """The title that customers read instead of `title`; null for none."""
    is_provisional = Boolean(dump_default=False)
    """Whether alerts opened the incident and no person has acted on it yet, if their routing says
    `provisional_page`. Status pages and reports leave it out until then."""
    created_by = fields.String()
    created_at = Instant()
    updated_at = Instant()


class HistoryEntrySchema(Schema):
    """A status that an incident reached."""

    id = UUID()
    status = fields.String(validate=validate.OneOf(lifecycle.STATUSES))
    """How far the incident is."""
    changed_at = Instant()
    """When the incident reached the status."""
    changed_by = fields.String()
    """Who set the status: the id of a user, of a key that acts for itself, or of an integration."""
    resolution_note = fields.String(allow_none=True)
    """How the incident was resolved; null for every other status."""


class ResponderSchema(Schema):
    """Somebody who was asked to help with an incident."""

    user_id = fields.String()
    """The user who was asked."""
    added_at = Instant()
    """When they were asked."""
    added_by = fields.String()
    """Who asked them: the id of a user, or of a key that acts for itself."""


class AuditEventSchema(Schema):
    """Something that happened to an incident, and who did it."""

    id = UUID()
    event = fields.String(metadata={"enum": list(AUDIT_DETAILS)})
    """What happened."""
    at = Instant()
    """When it happened."""
    actor_id = fields.String(allow_none=True)
    """Who did it: the id of a user, of a key that acts for itself, or of an integration; null for
    the service."""
    details = fields.Dict(
        metadata={
            "description": "By event: "
            + " ".join(f"`{event}`: {text}" for event, text in AUDIT_DETAILS.items())
        }
    )


class WholeIncidentSchema(IncidentSchema):
    """An incident with its history and the latest part of its audit trail."""

    status_history = fields.List(fields.Nested(HistoryEntrySchema))
    """The statuses that the incident reached, oldest first: the latest 1,000, or fewer if their
    notes are long."""
    responders = fields.List(fields.Nested(ResponderSchema))
    """Who was asked to help with the incident, those asked first, first."""
    audit_trail = Rows(AuditEventSchema)
    """What happened to the incident, oldest first: the latest 1,000 events, or fewer if they are
    long. Nobody can change them."""
    audit_trail_omitted = fields.Integer()
    """How many older events are left out. `/audit-trail` lists all of them."""
    audit_trail_deleted_at = fields.String(attribute="trail_deleted_at", allow_none=True)
    """When the trail and the incident's alerts were deleted, because the service keeps them for so
    many days only; null if they were not. What happened to the incident since is on its trail."""


class AuditTrailSchema(Schema):
    """A part of an incident's audit trail, oldest first."""

    audit_trail = Rows(AuditEventSchema)
    """The events of this part of the trail, oldest first. Nobody can change them."""
    next_cursor = fields.String(allow_none=True)


class IncidentListSchema(Schema):
    """A part of the list of incidents, newest first."""

    incidents = fields.List(fields.Nested(IncidentSchema))
    """The incidents of this part of the list."""
    next_cursor = fields.String(allow_none=True)


class ListQuerySchema(QuerySchema):
    """Which incidents to list."""

    status = fields.String(validate=validate.OneOf((*lifecycle.STATUSES, reading.OPEN)))
    """Only incidents in this status; `open` for all that are not resolved."""
    severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """Only incidents of this severity."""
    owner_id = Text(1, 255)
    """Only incidents that this user owns."""
    component_id = UUID()
    """Only incidents that affect this component."""
    q = Words(1, 200)
    """Only incidents whose title and description together have all these words, or words that begin
    with them, in any order; letter case and accents aside. A word is a run of letters and digits;
    each Chinese character, and each hiragana, is a word of its own. A search that takes longer than
    half a second answers with what it has found, maybe nothing, and `nextCursor` goes on."""
    from_ = QueryDay(data_key="from", end=False)
    """Only incidents opened at this instant or later. A date means its first moment in UTC."""
    to = QueryDay(end=True)
    """Only incidents opened at this instant or earlier. A date means its last moment in UTC."""
    provisional = QueryBoolean(load_default=False)
    """With `true`, provisional incidents are listed too."""
    limit = QueryInteger(1, 100, load_default=20)
    cursor = fields.String()

    @ma.validates_schema
    def _ends_after_it_begins(self, query: dict[str, Any], **_: Any) -> None:
        if "from_" in query and "to" in query and query["to"] < query["from_"]:
            raise ma.ValidationError("Must not be before from.", "to")


class PartQuerySchema(QuerySchema):
    """Which part of a list to return."""

    limit = QueryInteger(1, 100, load_default=20)
    cursor = fields.String()


class EditBodySchema(RequestSchema):
    """The fields of an incident to change."""

    title = Text(1, 100, required=True)
    """What is wrong, in one line."""
    description = Text(0, 10_000)
    """Details for people, in plain text."""
    severity = fields.String(required=True, validate=validate.OneOf(SEVERITIES))
    """How bad the incident is."""
    is_public = Boolean()
    """Whether status pages may show the incident. True if not given, or if null clears it. A public
    update sets it to true."""
    public_title = Text(1, 100)
    """The title that customers read instead of `title`; null for none."""


class StatusBodySchema(RequestSchema):
    """The next status."""

    RULES: ClassVar[dict[str, Any]] = {
        "if": {
            "required": ["resolutionNote"],
            "properties": {"resolutionNote": {"type": "string"}},
        },
        "then": {"properties": {"status": {"const": "resolved"}}},
    }

    status = fields.String(required=True, validate=validate.OneOf(lifecycle.STATUSES))
    """The next status after the current one."""
    resolution_note = Text(0, 10_000)
    """How the incident was resolved. Only allowed with the status `resolved`."""

    @ma.validates_schema
    def _notes_a_resolution(self, body: dict[str, Any], **_: Any) -> None:
        if "resolution_note" in body and body["status"] != "resolved":
            raise ma.ValidationError("Only with the status resolved.", "resolutionNote")


class ComponentsBodySchema(RequestSchema):
    """The full new set of components."""

    component_ids = List(UUID(), 0, 50, required=True, metadata={"uniqueItems": True})
    """The components that the incident affects, without duplicates."""


@blueprint.route("/v1/incidents", methods=["POST"])
@for_members
@blueprint.arguments(OpenIncidentSchema)
@blueprint.error_codes(
    "invalid_owner_id",
    "duplicate_component_id",
    "invalid_component_id",
    "not_found",
    "idempotency_key_reused",
)
@blueprint.response(201, IncidentSchema, headers=IDEMPOTENT_REPLAYED)
@blueprint.doc(parameters=[IDEMPOTENCY_KEY])
def open_incident(body: dict[str, Any]) -> Any:
    """Open an incident."""
    component_ids = tuple(body.pop("component_ids", ()))
    new = opening.NewIncident(**body, component_ids=component_ids)
    key, replayed = _idempotency_key(), False
    if key is None:
        incident = write(opening.open_incident, new)
    else:
        incident, replayed = write(opening.open_once, new, key)
    answer_headers = {"Location": f"{request.script_root}/v1/incidents/{incident['id']}"}
    if replayed:
        answer_headers["Idempotent-Replayed"] = "true"
    return incident, 201, answer_headers


def _idempotency_key() -> opening.IdempotencyKey | None:
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= 255:
        raise ValidationFailed({"Idempotency-Key": ["Length must be between 1 and 255."]})
    return opening.IdempotencyKey(key, hash_of(read_json(request)))


def hash_of(body: Any) -> str:
    """Return the SHA-256 of a parsed body: equal for bodies that are equal once parsed."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


@blueprint.route("/v1/incidents", methods=["GET"])
@blueprint.arguments(ListQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, IncidentListSchema)
def list_incidents(query: dict[str, Any]) -> Any:
    """List incidents, newest first."""
    before = cursor.decode_number("incidents", query.pop("cursor", None)) or None
    since, until, limit = query.pop("from_", None), query.pop("to", None), query.pop("limit")
    with_provisional = query.pop("provisional")
    with database().read() as db:
        incidents, end = reading.get_slice(
            db,
            caller(),
            query,
            since=since,
            until=until,
            before=before,
            limit=limit,
            with_provisional=with_provisional,
        )
    return {"incidents": incidents, "next_cursor": cursor.encode("incidents", end)}


@blueprint.route("/v1/incidents/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, WholeIncidentSchema)
def get_incident(id: str) -> Any:
    """Return an incident with its history and audit trail."""
    return _whole_incident(id)


@blueprint.route("/v1/incidents/<uuid_text:id>/audit-trail", methods=["GET"])
@blueprint.arguments(PartQuerySchema, location="query")
@blueprint.error_codes("invalid_cursor")
@blueprint.response(200, AuditTrailSchema)
def list_audit_trail(query: dict[str, Any], id: str) -> Any:
    """List everything that happened to an incident, oldest first."""
    list_ = f"audit-trail of {id}"
    after = cursor.decode_number(list_, query.get("cursor"))
    with database().read() as db:
        events, end = reading.get_trail_slice(db, caller(), id, after=after, limit=query["limit"])
    return {"audit_trail": events, "next_cursor": cursor.encode(list_, end)}


@blueprint.route("/v1/incidents/<uuid_text:id>", methods=["PATCH"])
@for_members
@blueprint.arguments(EditBodySchema(partial=True))
@blueprint.response(200, WholeIncidentSchema)
def edit_incident(body: dict[str, Any], id: str) -> Any:
    """Change an incident's title, description or severity, or what customers see."""
    return change_incident(lifecycle.edit, id, body)


@blueprint.route("/v1/incidents/<uuid_text:id>/status", methods=["PATCH"])
@for_members
@blueprint.arguments(StatusBodySchema)
@blueprint.error_codes("invalid_status_transition")
@blueprint.response(200, WholeIncidentSchema)
def advance_incident(body: dict[str, Any], id: str) -> Any:
    """Move an incident to its next status, by an internal update without a text."""
    status, note = body["status"], body.get("resolution_note")
    return change_incident(updates.advance, id, status, note)


@blueprint.route("/v1/incidents/<uuid_text:id>/components", methods=["PUT"])
@for_members
@blueprint.arguments(ComponentsBodySchema)
@blueprint.error_codes("duplicate_component_id", "invalid_component_id")
@blueprint.response(200, WholeIncidentSchema)
def set_components(body: dict[str, Any], id: str) -> Any:
    """Replace the components that an incident affects; `[]` for none."""
    component_ids = body["component_ids"]
    return change_incident(lifecycle.set_components, id, component_ids)


def change_incident(work: Callable[..., object], id: str, *args: Any) -> Row:
    """Change an incident by `work`, in one write; return it as it is after the commit."""
    write(work, id, *args)
    return _whole_incident(id)


def _whole_incident(id: str) -> Row:
    with database().read() as db:
        return reading.get(db, caller(), id)
