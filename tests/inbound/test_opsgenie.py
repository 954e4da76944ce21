"""What tools send that speak Opsgenie's alert API."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from incident_service.errors import Unreadable
from incident_service.inbound.formats import opsgenie
from tests.helpers.formats import links_of, read, read_one


def create(**changes: Any) -> dict[str, Any]:
    return {
        "message": "web-1 does not answer",
        "alias": "web-1/http",
        "description": "502 for 5 minutes",
        "priority": "P2",
        "source": "https://monitor.example.com/1",
        "entity": "web-1",
        "tags": ["prod", "component:web", "team=shop"],
        "details": {"runbook": "https://wiki.example.com/web", "code": 502},
        "responders": [{"type": "team", "name": "web"}],
    } | changes


def test_a_call_to_create() -> None:
    alert = read_one("opsgenie", create())
    assert (alert.action, alert.dedup_key, alert.group_key) == ("fire", "web-1/http", "web-1/http")
    assert (alert.title, alert.severity) == ("web-1 does not answer", "P2")
    assert alert.description == "502 for 5 minutes"
    assert alert.attributes == {
        "runbook": "https://wiki.example.com/web",
        "code": "502",
        "entity": "web-1",
        "source": "https://monitor.example.com/1",
        "component": "web",
        "team": "shop",
        "tags": "prod, component:web, team=shop",
    }
    assert links_of(alert) == {
        "runbook": "https://wiki.example.com/web",
        "Source": "https://monitor.example.com/1",
    }


def test_without_an_alias_the_message_is_the_key() -> None:
    alert = read_one("opsgenie", create(alias=None))
    assert (alert.dedup_key, alert.group_key) == ("web-1 does not answer",) * 2


def test_without_a_priority_it_is_p3() -> None:
    assert read_one("opsgenie", create(priority=None)).severity == "P3"


def test_without_an_alias_and_a_message_it_cannot_be_read() -> None:
    with pytest.raises(Unreadable, match=r"^message: Missing\.$"):
        read("opsgenie", create(alias=None, message=""))


@pytest.mark.parametrize(("call", "action"), [("close", "resolve"), ("acknowledge",) * 2])
def test_calls_on_an_alias(call: Literal["close", "acknowledge"], action: str) -> None:
    (alert,) = opsgenie.read_action(call, "web-1/http").alerts
    assert (alert.action, alert.dedup_key, alert.group_key) == (action, "web-1/http", "web-1/http")


def test_an_alias_and_the_path_to_it_are_the_same_key() -> None:
    alias = "ключ/" * 200
    created = read_one("opsgenie", create(alias=alias))
    (closed,) = opsgenie.read_action("close", alias).alerts
    assert created.dedup_key == closed.dedup_key
