"""Which severity a tool's own word stands for (contract §10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from incident_service.severity import Severity

WORDS: dict[str, Severity] = {
    "critical": "critical",
    "page": "critical",
    "fatal": "critical",
    "emergency": "critical",
    "p1": "critical",
    "error": "high",
    "high": "high",
    "major": "high",
    "p2": "high",
    "warning": "medium",
    "medium": "medium",
    "minor": "medium",
    "p3": "medium",
    "info": "low",
    "low": "low",
    "notice": "low",
    "p4": "low",
    "p5": "low",
}
"""The words that tools use, letter case aside."""


def severity_of(word: str | None, severity_map: Mapping[str, str], default: str) -> Severity:
    """Return the severity that a tool's word stands for.

    `severity_map`: an integration's own words, which come first, as spelled or else letter case
    aside. `default`: its severity for a word that nobody knows, or for none.
    """
    if word is None:
        return cast(Severity, default)
    folded = _fold(word)
    own = {_fold(known): severity for known, severity in severity_map.items()}
    found = severity_map.get(word) or own.get(folded) or WORDS.get(folded) or default
    return cast(Severity, found)


def _fold(word: str) -> str:
    return word.strip().casefold()
