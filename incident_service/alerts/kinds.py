"""The kinds of integrations: which tool sends, and so how its alerts are read (contract §10)."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal[
    "alertmanager",
    "grafana",
    "pagerduty",
    "opsgenie",
    "uptime_kuma",
    "healthchecks",
    "generic",
    "heartbeat",
]

KINDS: tuple[Kind, ...] = get_args(Kind)
