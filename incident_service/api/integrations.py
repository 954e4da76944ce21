"""Inbound integrations: `/v1/integrations/inbound` (contract §10)."""

from __future__ import annotations

from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.alerts import integrations, receipts
from incident_service.alerts.kinds import KINDS
from incident_service.http.acting import caller, database, for_admins, settings, write
from incident_service.http.blueprint import Blueprint, created, no_content
from incident_service.http.fields import UUID, Boolean, ByWord, Instant, List, Text
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.inbound import trying
from incident_service.inbound.answers import DeliverySchema, TakenAlertSchema
from incident_service.inbound.formats import check_mapping
from incident_service.severity import SEVERITIES
from incident_service.store import Row

blueprint = Blueprint("integrations", description="The tools that send alerts.")

_PATH = "/v1/integrations/inbound"


def _needs_kind(kind: str, *names: str) -> dict[str, Any]:
    """Return the rule, in JSON Schema, that other kinds do not have the fields."""
    return {
        "if": {"required": ["kind"], "properties": {"kind": {"not": {"const": kind}}}},
        "then": {"properties": {name: {"type": "null"} for name in names}},
    }


class SelectorMatcherSchema(RequestSchema):
    """What an alert's attribute must be."""

    key = Text(1, 255, required=True)
    """The attribute's name. The severity is not one: routing policies have a rule for each."""
    value = Text(1, 255, required=True)
    """What the attribute must equal; letter case does not count."""

    @ma.validates("key")
    def _is_an_attribute(self, key: str, **_: Any) -> None:
        if key.casefold() == "severity":
            raise ma.ValidationError("Not an attribute: a routing policy has a rule for each.")


class SelectorBodySchema(RequestSchema):
    """A routing policy for the alerts whose attributes match."""

    matchers = List(fields.Nested(SelectorMatcherSchema), 1, 20, required=True)
    """What must hold of an alert, all of it."""
    routing_policy_id = UUID(required=True)
    """The routing policy for these alerts."""


class SelectorsBodySchema(RequestSchema):
    """The full new list of selectors."""

    selectors = List(
        fields.Nested(SelectorBodySchema), 0, integrations.MAX_SELECTORS, required=True
    )
    """The selectors, in the order in which they are tried; the first that matches counts. All
    together have at most 1,000 matchers."""

    @ma.validates("selectors")
    def _is_bounded(self, selectors: list[Row], **_: Any) -> None:
        matchers = (selector.get("matchers", ()) for selector in selectors)  # one at fault has none
        if sum(map(len, matchers)) > integrations.MAX_MATCHERS:
            raise ma.ValidationError(
                f"All together have more than {integrations.MAX_MATCHERS:,} matchers."
            )


class InboundIntegrationBodySchema(RequestSchema):
    """The changes to an integration; its kind is fixed."""

    name = Text(1, 255, required=True)
    """Unique among the organization's integrations."""
    component_id = UUID()
    """The component of alerts that name none; null for none."""
    routing_policy_id = UUID()
    """The routing policy of alerts that no selector matches; null for the default one."""
    default_severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """The severity of alerts whose own word for it is unknown, or that have none. `high` if not
    given."""
    severity_map = ByWord(fields.String(validate=validate.OneOf(SEVERITIES)))
    """What the tool's words for a severity mean, before the common words are tried; letter case
    does not count."""
    auto_resolve = Boolean()
    """Whether an incident that its alerts opened is resolved once they are. True if not given."""
    resolve_after_seconds = fields.Integer(strict=True, validate=validate.Range(0, 3600))
    """How long all alerts must be resolved before the incident is. 60 if not given."""
    mapping = fields.Dict(keys=fields.String(), values=fields.String())
    """Only for the kind `generic`: a JMESPath expression for each of an alert's fields, and
    `alerts` for the list of them, whose elements the other expressions see. Null for fields of the
    same names."""
    every_seconds = fields.Integer(strict=True, validate=validate.Range(60, 2_592_000))
    """Only for the kind `heartbeat`, and required there: how often the sign of life comes."""
    grace_seconds = fields.Integer(strict=True, validate=validate.Range(0, 86_400))
    """Only for the kind `heartbeat`: how late the sign of life may be. 60 if not given."""

    @ma.validates("mapping")
    def _has_expressions(self, mapping: dict[str, str] | None, **_: Any) -> None:
        try:
            check_mapping(mapping or {})
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


class NewInboundIntegrationSchema(InboundIntegrationBodySchema):
    """An integration to create."""

    RULES: ClassVar[dict[str, Any]] = {
        "allOf": [
            _needs_kind("generic", "mapping"),
            _needs_kind("heartbeat", "everySeconds", "graceSeconds"),
            {
                "if": {"required": ["kind"], "properties": {"kind": {"const": "heartbeat"}}},
                "then": {
                    "required": ["everySeconds"],
                    "properties": {"everySeconds": {"type": "integer"}},
                },
            },
        ]
    }

    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    """Which tool sends, and so how its alerts are read."""


class SelectorSchema(Schema):
    """A routing policy for the alerts whose attributes match."""

    matchers = fields.List(fields.Nested(SelectorMatcherSchema))
    """What must hold of an alert, all of it."""
    routing_policy_id = UUID()
    """The routing policy for these alerts."""


class InboundIntegrationSchema(Schema):
    """A tool that sends alerts."""

    id = UUID()
    org_id = fields.String()
    name = fields.String()
    """Unique among the organization's integrations."""
    kind = fields.String(validate=validate.OneOf(KINDS))
    """Which tool sends, and so how its alerts are read."""
    component_id = UUID(allow_none=True)
    """The component of alerts that name none; null for none."""
    routing_policy_id = UUID(allow_none=True)
    """The routing policy of alerts that no selector matches; null for the default one."""
    selectors = fields.List(fields.Nested(SelectorSchema))
    """Routing policies for some of the alerts, in the order in which they are tried."""
    default_severity = fields.String(validate=validate.OneOf(SEVERITIES))
    """The severity of alerts whose own word for it is unknown, or that have none."""
    severity_map = fields.Dict(
        keys=fields.String(), values=fields.String(validate=validate.OneOf(SEVERITIES))
    )
    """What the tool's words for a severity mean, in the order sent."""
    auto_resolve = Boolean()
    """Whether an incident that its alerts opened is resolved once they are."""
    resolve_after_seconds = fields.Integer()
    """How long all alerts must be resolved before the incident is."""
    mapping = fields.Dict(keys=fields.String(), values=fields.String(), allow_none=True)
    """JMESPath expressions for an alert's fields; null for none."""
    every_seconds = fields.Integer(allow_none=True)
    """How often the sign of life comes; null if the kind is not `heartbeat`."""
    grace_seconds = fields.Integer(allow_none=True)
    """How late the sign of life may be; null if the kind is not `heartbeat`."""
    last_received_at = Instant(allow_none=True)
    """When a request last came; null for never."""
    created_at = Instant()
    updated_at = Instant()


class InboundIntegrationWithTokenSchema(InboundIntegrationSchema):
    """An integration with its new token."""

    url = fields.String()
    """Where the tool sends, without another key. It contains the token, and is shown only once."""
    token = fields.String()
    """What the tool sends with. It is shown only once."""


class InboundIntegrationListSchema(Schema):
    """All integrations of an organization."""

    integrations = fields.List(fields.Nested(InboundIntegrationSchema))
    """The integrations, by name."""


class RefusalSchema(Schema):
    """Why a request was refused."""

    code = fields.String()
    """Which error it was, for programs."""
    message = fields.String()
    """What was wrong, for people."""


class ReceiptSchema(Schema):
    """A request that came for an integration."""

    id = UUID()
    received_at = Instant()
    """When it came."""
    status = fields.Integer()
    """The HTTP status of the answer."""
    body = fields.String()
    """The first 8 KiB of the body; the token is masked."""
    is_cut = Boolean()
    """Whether the body was longer."""
    alerts = fields.List(fields.Nested(TakenAlertSchema))
    """What became of its alerts, the first 50."""
    more = fields.Integer()
    """How many alerts it had besides."""
    remarks = fields.List(fields.String())
    """What could not be read, though the rest was taken."""
    error = fields.Nested(RefusalSchema, allow_none=True)
    """Why the request was refused; null if it was not."""


class TrialSchema(DeliverySchema):
    """What would become of a sample."""

    remarks = fields.List(fields.String())
    """What could not be read, and why nothing is found; with a mapping, what it was tried on."""


class ReceiptListSchema(Schema):
    """The latest requests that came for an integration."""

    receipts = fields.List(fields.Nested(ReceiptSchema))
    """The receipts, newest first: at most 50, and none older than 7 days."""


@blueprint.route(_PATH, methods=["GET"])
@blueprint.response(200, InboundIntegrationListSchema)
def list_integrations() -> Any:
    """List the integrations by name."""
    with database().read() as db:
        return {"integrations": integrations.get_all(db, caller())}


@blueprint.route(_PATH, methods=["POST"])
@blueprint.arguments(NewInboundIntegrationSchema)
@blueprint.error_codes(
    "name_conflict", "invalid_component_id", "invalid_routing_policy_id", "too_many_integrations"
)
@blueprint.response(201, InboundIntegrationWithTokenSchema)
def create_integration(body: dict[str, Any]) -> Any:
    """Create an integration; `url` and `token` are shown only this once."""
    row = write(
        lambda db, who, *, now: integrations.create(
            db, org_id=who.org_id, values=body, actor_id=who.actor_id, now=now
        )
    )
    return created(_with_url(row), "integrations", "inbound")


@blueprint.route(f"{_PATH}/<uuid_text:id>", methods=["GET"])
@blueprint.response(200, InboundIntegrationSchema)
def get_integration(id: str) -> Any:
    """Return an integration."""
    with database().read() as db:
        return integrations.get(db, caller(), id)


@blueprint.route(f"{_PATH}/<uuid_text:id>", methods=["PATCH"])
@blueprint.arguments(InboundIntegrationBodySchema(partial=True))
@blueprint.error_codes("name_conflict", "invalid_component_id", "invalid_routing_policy_id")
@blueprint.response(200, InboundIntegrationSchema)
def change_integration(body: dict[str, Any], id: str) -> Any:
    """Change some fields of an integration; `null` sets the default. Its kind cannot change."""
    return write(integrations.change, id, body)


@blueprint.route(f"{_PATH}/<uuid_text:id>", methods=["DELETE"])
@blueprint.response(204)
def delete_integration(id: str) -> Any:
    """Delete an integration. Its token ends, and its alerts are resolved."""
    write(integrations.delete, id)
    return no_content()


@blueprint.route(f"{_PATH}/<uuid_text:id>/selectors", methods=["PUT"])
@blueprint.arguments(SelectorsBodySchema)
@blueprint.error_codes("invalid_routing_policy_id")
@blueprint.response(200, InboundIntegrationSchema)
def set_selectors(body: dict[str, Any], id: str) -> Any:
    """Replace the selectors of an integration; `[]` for none."""
    return write(integrations.set_selectors, id, body["selectors"])


@blueprint.route(f"{_PATH}/<uuid_text:id>/rotate-token", methods=["POST"])
@blueprint.response(200, InboundIntegrationWithTokenSchema)
def rotate_token(id: str) -> Any:
    """Give an integration a new `url` and `token`, shown only this once; the old ones end."""
    return _with_url(write(integrations.rotate_token, id))


@blueprint.route(f"{_PATH}/<uuid_text:id>/test", methods=["POST"])
@blueprint.response(200, TrialSchema)
def test_integration(id: str) -> Any:
    """Return what would become of a sample of the kind's alerts; nothing is kept or sent.

    A `mapping` is tried on the latest body that came, if there is one of up to 8 KiB.
    """
    with database().read() as db:
        reading = trying.read_sample(db, caller(), id)
    return {"alerts": write(trying.try_reading, id, reading), "remarks": reading.remarks}


@blueprint.route(f"{_PATH}/<uuid_text:id>/receipts", methods=["GET"])
@for_admins
@blueprint.response(200, ReceiptListSchema)
def list_receipts(id: str) -> Any:
    """List the latest requests that came for an integration, newest first."""
    with database().read() as db:
        return {"receipts": receipts.get_all(db, caller(), id)}


def _with_url(row: Row) -> Row:
    return {**row, "url": integrations.url_of(settings().public_url, row["token"])}
