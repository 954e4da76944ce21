"""Uptime Kuma's webhook (contract §10)."""

from __future__ import annotations

from typing import Any

from incident_service.alerts.incoming import Action, cut, incoming_alert
from incident_service.errors import Unreadable
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
    "heartbeat": {
        "monitorID": 1,
        "status": 0,
        "time": "2025-04-07 08:23:11.000",
        "msg": "Request timeout after 48000ms",
        "important": True,
        "duration": 60,
    },
    "monitor": {
        "id": 1,
        "name": "This is a test alert",
        "type": "http",
        "url": "https://shop.example.com/health",
        "hostname": None,
        "port": None,
        "tags": [{"name": "severity", "value": "critical"}],
    },
    "msg": "[This is a test alert] [🔴 Down] Request timeout after 48000ms",
}

_ACTIONS: dict[str, Action] = {"0": "fire", "1": "resolve"}

_WITHOUT_ALERT = {
    "2": "heartbeat.status: 2 (pending) opens and resolves nothing.",
    "3": "heartbeat.status: 3 (maintenance) opens and resolves nothing.",
}


def read(body: Any, integration: Integration) -> Reading:
    """Return the alert of a monitor that is down or up.

    There is none in a message without a heartbeat and a monitor, such as the test button's, and in
    one about a monitor that is pending or under maintenance. Raises `Unreadable` if it does not say
    which monitor it is about, or its status.
    """
    body = object_at("body", body)
    heartbeat, monitor = part(body, "heartbeat"), part(body, "monitor")
    message = text_at(body, "msg")
    if body.get("heartbeat") is None and body.get("monitor") is None:
        if not message and "heartbeat" not in body:
            raise Unreadable("heartbeat: Missing.")
        return Reading((), (f"heartbeat: None, as from the test button: {cut(message, 255)}",))
    status = text_at(heartbeat, "status")
    if status in _WITHOUT_ALERT:
        return Reading((), (_WITHOUT_ALERT[status],))
    if status not in _ACTIONS:
        raise Unreadable("heartbeat.status: Not 0, 1, 2 or 3.")
    key = text_at(monitor, "id") or text_at(heartbeat, "monitorID", "monitor_id")
    if not key:
        raise Unreadable("monitor.id: Missing.")
    tags = {text_at(tag, "name"): text_at(tag, "value") for tag in items(monitor, "tags")[::-1]}
    severities = [tags[name] for name in tags if name.strip().lower() == "severity"]
    named = {name: monitor.get(name) for name in ("type", "hostname", "port", "url")}
    alert = incoming_alert(
        _ACTIONS[status],
        key,
        key,
        title=one_line(text_at(monitor, "name")),
        severity="".join(severities[-1:]).strip() or None,
        description=text_at(heartbeat, "msg") or message,
        attributes=flat(tags, named),
        links=links(("Monitored address", monitor.get("url"))),
    )
    return Reading((alert,))
