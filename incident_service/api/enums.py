"""The enumerations of the API, by the name that each has in the description.

A field's own schema does not say which enumeration it is; its values do. So each stands in the
description once, and a generated client has one type for it.
"""

from __future__ import annotations

from incident_service import caller, component_status, hours, incidents, policies, updates
from incident_service.api.incidents import AUDIT_DETAILS
from incident_service.api.schedules import ROTATION_TYPES
from incident_service.codes import CODES, type_of

ENUMS: dict[str, tuple[tuple[str, ...], str]] = {
    "Severity": (incidents.SEVERITIES, "How bad an incident is, the worst first."),
    "IncidentStatus": (incidents.STATUSES, "How far an incident is; each follows the one before."),
    "AuditEventType": (tuple(AUDIT_DETAILS), "What can happen to an incident."),
    "Visibility": (updates.VISIBILITIES, "Who may read an update."),
    "ComponentStatus": (
        component_status.STATUSES,
        "How a status page shows a component, the best first.",
    ),
    "OperationalStatus": (
        component_status.LEVELS,
        "What open incidents make of a component, the best first.",
    ),
    "Role": (caller.ROLES, "What a user or a key may do."),
    "RotationType": (ROTATION_TYPES, "How long a shift is."),
    "TargetType": (policies.TARGET_TYPES, "Whom a layer pages."),
    "ConditionWhen": (hours.WHENS, "Whether a layer takes part during working hours or outside."),
    "HealthStatus": (("ok",), "That the service answers."),
    "PagingStatus": (("ok", "late"), "Whether pages leave in time."),
    "ErrorType": (tuple(sorted({type_of(code) for code in CODES})), "The kind of an error."),
}

NAMES: dict[frozenset[str], str] = {frozenset(values): name for name, (values, _) in ENUMS.items()}
"""The name of the enumeration that has exactly these values."""
