"""The enumerations of the API, by the name that each has in the description.

A field's own schema does not say which enumeration it is; its values do. So each stands in the
description once, and a generated client has one type for it.
"""

from __future__ import annotations

from incident_service.api.incidents import AUDIT_DETAILS
from incident_service.api.schedules import ROTATION_TYPES
from incident_service.http.error_codes import CODES, type_of
from incident_service.incidents import lifecycle, updates
from incident_service.oncall import hours
from incident_service.paging import policies
from incident_service.people import caller
from incident_service.severity import SEVERITIES
from incident_service.status import levels

ENUMS: dict[str, tuple[tuple[str, ...], str]] = {
    "Severity": (SEVERITIES, "How bad an incident is, the worst first."),
    "IncidentStatus": (lifecycle.STATUSES, "How far an incident is; each follows the one before."),
    "AuditEventType": (tuple(AUDIT_DETAILS), "What can happen to an incident."),
    "Visibility": (updates.VISIBILITIES, "Who may read an update."),
    "ComponentStatus": (
        levels.STATUSES,
        "How a status page shows a component, the best first.",
    ),
    "OperationalStatus": (
        levels.LEVELS,
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
