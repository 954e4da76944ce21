"""The enumerations of the API, by the name that each has in the description.

A field does not say which enumeration it is; its values do. So each enumeration is in the
description once, and a generated client has one type for it.
"""

from __future__ import annotations

from collections.abc import Iterable

from incident_service.alerts import routing
from incident_service.alerts.incoming import STATUSES
from incident_service.alerts.kinds import KINDS
from incident_service.api.incidents import AUDIT_DETAILS
from incident_service.api.schedules import ROTATION_TYPES
from incident_service.http.error_codes import CODES, type_of
from incident_service.incidents import lifecycle, postmortems, reading, updates
from incident_service.oncall import hours
from incident_service.paging import matching, policies
from incident_service.people import caller
from incident_service.severity import SEVERITIES
from incident_service.status import levels, public_maintenance
from incident_service.store import changes

ENUMS: dict[str, tuple[tuple[str, ...], str]] = {
    "Severity": (SEVERITIES, "How bad an incident is; the worst comes first."),
    "IncidentStatus": (
        lifecycle.STATUSES,
        "How far an incident is, in order.",
    ),
    "IncidentStatusFilter": (
        (*lifecycle.STATUSES, reading.OPEN),
        "A status to look for: `open` is every status but `resolved`.",
    ),
    "AuditEventType": (tuple(AUDIT_DETAILS), "What can happen to an incident."),
    "Visibility": (updates.VISIBILITIES, "Who may read an update."),
    "PostmortemStatus": (postmortems.STATUSES, "Whether a post-mortem is finished."),
    "ComponentStatus": (
        levels.STATUSES,
        "How a component is, or how a status page shows it; the best comes first.",
    ),
    "MaintenanceStatus": (
        public_maintenance.PROGRESS,
        "How far maintenance is, in order.",
    ),
    "Impact": (levels.LEVELS, "How incidents affect a component; the best comes first."),
    "Role": (caller.ROLES, "What a user or a key may do."),
    "InvitationStatus": (("pending",), "An invitation that is listed waits to be accepted."),
    "RotationType": (ROTATION_TYPES, "How long a shift is."),
    "TargetType": (
        policies.TARGET_TYPES,
        "Who a layer pages: people on call, or users by name.",
    ),
    "ConditionWhen": (hours.WHENS, "Whether a layer takes part during working hours or outside."),
    "AlertStatus": (STATUSES, "Whether an alert fires."),
    "AlertOutcome": (
        routing.ALERT_OUTCOMES,
        "What became of an alert: `suppressed` if maintenance kept it from being routed.",
    ),
    "RoutingOutcome": (
        routing.OUTCOMES,
        "What becomes of alerts: an incident; one that does not count until a person acts on it; "
        "one message; or nothing but a record.",
    ),
    "IntegrationKind": (KINDS, "Which tool sends, and so how its alerts are read."),
    "SubscriptionEvent": (matching.EVENTS, "What a subscription can be told of."),
    "ChangeAction": (
        changes.ACTIONS,
        "What was done to a thing: `token_rotated` gave an integration a new token.",
    ),
    "ResourceType": (changes.RESOURCE_TYPES, "What kind of thing was changed."),
    "HealthStatus": (("ok",), "The service answers."),
    "PagingStatus": (("ok", "late"), "Whether pages are sent in time."),
    "ErrorType": (tuple(sorted({type_of(code) for code in CODES})), "The kind of an error."),
}

_NAMES = {frozenset(values): name for name, (values, _) in ENUMS.items()}


def name_of(values: Iterable[str]) -> str:
    """Return the name of the enumeration that has exactly these values.

    Raises `LookupError` if it has no name yet.
    """
    try:
        return _NAMES[frozenset(values)]
    except KeyError:
        message = f"no enumeration in enums.py has the values {', '.join(sorted(values))}"
        raise LookupError(message) from None
