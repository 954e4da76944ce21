"""Opsgenie's alert API, version 2, as tools call it (contract §10)."""

from __future__ import annotations

from typing import Any, Literal

from incident_service.alerts.incoming import incoming_alert
from incident_service.errors import Unreadable
from incident_service.inbound.formats.reading import Integration, Reading
from incident_service.inbound.formats.values import (
    as_text,
    flat,
    items,
    links,
    object_at,
    one_line,
    part,
    tags,
    text_at,
)

SAMPLE: dict[str, Any] = {
    "message": "This is a test alert",
    "alias": "test-alert",
    "description": "It shows what an alert of this kind becomes.",
    "priority": "P1",
    "source": "monitor.example.com",
    "entity": "test-1",
    "tags": ["test"],
    "details": {"runbook": "https://wiki.example.com/test-alert"},
}

_ACTIONS: dict[str, Literal["resolve", "acknowledge"]] = {
    "close": "resolve",
    "acknowledge": "acknowledge",
}


def read(body: Any, integration: Integration) -> Reading:
    """Return the alert that a call to create one names.

    Raises `Unreadable` if it has neither an alias nor a message.
    """
    body = object_at("body", body)
    message = text_at(body, "message")
    key = text_at(body, "alias") or message
    if not key:
        raise Unreadable("message: Missing.")
    details = part(body, "details")
    named = {name: body.get(name) for name in ("entity", "source")}
    alert = incoming_alert(
        "fire",
        key,
        key,
        title=one_line(message),
        severity=text_at(body, "priority").strip() or "P3",
        description=text_at(body, "description"),
        attributes=flat(details, named, tags(items(body, "tags") or [body.get("tags")])),
        links=links(*details.items(), ("Source", body.get("source"))),
    )
    return Reading((alert,))


def read_action(action: Literal["close", "acknowledge"], alias: str) -> Reading:
    """Return the alert that a call to `/v2/alerts/{alias}/{action}` closes or acknowledges.

    Nothing in its body matters. Raises `Unreadable` if the alias is blank.
    """
    if not as_text(alias):
        raise Unreadable("alias: Missing.")
    return Reading((incoming_alert(_ACTIONS[action], alias, alias),))
