"""Reads a body as an integration of a kind does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from incident_service.alerts.incoming import IncomingAlert
from incident_service.inbound.formats import FORMATS, Reading


def read(kind: str, body: Any, mapping: Mapping[str, str] | None = None) -> Reading:
    """Return what the kind reads, from the body as it is after a way through JSON."""
    return FORMATS[kind].read(json.loads(json.dumps(body)), {"kind": kind, "mapping": mapping})


def read_one(kind: str, body: Any, mapping: Mapping[str, str] | None = None) -> IncomingAlert:
    """Return the only alert of a body that is read without a remark."""
    reading = read(kind, body, mapping)
    assert reading.remarks == ()
    (alert,) = reading.alerts
    return alert


def links_of(alert: IncomingAlert) -> dict[str, str]:
    """Return the alert's links, address by text."""
    return {link.text: link.href for link in alert.links}
