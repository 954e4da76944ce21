"""What Uptime Kuma sends."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.errors import Unreadable
from tests.helpers.formats import links_of, read, read_one

TAGS = [
    {"tag_id": 1, "name": "Severity", "value": "high", "color": "#059669"},
    {"name": "component", "value": "Shop"},
    {"name": "prod", "value": ""},
]


def message(status: Any = 0, **changes: Any) -> dict[str, Any]:
    return {
        "heartbeat": {"monitorID": 9, "status": status, "msg": "connect ECONNREFUSED"},
        "monitor": {
            "id": 9,
            "name": "Shop",
            "type": "http",
            "url": "https://shop.example.com/",
            "hostname": None,
            "port": None,
            "tags": TAGS,
        },
        "msg": "[Shop] [🔴 Down] connect ECONNREFUSED",
    } | changes


def test_a_monitor_that_is_down() -> None:
    alert = read_one("uptime_kuma", message())
    assert (alert.action, alert.dedup_key, alert.group_key) == ("fire", "9", "9")
    assert (alert.title, alert.severity) == ("Shop", "high")
    assert alert.description == "connect ECONNREFUSED"
    assert alert.attributes == {
        "Severity": "high",
        "component": "Shop",
        "type": "http",
        "url": "https://shop.example.com/",
    }
    assert links_of(alert) == {"Monitored address": "https://shop.example.com/"}


def test_a_monitor_that_is_up() -> None:
    alert = read_one("uptime_kuma", message(1))
    assert (alert.action, alert.dedup_key) == ("resolve", "9")


@pytest.mark.parametrize("status", [2, 3])
def test_pending_and_maintenance_open_and_resolve_nothing(status: int) -> None:
    reading = read("uptime_kuma", message(status))
    assert reading.alerts == ()
    assert reading.remarks[0].startswith(f"heartbeat.status: {status} ")


@pytest.mark.parametrize(
    "text", ["My notification Testing", "[Shop][https://shop.example.com/] certificate expires"]
)
def test_the_test_button_and_notices_about_certificates_open_nothing(text: str) -> None:
    reading = read("uptime_kuma", {"heartbeat": None, "monitor": None, "msg": text})
    assert reading.alerts == ()
    assert text in reading.remarks[0]


def test_a_monitor_without_a_page_has_no_link() -> None:
    monitor = {
        "id": 9,
        "name": "db",
        "type": "port",
        "url": "https://",
        "hostname": "db",
        "port": 1,
    }
    alert = read_one("uptime_kuma", message(monitor=monitor))
    assert alert.links == ()
    assert alert.severity is None
    assert alert.attributes["hostname"] == "db"


def test_a_heartbeat_alone_names_the_monitor() -> None:
    assert read_one("uptime_kuma", message("1", monitor=None)).dedup_key == "9"


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ([], "body: Not an object."),
        ({}, "heartbeat: Missing."),
        (message(4), "heartbeat.status: Not 0, 1, 2 or 3."),
        (message(False), "heartbeat.status: Not 0, 1, 2 or 3."),
        (message(heartbeat="x"), "heartbeat.status: Not 0, 1, 2 or 3."),
        ({"heartbeat": {"status": 0}, "monitor": {}}, "monitor.id: Missing."),
    ],
)
def test_what_cannot_be_read_is_named(body: Any, fault: str) -> None:
    with pytest.raises(Unreadable) as error:
        read("uptime_kuma", body)
    assert error.value.message == fault
