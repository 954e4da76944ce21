"""What an edit of layers leaves of the past: pure functions (contract §4).

An edit counts from the instant at which it is made. What the layer was until then is kept as a
version, unless it never took part. A person whose turn goes on keeps that turn uncut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from incident_service.clock import FIRST, LAST
from incident_service.oncall.rotation import Layer, shift_at

Edit = tuple[Layer | None, Layer]
"""What is kept of a layer's past, if anything, and what counts from the edit on."""


def edited(old: Layer, new: Layer, now: datetime) -> Edit:
    """Return the layer `old` as it becomes `new`, at the same position."""
    if _rotation(old) == _rotation(new):
        return None, _dated(new, old.valid_from, old.turns_from)
    since = _since(old, new, now)
    valid_from = max(old.valid_from, since)
    return ended(old, valid_from), _dated(new, valid_from, since)


def ended(old: Layer, now: datetime) -> Layer | None:
    """Return what is kept of a layer that is deleted, or that becomes another."""
    kept = replace(old, valid_until=min(old.valid_until, now))
    return kept if kept.starts_at < kept.ends_at else None


def ordered(layers: Sequence[Layer], now: datetime) -> list[Edit]:
    """Return the layers as they take the order in which they are given.

    They share out the positions that they have; those that keep theirs do not change.
    """
    positions = sorted(layer.position for layer in layers)
    edits: list[Edit] = []
    for layer, position in zip(layers, positions, strict=True):
        if layer.position == position:
            edits.append((None, layer))
            continue
        edits.append((ended(layer, now), replace(layer, position=position, valid_from=now)))
    return edits


def _since(old: Layer, new: Layer, now: datetime) -> datetime:
    """Return when the turns of `new` begin: with the turn of now if that stays the person's."""
    if old.is_active(now) and new.is_active(now):
        was, is_now = shift_at(old, now), shift_at(new, now)
        began = max(was.starts_at, old.turns_from)
        if was.user_id == is_now.user_id and is_now.starts_at <= began:
            return began
    return now


def _rotation(layer: Layer) -> Layer:
    """Return what decides whose turn it is, to compare."""
    return _dated(replace(layer, id="", position=0), FIRST, FIRST)


def _dated(layer: Layer, valid_from: datetime, turns_from: datetime) -> Layer:
    return replace(layer, valid_from=valid_from, turns_from=turns_from, valid_until=LAST)
