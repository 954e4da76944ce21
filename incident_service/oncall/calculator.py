"""Who is on call: pure functions of a schedule and an instant (contract §4).

Instants are aware datetimes in UTC. The layers of a schedule may have several versions each, of
which one at most is active at an instant.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from incident_service.clock import LAST, parse_instant
from incident_service.oncall.rotation import Layer, shift_at


@dataclass(frozen=True, slots=True)
class Override:
    """A user who stands in for a schedule's first active layer: `starts_at <= t < ends_at`."""

    id: str
    user_id: str
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Override:
        """Read an override from the time for which it counts, or did before it was changed."""
        return cls(
            id=row["past_of"] or row["id"],
            user_id=row["user_id"],
            starts_at=parse_instant(row["starts_at_utc"]),
            ends_at=parse_instant(row["ends_at_utc"]),
        )


@dataclass(frozen=True, slots=True)
class Target:
    """Somebody on call from `starts_at` until `ends_at`, by a layer or else an override."""

    user_id: str
    layer_id: str | None
    override_id: str | None
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class OnCall:
    """The answer for one instant: who owns the schedule, and everyone it pages."""

    owner: Target | None
    paging_targets: tuple[Target, ...]


def on_call(layers: Iterable[Layer], overrides: Iterable[Override], at: datetime) -> OnCall:
    """Return who is on call at the instant, given all layers of one schedule.

    `layers`: at least the versions that end after the instant. `overrides`: at least the one that
    covers the instant, the last that ended before it, and the next to begin after it. An override
    cuts the turn that it interrupts.
    """
    layers = tuple(layers)
    active = _active(layers, at)
    first = _owner(layers, active, overrides, at)
    targets = [first] if first else []
    targets += [_turn(layer, layers, at) for layer in active[1:]]
    each_once = {target.user_id: target for target in reversed(targets)}
    return OnCall(
        owner=first,
        paging_targets=tuple(target for target in targets if each_once[target.user_id] is target),
    )


def owner(layers: Iterable[Layer], overrides: Iterable[Override], at: datetime) -> Target | None:
    """Return the owner that `on_call` would, without the others that are paged."""
    layers = tuple(layers)
    return _owner(layers, _active(layers, at), overrides, at)


def _owner(
    layers: Sequence[Layer], active: Sequence[Layer], overrides: Iterable[Override], at: datetime
) -> Target | None:
    overrides = tuple(overrides)
    standing_in = next((o for o in overrides if o.starts_at <= at < o.ends_at), None)
    if standing_in is not None:
        return _stand_in(standing_in)
    return _between(_turn(active[0], layers, at), overrides, at) if active else None


def owners(
    layers: Iterable[Layer], overrides: Iterable[Override], start: datetime, end: datetime
) -> Iterator[Target]:
    """Yield who owns the schedule over the window, in order and cut to it (contract §4).

    Each shift is a target of its own. It is cut when a layer of lower position takes over, and when
    an override begins or ends; a new version of its layer that leaves it as it is does not cut it.
    Nothing is yielded for a time in which nobody is on call. The cost grows with the number of
    turns in the window and of versions that begin in it, and with nothing else.
    """
    return (target for _, target in turns(layers, overrides, start, end))


def turns(
    layers: Iterable[Layer], overrides: Iterable[Override], start: datetime, end: datetime
) -> Iterator[tuple[Target, Target]]:
    """Yield what `owners` does, each with the turn or the override that it is a part of before it.

    Those are not cut; but a turn may end there with the version of its layer.
    """
    held: tuple[Target, Target] | None = None
    for turn, target in _owned_pieces(layers, overrides, start, end):
        if held is not None:
            whole, part = held
            is_same = (whole.starts_at, _source(whole)) == (turn.starts_at, _source(turn))
            if is_same and part.ends_at == target.starts_at:
                held = whole, replace(part, ends_at=target.ends_at)
                continue
            yield held
        held = turn, target
    if held is not None:
        yield held


def next_owner(
    layers: Iterable[Layer], overrides: Iterable[Override], at: datetime
) -> Target | None:
    """Return who owns the schedule next, after whoever does at the instant; `None` if nobody will.

    As `owners` has it: from where they take over, maybe after a time in which nobody is on call.
    """
    shifts = owners(layers, overrides, at, LAST)
    first = next(shifts, None)
    return next(shifts, None) if first is not None and first.starts_at == at else first


def _owned_pieces(
    layers: Iterable[Layer], overrides: Iterable[Override], start: datetime, end: datetime
) -> Iterator[tuple[Target, Target]]:
    """Yield each turn or override, and the part of it that owns the schedule by one version."""
    layers = tuple(layers)
    beginnings = sorted((la.starts_at, la.position) for la in layers if la.starts_at < la.ends_at)
    upcoming = deque(sorted(overrides, key=lambda o: o.starts_at))
    at = start
    while at < end:
        while upcoming and upcoming[0].ends_at <= at:
            upcoming.popleft()
        until = end
        if upcoming and upcoming[0].starts_at <= at:
            owner: Target | None = _stand_in(upcoming[0])
        else:
            first = next(iter(_active(layers, at)), None)
            owner = turn_at(first, at) if first else None
            highest = first.position if first else math.inf
            takeovers = (since for since, position in beginnings if position < highest)
            until = min(until, next((since for since in takeovers if since > at), until))
            if upcoming:
                until = min(until, upcoming[0].starts_at)
        if owner is not None:
            until = min(until, owner.ends_at)
            yield owner, replace(owner, starts_at=at, ends_at=until)
        at = until


def _active(layers: Iterable[Layer], at: datetime) -> list[Layer]:
    return sorted((la for la in layers if la.is_active(at)), key=lambda la: la.position)


def _turn(layer: Layer, layers: Iterable[Layer], at: datetime) -> Target:
    """Return the turn at the instant, over all versions of the layer that leave it as it is."""
    turn = turn_at(layer, at)
    if layer.valid_until == LAST:  # the version that counts now
        return turn
    later = sorted(
        (la for la in layers if la.id == layer.id and layer.starts_at < la.starts_at < la.ends_at),
        key=lambda la: la.starts_at,
    )
    for version in later:
        if version.starts_at != turn.ends_at:
            break
        next_turn = turn_at(version, version.starts_at)
        if (next_turn.user_id, next_turn.starts_at) != (turn.user_id, turn.starts_at):
            break
        turn = next_turn
    return turn


def turn_at(layer: Layer, at: datetime) -> Target:
    """Return whose turn it is by the layer, at an instant at which it is active."""
    shift = shift_at(layer, at)
    return Target(
        user_id=shift.user_id,
        layer_id=layer.id,
        override_id=None,
        starts_at=max(shift.starts_at, layer.turns_from),
        ends_at=min(shift.ends_at, layer.ends_at),
    )


def _stand_in(override: Override) -> Target:
    return Target(override.user_id, None, override.id, override.starts_at, override.ends_at)


def _source(target: Target) -> tuple[str, str | None, str | None]:
    return target.user_id, target.layer_id, target.override_id


def _between(target: Target, overrides: Sequence[Override], at: datetime) -> Target:
    """Return the target, cut to the time between the overrides around the instant."""
    if not overrides:
        return target
    ended = [o.ends_at for o in overrides if o.ends_at <= at]
    to_come = [o.starts_at for o in overrides if o.starts_at > at]
    return replace(
        target,
        starts_at=max([target.starts_at, *ended]),
        ends_at=min([target.ends_at, *to_come]),
    )
