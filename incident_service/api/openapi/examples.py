"""An example of every request body, by the name of its schema; a `PATCH` has one of its own.

Each is accepted as it stands once its ids are those of things in the organization.
"""

from __future__ import annotations

from typing import Any

_USER = "user_0198a4f17c3e7d52a9b06f41d28c5e90"
_SCHEDULE = "f47ac10b-58cc-4372-a567-0e02b2c3d479"
_COMPONENT = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
_POLICY = "0198a4f1-7c3e-7d52-a9b0-6f41d28c5e91"
_WORKING_HOURS = "0198a4f1-7c3e-7d52-a9b0-6f41d28c5e92"
_ROUTING = "0198a4f1-7c3e-7d52-a9b0-6f41d28c5e95"
_METHOD = "0198a4f1-7c3e-7d52-a9b0-6f41d28c5e96"
_LAYERS = ["0198a4f1-7c3e-7d52-a9b0-6f41d28c5e93", "0198a4f1-7c3e-7d52-a9b0-6f41d28c5e94"]

_CONDITION = {"workingHoursId": _WORKING_HOURS, "when": "during"}

_EXAMPLES: dict[str, dict[str, Any]] = {
    "OpenIncident": {
        "title": "Payment service elevated error rate",
        "description": "The payment processing service is returning 5xx errors at 12% above "
        "baseline.",
        "severity": "critical",
        "ownerScheduleId": _SCHEDULE,
        "componentIds": [_COMPONENT],
    },
    "EditBodyChanges": {"title": "Payments fail for some customers", "severity": "high"},
    "StatusBody": {"status": "identified"},
    "ResolveBody": {"resolutionNote": "Rolled the deployment back."},
    "SnoozeBody": {"minutes": 60},
    "RespondersBody": {"userIds": [_USER]},
    "HandoffBody": {"targetUserId": _USER},
    "ComponentsBody": {"componentIds": [_COMPONENT]},
    "UpdateBody": {
        "visibility": "internal",
        "body": "The latest deployment is the cause; rolling back.",
        "statusChange": "identified",
    },
    "PostmortemBody": {
        "body": "# Incident 42: Payments fail\n\n## What happened\n\nA deployment was rolled back.",
        "status": "draft",
        "authorIds": [_USER],
    },
    "TemplateBody": {"body": "# {{title}}\n\n{{summary}}\n\n## Timeline\n\n{{timeline}}"},
    "ComponentBody": {
        "name": "Checkout",
        "description": "Takes orders and payments.",
        "groupLabel": "Shop",
        "aliases": ["checkout-service"],
        "escalationPolicyId": _POLICY,
    },
    "ComponentBodyChanges": {"groupLabel": "Shop", "aliases": ["checkout-service", "cart"]},
    "NewUser": {
        "email": "grace@example.com",
        "firstName": "Grace",
        "lastName": "Hopper",
        "role": "org:member",
    },
    "UserBodyChanges": {"firstName": "Grace", "lastName": "Hopper"},
    "InviteBody": {"emailAddress": "grace@example.com", "role": "org:member"},
    "RoleBody": {"role": "org:admin"},
    "ContactMethodBody": {"label": "Phone", "url": "ntfys://ntfy.sh/grace-on-call-3f9b2c"},
    "NotificationRulesBody": {
        "rules": [
            {"contactMethodId": _METHOD, "severities": ["critical", "high"], "delayMinutes": 0},
            {"contactMethodId": _METHOD, "severities": ["critical"], "delayMinutes": 5},
            {"contactMethodId": _METHOD, "severities": ["medium", "low"], "delayMinutes": 30},
        ],
        "resolvedNotice": False,
    },
    "SubscriptionBody": {
        "label": "#incidents",
        "url": "https://chat.example.com/hooks/7f3a9c21",
        "events": ["incident_opened", "incident_acknowledged", "incident_resolved"],
        "severities": ["critical", "high"],
        "scheduleIds": [_SCHEDULE],
        "componentIds": [_COMPONENT],
    },
    "SubscriptionBodyChanges": {"events": ["incident_opened", "shift_changed"]},
    "ApiKeyBody": {
        "name": "deploy",
        "role": "org:member",
        "userId": _USER,
        "expiresAt": "2099-01-01T00:00:00Z",
    },
    "CalendarFeedBody": {"scheduleId": _SCHEDULE},
    "ScheduleBody": {
        "name": "Payments primary",
        "description": "First to be paged for payments.",
        "timezone": "Europe/Berlin",
    },
    "LayerBody": {
        "name": "Weekly",
        "rotationType": "weekly",
        "handoffTime": "09:00",
        "effectiveFrom": "2026-01-05T09:00:00+01:00",
        "participantIds": [_USER],
    },
    "LayerOrder": {"layerIds": _LAYERS},
    "PreviewBody": {
        "layers": [
            {
                "name": "Daily",
                "rotationType": "daily",
                "handoffTime": "09:00",
                "effectiveFrom": "2027-01-04T09:00:00+01:00",
                "participantIds": [_USER],
            }
        ],
        "from": "2027-01-01T00:00:00+01:00",
        "to": "2027-02-01T00:00:00+01:00",
    },
    "OverrideBody": {
        "userId": _USER,
        "startsAt": "2026-12-24T09:00:00+01:00",
        "endsAt": "2026-12-27T09:00:00+01:00",
        "reason": "Holidays",
    },
    "OverrideBodyChanges": {"userId": _USER, "reason": "Grace has the flu"},
    "OverridesBody": {
        "overrides": [
            {
                "userId": _USER,
                "startsAt": "2027-02-01T09:00:00+01:00",
                "endsAt": "2027-02-02T09:00:00+01:00",
                "reason": "Swap",
            },
            {
                "userId": _USER,
                "startsAt": "2027-02-08T09:00:00+01:00",
                "endsAt": "2027-02-09T09:00:00+01:00",
                "reason": "Swap",
            },
        ]
    },
    "EscalationPolicyBody": {
        "name": "Payments",
        "description": "Primary first, then the lead.",
        "repeat": 2,
        "steps": [
            {"targetType": "schedule", "targetId": _SCHEDULE, "escalateAfterSeconds": 300},
            {
                "targetType": "users",
                "userIds": [_USER],
                "escalateAfterSeconds": 900,
                "condition": _CONDITION,
            },
        ],
    },
    "EscalationPolicyBodyChanges": {"description": "Primary first, then the lead.", "repeat": 1},
    "EscalationLayerBody": {
        "ackTimeoutMinutes": 15,
        "target": {"type": "users", "userIds": [_USER]},
        "condition": _CONDITION,
        "position": 1,
    },
    "EscalationLayerBodyChanges": {"ackTimeoutMinutes": 10, "position": 1},
    "EscalationLayerOrder": {"layerIds": _LAYERS},
    "WorkingHoursBody": {
        "name": "Office hours",
        "timezone": "Europe/Berlin",
        "windows": [{"days": [1, 2, 3, 4, 5], "start": "09:00", "end": "17:00"}],
    },
    "WorkingHoursBodyChanges": {
        "windows": [{"days": [1, 2, 3, 4], "start": "08:00", "end": "18:00"}]
    },
    "RoutingPolicyBody": {
        "name": "Payments",
        "description": "Pages for what customers notice; the rest can wait.",
        "rules": [
            {"severity": "critical", "outcome": "incident", "escalationPolicyId": _POLICY},
            {"severity": "high", "outcome": "incident", "escalationPolicyId": None},
            {"severity": "medium", "outcome": "notification", "escalationPolicyId": None},
            {"severity": "low", "outcome": "drop", "escalationPolicyId": None},
        ],
    },
    "NewInboundIntegration": {
        "name": "Prometheus",
        "kind": "alertmanager",
        "componentId": _COMPONENT,
        "defaultSeverity": "high",
        "severityMap": {"page": "critical", "ticket": "low"},
        "resolveAfterSeconds": 120,
    },
    "InboundIntegrationBodyChanges": {"autoResolve": False, "routingPolicyId": _ROUTING},
    "SelectorsBody": {
        "selectors": [
            {
                "matchers": [
                    {"key": "team", "value": "payments"},
                    {"key": "environment", "value": "production"},
                ],
                "routingPolicyId": _ROUTING,
            }
        ]
    },
    "OrganizationBodyChanges": {
        "timezone": "Europe/Berlin",
        "defaultEscalationPolicyId": _POLICY,
    },
    "MaintenanceWindowBody": {
        "title": "Database upgrade",
        "description": "Payments may fail for a few minutes.",
        "componentIds": [_COMPONENT],
        "startsAt": "2027-01-10T22:00:00+01:00",
        "endsAt": "2027-01-11T00:00:00+01:00",
    },
    "MaintenanceWindowBodyChanges": {"endsAt": "2027-01-11T01:00:00+01:00"},
    "StatusPageBody": {
        "slug": "acme",
        "title": "Acme status",
        "published": True,
        "componentIds": [_COMPONENT],
        "overrides": {_COMPONENT: "maintenance"},
    },
    "StatusPageBodyChanges": {"title": "Acme status", "published": True, "overrides": {}},
}


def example_of(schema: str) -> dict[str, Any]:
    """Return the example of a body, by the name of its schema.

    Raises `LookupError` if it has none yet.
    """
    if schema not in _EXAMPLES:
        raise LookupError(f"examples.py has no example of the body {schema}")
    return _EXAMPLES[schema]
