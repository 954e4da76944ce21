"""Which rule decides what becomes of an alert: a pure function (contract §10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from incident_service.store import Row

Outcome = Literal["incident", "provisional_page", "notification", "drop"]
"""What a rule can make of an alert."""

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

AlertOutcome = Literal["incident", "provisional_page", "notification", "drop", "suppressed"]
"""What can become of an alert: `suppressed` if maintenance kept it from being routed."""

ALERT_OUTCOMES: tuple[AlertOutcome, ...] = get_args(AlertOutcome)


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of an alert, and the escalation policy that the rule names."""

    outcome: Outcome
    escalation_policy_id: str | None


@dataclass(frozen=True, slots=True)
class Selector:
    """A routing policy for the alerts that have all these attributes; letter case is folded."""

    attributes: frozenset[tuple[str, str]]
    routing_policy_id: str


def folded_selectors(selectors: Iterable[Row]) -> list[Selector]:
    """Return selectors ready to be compared: to fold them for each alert would take long."""
    return [
        Selector(
            folded((matcher["key"], matcher["value"]) for matcher in selector["matchers"]),
            selector["routing_policy_id"],
        )
        for selector in selectors
    ]


def folded(pairs: Iterable[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Return names and values without their letter case."""
    return frozenset((name.casefold(), value.casefold()) for name, value in pairs)


def route(
    policy_id: str | None,
    selectors: Sequence[Selector],
    policies: Mapping[str, Mapping[str, Row]],
    default_id: str,
    *,
    severity: str,
    attributes: frozenset[tuple[str, str]],
) -> Rule:
    """Return the rule for an alert with the folded attributes.

    The first selector that matches gives the routing policy, else the integration's `policy_id`
    does, else it is the default one. `policies`: what each does by severity, by its id.
    """
    policy_id = _selected(selectors, attributes) or policy_id or default_id
    rules = policies.get(policy_id) or policies[default_id]
    rule = rules[severity]
    return Rule(rule["outcome"], rule["escalation_policy_id"])


def _selected(selectors: Sequence[Selector], attributes: frozenset[tuple[str, str]]) -> str | None:
    """Return the routing policy of the first selector that matches."""
    for selector in selectors:
        if selector.attributes <= attributes:
            return selector.routing_policy_id
    return None
