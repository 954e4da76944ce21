"""PagerDuty's Events API, version 2, as tools speak it (contract §10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incident_service import ids
from incident_service.alerts.incoming import Action, IncomingAlert, incoming_alert
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
    "event_action": "trigger",
    "dedup_key": "test-alert",
    "client": "Test",
    "client_url": "https://monitor.example.com/alerts/1",
    "payload": {
        "summary": "This is a test alert",
        "source": "test-1",
        "severity": "critical",
        "custom_details": {"note": "It shows what an alert of this kind becomes."},
    },
    "links": [{"href": "https://wiki.example.com/test-alert", "text": "Runbook"}],
}

_ACTIONS: dict[str, Action] = {
    "trigger": "fire",
    "acknowledge": "acknowledge",
    "resolve": "resolve",
}


def read(body: Any, integration: Integration) -> Reading:
    """Return the alert of an event.

    A trigger without a `dedup_key` gets one of its own each time, as at PagerDuty. Raises
    `Unreadable` with that API's own words if a part is missing that nothing can stand for.
    """
    body = object_at("body", body)
    name = text_at(body, "event_action")
    if not name:
        raise Unreadable("'event_action' is missing or blank")
    action = _ACTIONS.get(name.strip().lower())
    if action is None:
        raise Unreadable("'event_action' must be one of 'trigger', 'acknowledge' or 'resolve'")
    key = text_at(body, "dedup_key")
    if action == "fire":
        if not text_at(part(body, "payload"), "summary"):
            raise Unreadable("'payload.summary' is missing or blank")
        key = key or ids.new_id()
    if not key:
        raise Unreadable("'dedup_key' is missing or blank")
    return Reading((_alert(action, key, body),))


def _alert(action: Action, key: str, body: Mapping[str, Any]) -> IncomingAlert:
    payload = part(body, "payload")
    details = payload.get("custom_details")
    named = {
        **{name: payload.get(name) for name in ("source", "component", "group", "class")},
        "client": body.get("client"),
    }
    return incoming_alert(
        action,
        key,
        key,
        title=one_line(text_at(payload, "summary")),
        severity=text_at(payload, "severity").strip() or None,
        description=None if isinstance(details, dict) else text_at(payload, "custom_details"),
        attributes=flat(named, part(payload, "custom_details")),
        links=links(
            *((text_at(link, "text"), text_at(link, "href")) for link in items(body, "links")),
            (text_at(body, "client"), body.get("client_url")),
        ),
    )
