"""The table of formats: how each kind of integration reads a body (contract §10)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from incident_service.inbound.formats import (
    alertmanager,
    generic,
    grafana,
    healthchecks,
    opsgenie,
    pagerduty,
    uptime_kuma,
)
from incident_service.inbound.formats.generic import check_mapping
from incident_service.inbound.formats.reading import Integration, Reading

__all__ = ["FORMATS", "Format", "Reading", "check_mapping"]


@dataclass(frozen=True, slots=True)
class Format:
    """How a kind is read, and a body to try it with.

    `read` raises `Unreadable` if a body holds nothing that it understands, and `PayloadTooLarge` if
    there are more than 1,000 alerts in it.
    """

    read: Callable[[Any, Integration], Reading]
    sample: Any


FORMATS: Mapping[str, Format] = {
    "alertmanager": Format(alertmanager.read, alertmanager.SAMPLE),
    "grafana": Format(grafana.read, grafana.SAMPLE),
    "pagerduty": Format(pagerduty.read, pagerduty.SAMPLE),
    "opsgenie": Format(opsgenie.read, opsgenie.SAMPLE),
    "uptime_kuma": Format(uptime_kuma.read, uptime_kuma.SAMPLE),
    "healthchecks": Format(healthchecks.read, healthchecks.SAMPLE),
    "generic": Format(generic.read, generic.SAMPLE),
}
"""By kind. A heartbeat has no format: any request is a sign of life."""
