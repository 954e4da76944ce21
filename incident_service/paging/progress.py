"""Picks the layer of a policy that fires next: a pure rule about targets (contract §5).

A policy may change while an incident escalates by it. So an incident does not remember layers. It
remembers how often each *target* was done, which means that it fired or was skipped.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from incident_service.store import Row


def target_of(layer: Row) -> str:
    """Return the layer's target as text. Layers that page the same have the same text."""
    if layer["target_type"] == "schedule":
        return f"schedule:{layer['schedule_id']}"
    user_ids = json.dumps(sorted(layer["user_ids"]), ensure_ascii=False, separators=(",", ":"))
    return f"users:{user_ids}"


def next_layer(layers: Sequence[Row], done: Mapping[str, int]) -> Row | None:
    """Return the first layer that is not done, or `None` if all are done.

    `layers` are in order. The k-th layer with a target is done once the target was done k times.
    """
    seen: Counter[str] = Counter()
    for layer in layers:
        target = target_of(layer)
        seen[target] += 1
        if seen[target] > done.get(target, 0):
            return layer
    return None
