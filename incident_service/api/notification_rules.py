"""How soon a user is paged, and by what: `/v1/users/{id}/notification-rules` (contract §8)."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from incident_service.http.acting import caller, database, for_own_user, settings, write
from incident_service.http.blueprint import Blueprint, no_content
from incident_service.http.fields import UUID, Boolean, List
from incident_service.http.schemas import RequestSchema, Schema
from incident_service.paging import notification_rules
from incident_service.severity import SEVERITIES

blueprint = Blueprint(
    "notification_rules", description="By which contact methods a user is paged, and how soon."
)

_PATH = "/v1/users/<user_id:user_id>/notification-rules"


class NotificationRuleBodySchema(RequestSchema):
    """A rule that is to be set."""

    contact_method_id = UUID(load_default=None)
    """The user's contact method that is used; null for the user's email address."""
    severities = List(
        fields.String(validate=validate.OneOf(SEVERITIES)),
        1,
        len(SEVERITIES),
        unique=True,
        required=True,
    )
    """The severities of the incidents and alerts that the rule is for."""
    delay_minutes = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, notification_rules.MAX_DELAY_MINUTES),
    )
    """How many minutes later than at once; 0 if not given. What has a delay is not sent once the
    incident is acknowledged or resolved."""


class NotificationRulesBodySchema(RequestSchema):
    """The rules to set, in place of those there were."""

    rules = List(
        fields.Nested(NotificationRuleBodySchema), 0, notification_rules.MAX_RULES, required=True
    )
    """The rules. Each severity must be in one at least; a rule for the email address counts if the
    service has a mail server."""
    resolved_notice = Boolean(load_default=True)
    """Whether the user is told that an incident is resolved for which they were paged; true if not
    given."""


class NotificationRuleSchema(Schema):
    """A rule for how a user is paged."""

    contact_method_id = UUID(allow_none=True)
    """The user's contact method that is used; null for the user's email address."""
    severities = fields.List(fields.String(validate=validate.OneOf(SEVERITIES)))
    """The severities of the incidents and alerts that the rule is for."""
    delay_minutes = fields.Integer()
    """How many minutes later than at once."""


class NotificationRulesSchema(Schema):
    """How a user is paged."""

    rules = fields.List(fields.Nested(NotificationRuleSchema))
    """The rules, in the order sent. By default, every contact method and the email address, for
    every severity, at once."""
    resolved_notice = Boolean()
    """Whether the user is told that an incident is resolved for which they were paged."""
    is_default = Boolean()
    """Whether the user has no rules of their own, so that a new contact method counts at once."""


@blueprint.route(_PATH, methods=["GET"])
@blueprint.response(200, NotificationRulesSchema)
def get_notification_rules(user_id: str) -> Any:
    """Return the user's notification rules, or the default."""
    with database().read() as db:
        return notification_rules.get(db, caller(), user_id, bool(settings().smtp_url))


@blueprint.route(_PATH, methods=["PUT"])
@for_own_user
@blueprint.arguments(NotificationRulesBodySchema)
@blueprint.error_codes("invalid_contact_method_id", "severity_without_rule")
@blueprint.response(200, NotificationRulesSchema)
def replace_notification_rules(body: dict[str, Any], user_id: str) -> Any:
    """Replace the user's notification rules."""
    return write(notification_rules.replace, user_id, body, bool(settings().smtp_url))


@blueprint.route(_PATH, methods=["DELETE"])
@for_own_user
@blueprint.response(204)
def delete_notification_rules(user_id: str) -> Any:
    """Go back to the default: every contact method and the email address, at once."""
    write(notification_rules.delete, user_id, bool(settings().smtp_url))
    return no_content()
