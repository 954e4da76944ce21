"""The enumerations of the API, by the name that each has in the description.

A field does not say which enumeration it is; its values do. So each enumeration is in the
description once, and a generated client has one type for it.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    "Severity": (SEVERITIES, "How bad an incident is; the worst comes first."),
    "IncidentStatus": (
        lifecycle.STATUSES,
        "How far an incident is, in order.",
    ),
    "AuditEventType": (tuple(AUDIT_DETAILS), "What can happen to an incident."),
    "Visibility": (updates.VISIBILITIES, "Who may read an update."),
    "ComponentStatus": (
        levels.STATUSES,
        "How a status page shows a component; the best comes first.",
    ),
    "OperationalStatus": (
        levels.LEVELS,
        "How a component is, from its open incidents; the best comes first.",
    ),
    "Role": (caller.ROLES, "What a user or a key may do."),
    "RotationType": (ROTATION_TYPES, "How long a shift is."),
    "TargetType": (
        policies.TARGET_TYPES,
        "Who a layer pages: people on call, or users by name.",
    ),
    "ConditionWhen": (hours.WHENS, "Whether a layer takes part during working hours or outside."),
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
