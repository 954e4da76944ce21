"""How bad an incident is (contract §2)."""

from __future__ import annotations

from typing import Literal, cast, get_args

Severity = Literal["critical", "high", "medium", "low"]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The worst first."""


def is_worse(severity: str, than: str) -> bool:
    """Whether one severity is worse than another."""
    return SEVERITIES.index(cast(Severity, severity)) < SEVERITIES.index(cast(Severity, than))
