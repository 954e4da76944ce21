"""Prometheus Alertmanager's webhook, version 4 (contract §10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from incident_service.alerts.incoming import IncomingAlert, cut, incoming_alert
from incident_service.errors import Unreadable
from incident_service.inbound.formats.reading import Integration, Reading, read_each
from incident_service.inbound.formats.values import (
    digest,
    flat,
    links,
    object_at,
    one_line,
    part,
    text_at,
)

SAMPLE: dict[str, Any] = {
    "version": "4",
    "groupKey": '{}:{alertname="TestAlert"}',
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "incident-service",
    "groupLabels": {"alertname": "TestAlert"},
    "commonLabels": {"alertname": "TestAlert", "severity": "critical"},
    "commonAnnotations": {"summary": "This is a test alert"},
    "externalURL": "http://alertmanager.example.com:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "TestAlert", "severity": "critical", "instance": "test-1"},
            "annotations": {
                "summary": "This is a test alert",
                "description": "It shows what an alert of this kind becomes.",
                "runbook_url": "https://wiki.example.com/test-alert",
            },
            "startsAt": "2025-04-07T08:23:11.123456789Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.com:9090/graph?g0.expr=up",
            "fingerprint": "7e57a1e47e57a1e4",
        }
    ],
}

_USED = frozenset({"summary", "description", "message", "runbook_url"})
"""The annotations that are not attributes too."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What a tool that speaks this format says of an alert in fields of its own.

    `title` and `description` are for an alert that has none; `home` is what its own page is called.
    """

    title: str = ""
    description: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    links: tuple[tuple[str, Any], ...] = ()
    home: str = "Alertmanager"


def read(body: Any, integration: Integration) -> Reading:
    """Return the alerts of a notification, each by itself, whatever the others of its group do.

    Raises `Unreadable` if there is no list of alerts, or none of them can be read.
    """
    return read_group(object_at("body", body), lambda alert, body: Extras())


def read_group(
    body: Mapping[str, Any], extras: Callable[[Mapping[str, Any], Mapping[str, Any]], Extras]
) -> Reading:
    """Return the alerts of a notification, with what `extras` finds in an alert and the body."""
    alerts = body.get("alerts")
    if not isinstance(alerts, list):
        raise Unreadable("alerts: Not a list.")

    def read_one(where: str, alert: Any) -> IncomingAlert:
        alert = object_at(where, alert)
        return _read(where, alert, body, extras(alert, body))

    reading = read_each("alerts", alerts, read_one)
    left_out = text_at(body, "truncatedAlerts")
    if left_out in ("", "0"):
        return reading
    remark = f"truncatedAlerts: The tool left out {cut(left_out, 20)} alerts."
    return Reading(reading.alerts, (*reading.remarks, remark))


def _read(
    where: str, alert: Mapping[str, Any], body: Mapping[str, Any], extras: Extras
) -> IncomingAlert:
    """Return an alert. One that does not say that it is resolved fires, as its group does."""
    labels = part(alert, "labels")
    notes = part(alert, "annotations")
    dedup_key = text_at(alert, "fingerprint")
    if labels and not dedup_key:
        dedup_key = digest(f"{where}.labels", labels)
    if not dedup_key:
        raise Unreadable(f"{where}: Has neither a fingerprint nor labels.")
    status = text_at(alert, "status") or text_at(body, "status")
    title = text_at(notes, "summary") or extras.title or text_at(labels, "alertname")
    others = {name: note for name, note in notes.items() if _is_attribute(name)}
    return incoming_alert(
        "resolve" if status.strip().lower() == "resolved" else "fire",
        dedup_key,
        text_at(body, "groupKey") or dedup_key,
        title=one_line(title),
        severity=text_at(labels, "severity").strip() or None,
        description=text_at(notes, "description", "message") or extras.description,
        attributes=flat(labels, extras.attributes, others),
        links=links(
            ("Runbook", notes.get("runbook_url")),
            *extras.links,
            ("Source", alert.get("generatorURL")),
            (extras.home, body.get("externalURL")),
        ),
    )


def _is_attribute(name: str) -> bool:
    """Whether an annotation is worth keeping: Grafana has some for itself, such as `__orgId__`."""
    return name not in _USED and not name.startswith("__")
