"""Healthchecks' webhook with the body template of the guide (contract §10)."""

from __future__ import annotations

from typing import Any

from incident_service.alerts.incoming import Action, incoming_alert
from incident_service.errors import Unreadable
from incident_service.inbound.formats.reading import Integration, Reading
from incident_service.inbound.formats.values import (
    flat,
    items,
    object_at,
    one_line,
    tags,
    text_at,
)

SAMPLE: dict[str, Any] = {
    "title": "This is a test alert",
    "status": "down",
    "dedup_key": "00000000-0000-4000-8000-000000000000",
    "tags": "test db",
    "at": "2025-04-07T08:23:11+00:00",
}

_ACTIONS: dict[str, Action] = {"down": "fire", "up": "resolve"}

_READ = frozenset({"title", "name", "status", "dedup_key", "code", "tags", "at", "description"})


def read(body: Any, integration: Integration) -> Reading:
    """Return the alert of a check that is down or up. Fields that a user adds are attributes.

    Raises `Unreadable` if it does not say which check it is about, or its status.
    """
    body = object_at("body", body)
    action = _ACTIONS.get(text_at(body, "status").strip().lower())
    if action is None:
        raise Unreadable("status: Not down or up.")
    title = one_line(text_at(body, "title", "name"))
    key = text_at(body, "dedup_key", "code") or title
    if not key:
        raise Unreadable("dedup_key: Missing.")
    added = {name: value for name, value in body.items() if name not in _READ}
    attributes = flat(added, tags(items(body, "tags") or text_at(body, "tags").split()))
    alert = incoming_alert(
        action,
        key,
        key,
        title=title,
        severity=attributes.get("severity", "").strip() or None,
        description=text_at(body, "description"),
        attributes=attributes,
    )
    return Reading((alert,))
