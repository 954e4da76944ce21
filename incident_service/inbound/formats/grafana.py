"""Grafana's webhook: that of Grafana Alerting, and the one before Grafana 9 (contract §10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incident_service.alerts.incoming import Action, IncomingAlert, incoming_alert
from incident_service.errors import Unreadable
from incident_service.inbound.formats import alertmanager
from incident_service.inbound.formats.alertmanager import Extras
from incident_service.inbound.formats.reading import Integration, Reading
from incident_service.inbound.formats.values import (
    flat,
    items,
    links,
    object_at,
    one_line,
    part,
    text_at,
)

SAMPLE: dict[str, Any] = {
    "version": "1",
    "orgId": 1,
    "groupKey": '{}:{alertname="TestAlert"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "state": "alerting",
    "title": "[FIRING:1] TestAlert",
    "message": "**Firing**",
    "receiver": "incident-service",
    "groupLabels": {"alertname": "TestAlert"},
    "commonLabels": {"alertname": "TestAlert", "severity": "critical"},
    "commonAnnotations": {"summary": "This is a test alert"},
    "externalURL": "https://grafana.example.com/",
    "alerts": [
        {
            "status": "firing",
            "labels": {
                "alertname": "TestAlert",
                "grafana_folder": "Test",
                "severity": "critical",
                "instance": "test-1",
            },
            "annotations": {
                "summary": "This is a test alert",
                "description": "It shows what an alert of this kind becomes.",
                "runbook_url": "https://wiki.example.com/test-alert",
            },
            "startsAt": "2025-04-07T08:23:11.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.com/alerting/grafana/test/view",
            "fingerprint": "7e57a1e47e57a1e4",
            "silenceURL": "https://grafana.example.com/alerting/silence/new",
            "dashboardURL": "https://grafana.example.com/d/test",
            "panelURL": "https://grafana.example.com/d/test?viewPanel=1",
            "values": {"A": 93},
        }
    ],
}

_LEGACY_ACTIONS: dict[str, Action] = {"alerting": "fire", "no_data": "fire", "ok": "resolve"}


def read(body: Any, integration: Integration) -> Reading:
    """Return the alerts of a notification, or the one of a legacy notification.

    Raises `Unreadable` if it is neither, or no alert can be read.
    """
    body = object_at("body", body)
    if "alerts" not in body and ("ruleId" in body or "ruleName" in body):
        return _read_legacy(body)
    return alertmanager.read_group(body, _extras)


def _extras(alert: Mapping[str, Any], body: Mapping[str, Any]) -> Extras:
    """Return what Grafana says of an alert beyond what Alertmanager does."""
    values = alert.get("values")
    measured = {"values": values} if values else {"valueString": alert.get("valueString")}
    return Extras(
        title=_rule(part(alert, "labels")) or text_at(body, "title"),
        description=text_at(body, "message"),
        attributes=measured,
        links=(
            ("Panel", alert.get("panelURL")),
            ("Dashboard", alert.get("dashboardURL")),
            ("Silence", alert.get("silenceURL")),
        ),
        home="Grafana",
    )


def _rule(labels: Mapping[str, Any]) -> str:
    """Return the rule's name, also if it is about missing data: then it is not `alertname`."""
    name, rule = text_at(labels, "alertname"), text_at(labels, "rulename")
    return f"{name}: {rule}" if name and rule and name != rule else name or rule


def _read_legacy(body: Mapping[str, Any]) -> Reading:
    state = text_at(body, "state").strip().lower()
    name = one_line(text_at(body, "ruleName", "title"))
    key = text_at(body, "ruleId") or name
    if state in ("paused", "pending"):
        return Reading((), (f"state: A rule that is {state} opens and resolves nothing.",))
    if state not in _LEGACY_ACTIONS:
        raise Unreadable("state: Not alerting, no_data or ok.")
    if not key:
        raise Unreadable("ruleId: Missing.")
    return Reading((_legacy_alert(_LEGACY_ACTIONS[state], key, name, body),))


def _legacy_alert(action: Action, key: str, title: str, body: Mapping[str, Any]) -> IncomingAlert:
    tags = part(body, "tags")
    matches = {
        text_at(match, "metric"): match.get("value")
        for match in items(body, "evalMatches")
        if isinstance(match, dict)
    }
    return incoming_alert(
        action,
        key,
        key,
        title=title,
        severity=text_at(tags, "severity").strip() or None,
        description=text_at(body, "message"),
        attributes=flat(tags, {"values": matches}),
        links=links(("Rule", body.get("ruleUrl")), ("Graph", body.get("imageUrl"))),
    )
