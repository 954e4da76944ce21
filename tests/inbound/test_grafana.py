"""What Grafana sends, today and before version 9."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.errors import Unreadable
from tests.helpers.formats import links_of, read, read_one


def notification(labels: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    one = {
        "status": "firing",
        "labels": labels or {"alertname": "Slow checkout", "grafana_folder": "Shop"},
        "annotations": {"summary": "p99 is 3 s", "__orgId__": "1"},
        "startsAt": "2026-11-25T09:10:00+01:00",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://g.example.com/alerting/grafana/a1/view",
        "fingerprint": "aa11",
        "silenceURL": "https://g.example.com/alerting/silence/new",
        "dashboardURL": "https://g.example.com/d/shop",
        "panelURL": "https://g.example.com/d/shop?viewPanel=3",
        "imageURL": "",
        "values": {"A": 3.1, "C": 1},
        "valueString": "[ var='A' value=3.1 ]",
    } | changes
    return {
        "version": "1",
        "orgId": 1,
        "groupKey": '{}:{grafana_folder="Shop"}',
        "externalURL": "https://g.example.com/",
        "title": "[FIRING:1] Shop",
        "state": "alerting",
        "message": "**Firing**",
        "status": "firing",
        "alerts": [one],
    }


def test_an_alert() -> None:
    alert = read_one("grafana", notification())
    assert (alert.action, alert.dedup_key, alert.title) == ("fire", "aa11", "p99 is 3 s")
    assert alert.group_key == '{}:{grafana_folder="Shop"}'
    assert alert.severity is None
    assert alert.description == "**Firing**"
    assert alert.attributes == {
        "alertname": "Slow checkout",
        "grafana_folder": "Shop",
        "values.A": "3.1",
        "values.C": "1",
    }
    assert links_of(alert) == {
        "Panel": "https://g.example.com/d/shop?viewPanel=3",
        "Dashboard": "https://g.example.com/d/shop",
        "Silence": "https://g.example.com/alerting/silence/new",
        "Source": "https://g.example.com/alerting/grafana/a1/view",
        "Grafana": "https://g.example.com/",
    }


def test_an_alert_about_missing_data_names_its_rule() -> None:
    labels = {"alertname": "DatasourceNoData", "rulename": "Slow checkout", "ref_id": "A"}
    body = notification(labels, annotations={}, values=None)
    alert = read_one("grafana", body)
    assert alert.title == "DatasourceNoData: Slow checkout"
    assert alert.attributes["valueString"] == "[ var='A' value=3.1 ]"


def test_an_alert_without_names_has_the_groups_title() -> None:
    body = notification({"team": "shop"}, annotations=None)
    assert read_one("grafana", body).title == "[FIRING:1] Shop"


def test_a_resolved_alert() -> None:
    assert read_one("grafana", notification(status="resolved")).action == "resolve"


def legacy(**changes: Any) -> dict[str, Any]:
    return {
        "ruleId": 7,
        "ruleName": "Slow checkout",
        "title": "[Alerting] Slow checkout",
        "state": "alerting",
        "ruleUrl": "https://g.example.com/d/shop?panelId=3",
        "message": "p99 is high",
        "orgId": 1,
        "tags": {"severity": "high", "team": "shop"},
        "evalMatches": [{"metric": "p99", "value": 3.1, "tags": None}, None],
    } | changes


def test_a_legacy_alert() -> None:
    alert = read_one("grafana", legacy())
    assert (alert.action, alert.dedup_key, alert.group_key) == ("fire", "7", "7")
    assert (alert.title, alert.severity) == ("Slow checkout", "high")
    assert alert.description == "p99 is high"
    assert alert.attributes == {"severity": "high", "team": "shop", "values.p99": "3.1"}
    assert links_of(alert) == {"Rule": "https://g.example.com/d/shop?panelId=3"}


@pytest.mark.parametrize(
    ("state", "action"), [("alerting", "fire"), ("no_data", "fire"), ("OK", "resolve")]
)
def test_legacy_states(state: str, action: str) -> None:
    assert read_one("grafana", legacy(state=state)).action == action


@pytest.mark.parametrize("state", ["paused", "pending"])
def test_legacy_states_that_say_nothing(state: str) -> None:
    reading = read("grafana", legacy(state=state))
    assert reading.alerts == ()
    assert state in reading.remarks[0]


def test_a_legacy_alert_without_a_state_cannot_be_read() -> None:
    with pytest.raises(Unreadable, match=r"^state: "):
        read("grafana", legacy(state=None))
