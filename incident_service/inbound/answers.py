"""What tools are answered (contract §10)."""

from __future__ import annotations

from marshmallow import fields, validate

from incident_service.alerts.incoming import STATUSES
from incident_service.alerts.routing import ALERT_OUTCOMES
from incident_service.http.fields import UUID
from incident_service.http.schemas import Schema


class TakenAlertSchema(Schema):
    """What became of an alert that a tool sent."""

    id = UUID(allow_none=True)
    """The alert; null if it resolves what is not open."""
    dedup_key = fields.String()
    """What makes it the same alert while it fires."""
    status = fields.String(validate=validate.OneOf(STATUSES))
    """Whether it fires."""
    outcome = fields.String(validate=validate.OneOf([*ALERT_OUTCOMES, None]), allow_none=True)
    """What became of it; null if it resolves what is not open."""
    incident_id = UUID(allow_none=True)
    """The incident that it belongs to; null for none."""


class DeliverySchema(Schema):
    """What became of all that a tool sent."""

    alerts = fields.List(fields.Nested(TakenAlertSchema))
    """The alerts, in the order sent."""
