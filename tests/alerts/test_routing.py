"""Which rule decides about an alert, as a pure function (contract §10)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_service.alerts.routing import OUTCOMES, Rule, folded, folded_selectors, route
from incident_service.alerts.severity_words import WORDS, severity_of
from incident_service.severity import SEVERITIES

KEYS = st.sampled_from(["team", "Team", "env", "ENV", "straße", "STRASSE"])
VALUES = st.sampled_from(["db", "DB", "web", "Prod", "prod", "ÄRGER", "ärger"])
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=4)
MATCHERS = st.lists(st.fixed_dictionaries({"key": KEYS, "value": VALUES}), min_size=1, max_size=3)
POLICY_IDS = ["default", "p1", "p2", "p3"]
SELECTORS = st.lists(
    st.fixed_dictionaries(
        {"matchers": MATCHERS, "routing_policy_id": st.sampled_from(POLICY_IDS[1:])}
    ),
    max_size=5,
)
SEVERITY = st.sampled_from(SEVERITIES)


def rule(policy_id: str, severity: str) -> Rule:
    """Return the rule of a policy, which no other one has."""
    outcome = OUTCOMES[SEVERITIES.index(severity)]
    return Rule(outcome, f"{policy_id} {severity}")


POLICIES: dict[str, dict[str, dict[str, Any]]] = {
    id: {
        severity: {
            "outcome": rule(id, severity).outcome,
            "escalation_policy_id": rule(id, severity).escalation_policy_id,
        }
        for severity in SEVERITIES
    }
    for id in POLICY_IDS
}


def routed(
    selectors: list[dict[str, Any]],
    attributes: dict[str, str],
    own: str | None = None,
    severity: str = "high",
) -> Rule:
    return route(
        own,
        folded_selectors(selectors),
        POLICIES,
        "default",
        severity=severity,
        attributes=folded(attributes.items()),
    )


def holds(selector: dict[str, Any], attributes: dict[str, str]) -> bool:
    """Whether all matchers of the selector hold, told in another way than the service does."""
    return all(
        any(
            key.casefold() == matcher["key"].casefold()
            and value.casefold() == matcher["value"].casefold()
            for key, value in attributes.items()
        )
        for matcher in selector["matchers"]
    )


@given(SELECTORS, ATTRIBUTES, st.sampled_from([None, *POLICY_IDS]), SEVERITY)
def test_the_first_selector_that_holds_gives_the_policy(
    selectors: list[dict[str, Any]], attributes: dict[str, str], own: str | None, severity: str
) -> None:
    fitting = [each["routing_policy_id"] for each in selectors if holds(each, attributes)]
    expected = (fitting or [own or "default"])[0]
    assert routed(selectors, attributes, own, severity) == rule(expected, severity)


@given(SELECTORS, ATTRIBUTES)
def test_letter_case_does_not_matter(
    selectors: list[dict[str, Any]], attributes: dict[str, str]
) -> None:
    # Upper case is not one to one: STRASSE and straße are the same, letter case aside.
    loud = {key.upper(): value.upper() for key, value in attributes.items()}
    if len(loud) == len(attributes):
        assert routed(selectors, loud) == routed(selectors, attributes)


@given(SELECTORS, ATTRIBUTES)
def test_the_order_of_matchers_and_of_attributes_does_not_matter(
    selectors: list[dict[str, Any]], attributes: dict[str, str]
) -> None:
    turned = [{**each, "matchers": each["matchers"][::-1]} for each in selectors]
    backwards = dict(reversed(attributes.items()))
    assert routed(turned, backwards) == routed(selectors, attributes)


@given(SELECTORS, st.sampled_from([None, *POLICY_IDS]))
def test_a_key_that_the_alert_does_not_have_never_holds(
    selectors: list[dict[str, Any]], own: str | None
) -> None:
    assert routed(selectors, {"other": "db"}, own) == rule(own or "default", "high")


@given(SELECTORS, ATTRIBUTES, MATCHERS)
def test_a_selector_after_one_that_holds_decides_nothing(
    selectors: list[dict[str, Any]], attributes: dict[str, str], matchers: list[dict[str, str]]
) -> None:
    last = {"matchers": matchers, "routing_policy_id": "p1"}
    before = routed(selectors, attributes)
    if any(holds(each, attributes) for each in selectors):
        assert routed([*selectors, last], attributes) == before


def test_a_value_that_only_contains_the_matcher_does_not_hold() -> None:
    selector = {"matchers": [{"key": "team", "value": "db"}], "routing_policy_id": "p1"}
    assert routed([selector], {"team": "db "}) == rule("default", "high")
    assert routed([selector], {"teams": "db"}) == rule("default", "high")
    assert routed([selector], {"TEAM": "Db"}) == rule("p1", "high")


class CountedText(str):
    """A text that counts how often texts of its kind are folded."""

    folds = 0

    def casefold(self) -> str:
        CountedText.folds += 1
        return super().casefold()


def test_matchers_are_folded_once_however_many_alerts_come() -> None:
    matchers = [{"key": CountedText("K"), "value": CountedText(f"V{n}")} for n in range(20)]
    selectors = folded_selectors([{"matchers": matchers, "routing_policy_id": "p1"}] * 5)
    CountedText.folds = 0
    for _ in range(100):
        route(
            None,
            selectors,
            POLICIES,
            "default",
            severity="high",
            attributes=folded({"k": "v1"}.items()),
        )
    assert CountedText.folds == 0


def test_common_words_are_known_in_any_letter_case() -> None:
    words = {
        "critical": "critical page fatal emergency p1",
        "high": "error high major p2",
        "medium": "warning medium minor p3",
        "low": "info low notice p4 p5",
    }
    for severity, known in words.items():
        for word in known.split():
            for spelling in (word, word.upper(), word.title(), f" {word} "):
                assert severity_of(spelling, {}, "high") == severity
    assert len(WORDS) == sum(len(known.split()) for known in words.values())


def test_an_integrations_own_words_come_first() -> None:
    own = {"Disaster": "critical", "warning": "low", "WARNING": "high"}
    assert severity_of("disaster", own, "medium") == "critical"
    assert severity_of("warning", own, "medium") == "low"
    assert severity_of("WARNING", own, "medium") == "high"


@given(st.none() | st.text())
def test_a_word_that_nobody_knows_gives_the_default(word: str | None) -> None:
    if word is None or word.strip().casefold() not in WORDS:
        assert severity_of(word, {}, "medium") == "medium"
