"""What tools send that speak PagerDuty's Events API, version 2."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.errors import Unreadable
from tests.helpers.formats import links_of, read, read_one


def trigger(**changes: Any) -> dict[str, Any]:
    return {
        "routing_key": "0123456789abcdef0123456789abcdef",
        "event_action": "trigger",
        "dedup_key": "web-1/http",
        "client": "Example monitor",
        "client_url": "https://monitor.example.com/1",
        "payload": {
            "summary": "web-1 does not answer",
            "source": "web-1",
            "severity": "warning",
            "component": "web",
            "custom_details": {"last": {"code": 502, "body": None}, "source": "hidden"},
        },
        "links": [{"href": "https://wiki.example.com/web", "text": "Runbook"}, {"text": "none"}],
        "images": [{"src": "https://monitor.example.com/g.png"}],
    } | changes


def test_a_trigger() -> None:
    alert = read_one("pagerduty", trigger())
    assert (alert.action, alert.dedup_key, alert.group_key) == ("fire", "web-1/http", "web-1/http")
    assert (alert.title, alert.severity) == ("web-1 does not answer", "warning")
    assert alert.attributes == {
        "source": "web-1",
        "component": "web",
        "client": "Example monitor",
        "last.code": "502",
    }
    assert links_of(alert) == {
        "Runbook": "https://wiki.example.com/web",
        "Example monitor": "https://monitor.example.com/1",
    }


def test_the_routing_key_is_nowhere_in_the_alert() -> None:
    assert trigger()["routing_key"] not in str(read("pagerduty", trigger()))


@pytest.mark.parametrize("action", ["acknowledge", "resolve"])
def test_acknowledge_and_resolve_need_the_key_alone(action: str) -> None:
    alert = read_one("pagerduty", {"event_action": action, "dedup_key": "k"})
    assert (alert.action, alert.dedup_key, alert.group_key) == (action, "k", "k")


def test_a_trigger_without_a_key_is_a_new_alert_each_time() -> None:
    keys = {read_one("pagerduty", trigger(dedup_key=None)).dedup_key for _ in range(100)}
    assert len(keys) == 100
    assert "" not in keys


def test_keys_of_any_length_stay_different() -> None:
    keys = ["k" * 255, "k" * 5000, "k" * 5001]
    read_keys = [read_one("pagerduty", trigger(dedup_key=key)).dedup_key for key in keys]
    assert read_keys[0] == keys[0]
    assert len(set(read_keys)) == 3
    assert max(map(len, read_keys)) <= 512


def test_what_alertmanager_sends_if_it_cuts_the_details() -> None:
    payload = trigger()["payload"] | {"custom_details": {"error": "removed"}}
    assert read_one("pagerduty", trigger(payload=payload)).attributes["error"] == "removed"


def test_details_that_are_a_text_are_the_description() -> None:
    payload = trigger()["payload"] | {"custom_details": "It is slow."}
    assert read_one("pagerduty", trigger(payload=payload)).description == "It is slow."


def test_the_test_button_of_uptime_kuma_is_an_alert_of_its_own() -> None:
    payload = {"summary": "[Uptime Kuma Alert] [undefined] Testing", "severity": "warning"}
    alert = read_one("pagerduty", trigger(dedup_key="Uptime Kuma/undefined", payload=payload))
    assert (alert.action, alert.dedup_key) == ("fire", "Uptime Kuma/undefined")


def test_an_unknown_severity_is_passed_on() -> None:
    payload = trigger()["payload"] | {"severity": "meh"}
    assert read_one("pagerduty", trigger(payload=payload)).severity == "meh"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("x", "body: Not an object."),
        (trigger(event_action=None), "'event_action' is missing or blank"),
        (
            trigger(event_action="open"),
            "'event_action' must be one of 'trigger', 'acknowledge' or 'resolve'",
        ),
        (trigger(payload=None), "'payload.summary' is missing or blank"),
        (trigger(payload={"summary": "  "}), "'payload.summary' is missing or blank"),
        ({"event_action": "resolve"}, "'dedup_key' is missing or blank"),
    ],
)
def test_faults_have_the_words_of_that_api(body: Any, fault: str) -> None:
    with pytest.raises(Unreadable) as error:
        read("pagerduty", body)
    assert error.value.message == fault
