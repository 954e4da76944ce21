"""Any JSON: fields named as an alert's, or found by JMESPath expressions (contract §10)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from incident_service.alerts.incoming import IncomingAlert, incoming_alert
from incident_service.errors import Unreadable
from incident_service.inbound.formats.expressions import Expressions, check
from incident_service.inbound.formats.reading import Integration, Reading, read_each
from incident_service.inbound.formats.values import (
    as_text,
    digest,
    flat,
    items,
    links,
    one_line,
    part,
    text_at,
)

FIELDS = (
    "title", "description", "severity", "status", "dedupKey", "groupKey", "link", "component",
)  # fmt: skip
"""What an expression of a mapping may say; `alerts` says which list the others look at."""

OVER = frozenset({"resolved", "ok", "up", "closed", "recovered"})

SAMPLE: dict[str, Any] = {
    "title": "This is a test alert",
    "description": "It shows what an alert of this kind becomes.",
    "severity": "critical",
    "status": "firing",
    "dedupKey": "test-alert",
    "attributes": {"host": "test-1"},
    "links": [{"text": "Runbook", "href": "https://wiki.example.com/test-alert"}],
}


def check_mapping(mapping: Mapping[str, str]) -> None:
    """Raise `ValueError` with a sentence that names the key, if the mapping cannot be used."""
    for name, expression in mapping.items():
        if name not in (*FIELDS, "alerts"):
            raise ValueError(f"{name}: Not one of {', '.join(FIELDS)} and alerts.")
        try:
            check(expression)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None


def read(body: Any, integration: Integration) -> Reading:
    """Return the alerts of a body, as the integration's `mapping` says.

    A field whose expression fails is one that the body does not have, and is in the remarks. Raises
    `Unreadable` if the body, or what `alerts` yields, is not an object or a list.
    """
    expressions = Expressions(integration.get("mapping") or {})
    value = expressions.search("alerts", body) if "alerts" in expressions else body
    where = "alerts" if "alerts" in expressions else "body"
    if isinstance(value, dict):
        reading = Reading((_read(where, value, expressions),))
    elif isinstance(value, list):
        reading = read_each(where, value, lambda where, element: _read(where, element, expressions))
    else:
        raise Unreadable(" ".join((f"{where}: Not a list or an object.", *expressions.faults)))
    return Reading(reading.alerts, (*expressions.faults, *reading.remarks))


def _read(where: str, element: Any, expressions: Expressions) -> IncomingAlert:
    if not isinstance(element, dict) and not expressions:
        raise Unreadable(f"{where}: Not an object.")
    found: Mapping[str, str] = {
        name: as_text(expressions.search(name, element))
        if name in expressions
        else text_at(element, name)
        for name in FIELDS
    }
    title = one_line(found["title"])
    component = {"component": found["component"]}
    attributes = flat(component, part(element, "attributes"))
    dedup_key = found["dedupKey"] or digest(where, title, attributes)
    return incoming_alert(
        "resolve" if found["status"].strip().lower() in OVER else "fire",
        dedup_key,
        found["groupKey"] or dedup_key,
        title=title,
        severity=found["severity"].strip() or None,
        description=found["description"],
        attributes=attributes,
        links=links(
            ("Link", found["link"]),
            *map(_link, items(element, "links")),
        ),
    )


def _link(link: Any) -> tuple[str, str]:
    """Return the text and the address of one of `links`; a text alone is an address."""
    if isinstance(link, dict):
        return text_at(link, "text"), text_at(link, "href")
    return "", as_text(link)
