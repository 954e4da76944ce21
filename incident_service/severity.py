"""How bad an incident is (contract §2)."""

from __future__ import annotations

from typing import Literal, cast, get_args

Severity = Literal["critical", "high", "medium", "low"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""

MEANINGS: dict[Severity, str] = {
    "critical": "Full outage or data loss affecting all or most customers.",
    "high": "Significant degradation affecting a large portion of customers or a key feature.",
    "medium": "Partial degradation with a workaround available, or affecting a minority of "
    "customers.",
    "low": "Minor issue with minimal customer impact, or a cosmetic or non-functional defect.",
}
"""How to choose: by the impact on customers and business, not by technical scope."""


def is_worse(severity: str, than: str) -> bool:
    """Whether one severity is worse than another."""
    return SEVERITIES.index(cast(Severity, severity)) < SEVERITIES.index(cast(Severity, than))
