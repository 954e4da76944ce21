"""Who is on call: pure functions of a schedule and an instant (contract §4).

Instants are aware datetimes in UTC. The layers of a schedule may have several versions each, of
which one at most is active at an instant.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

from incident_service.clock import LAST, parse_instant
from incident_service.oncall.rotation import Layer, Shift, shift_after, shift_at


@dataclass(frozen=True, slots=True)
class Override:
    """A user who stands in for a schedule's first active layer: `starts_at <= t < ends_at`."""

    id: str
    user_id: str
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any], now: datetime) -> Override:
        """Read an override from the time for which it counts, or did before it was changed.

        What it did before is over now, also if the clock was set back since it was changed.
        """
        starts_at, ends_at = parse_instant(row["starts_at_utc"]), parse_instant(row["ends_at_utc"])
        if row["past_of"] is not None:
            starts_at, ends_at = min(starts_at, now), min(ends_at, now)
        return cls(row["past_of"] or row["id"], row["user_id"], starts_at, ends_at)


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
    """Yield each turn or override, in the parts of it for which no layer begins."""
    to_begin = deque(
        sorted((la for la in layers if la.starts_at < la.ends_at), key=lambda la: la.starts_at)
    )
    begun: list[tuple[int, int, _Turns]] = []  # a heap: the first active layer is its first
    upcoming = deque(sorted(overrides, key=lambda o: o.starts_at))
    at = start
    while at < end:
        while to_begin and to_begin[0].starts_at <= at:
            layer = to_begin.popleft()
            heappush(begun, (layer.position, len(to_begin), _Turns(layer)))
        while begun and begun[0][-1].layer.ends_at <= at:
            heappop(begun)
        while upcoming and upcoming[0].ends_at <= at:
            upcoming.popleft()
        until = end
        if upcoming and upcoming[0].starts_at <= at:
            owner: Target | None = _stand_in(upcoming[0])
        else:
            owner = begun[0][-1].at(at) if begun else None
            if to_begin:
                until = min(until, to_begin[0].starts_at)
            if upcoming:
                until = min(until, upcoming[0].starts_at)
        if owner is not None:
            until = min(until, owner.ends_at)
            is_whole = owner.starts_at == at and owner.ends_at == until
            yield owner, owner if is_whole else replace(owner, starts_at=at, ends_at=until)
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
    return _turn_of(layer, shift_at(layer, at))


def _turn_of(layer: Layer, shift: Shift) -> Target:
    """Return the part of a shift for which this version of the layer is active."""
    return Target(
        user_id=shift.user_id,
        layer_id=layer.id,
        override_id=None,
        starts_at=max(shift.starts_at, layer.turns_from),
        ends_at=min(shift.ends_at, layer.ends_at),
    )


class _Turns:
    """What `turn_at` returns for a layer, asked for again and again at later instants."""

    def __init__(self, layer: Layer) -> None:
        """`layer`: one version."""
        self.layer = layer
        self._shift: Shift | None = None

    def at(self, at: datetime) -> Target:
        """Return whose turn it is at the instant."""
        shift = self._shift
        if shift is not None and at == shift.ends_at:  # as it mostly is
            shift = shift_after(self.layer, shift)
        elif shift is None or at > shift.ends_at:
            shift = shift_at(self.layer, at)
        self._shift = shift
        return _turn_of(self.layer, shift)


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
