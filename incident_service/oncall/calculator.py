"""Who is on call: pure functions of a schedule and an instant (contract §4).

Instants are aware datetimes in UTC. Local dates and wall-clock times are those of the schedule's
IANA time zone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incident_service.clock import LAST, parse_instant


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation: its participants take turns of `rotation_length_days` from `effective_from`."""

    id: str
    position: int
    rotation_length_days: int
    handoff_time: time
    effective_from: datetime
    effective_until: datetime | None
    participant_ids: tuple[str, ...]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Layer:
        """Read a layer from its stored columns and its `participant_ids` in order."""
        until = row["effective_until"]
        return cls(
            id=row["id"],
            position=row["position"],
            rotation_length_days=row["rotation_length_days"],
            handoff_time=time.fromisoformat(row["handoff_time"]),
            effective_from=parse_instant(row["effective_from"]),
            effective_until=parse_instant(until) if until is not None else None,
            participant_ids=tuple(row["participant_ids"]),
        )

    def is_active(self, at: datetime) -> bool:
        """Whether the layer takes part at the instant: its start is included, its end is not."""
        ended = self.effective_until is not None and at >= self.effective_until
        return self.effective_from <= at and not ended


@dataclass(frozen=True, slots=True)
class Override:
    """A user who stands in for a schedule's first active layer: `starts_at <= t < ends_at`."""

    id: str
    user_id: str
    starts_at: datetime
    ends_at: datetime

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Override:
        """Read an override from its stored columns."""
        starts_at, ends_at = parse_instant(row["starts_at"]), parse_instant(row["ends_at"])
        return cls(id=row["id"], user_id=row["user_id"], starts_at=starts_at, ends_at=ends_at)


@dataclass(frozen=True, slots=True)
class Shift:
    """A participant's turn: the `index`-th of its layer, `starts_at <= t < ends_at`."""

    index: int
    user_id: str
    starts_at: datetime
    ends_at: datetime


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


def on_call(
    zone: ZoneInfo, layers: Iterable[Layer], overrides: Iterable[Override], at: datetime
) -> OnCall:
    """Return who is on call at the instant, given all layers of one schedule.

    `overrides`: at least the one that covers the instant, the last that ended before it, and the
    next to begin after it. An override cuts the turn that it interrupts.
    """
    active = _active(layers, at)
    first = _owner(zone, active, overrides, at)
    targets = [first] if first else []
    targets += [_turn(layer, zone, at) for layer in active[1:]]
    each_once = {target.user_id: target for target in reversed(targets)}
    return OnCall(
        owner=first,
        paging_targets=tuple(target for target in targets if each_once[target.user_id] is target),
    )


def owner(
    zone: ZoneInfo, layers: Iterable[Layer], overrides: Iterable[Override], at: datetime
) -> Target | None:
    """Return the owner that `on_call` would, without the others that are paged."""
    return _owner(zone, _active(layers, at), overrides, at)


def _owner(
    zone: ZoneInfo, active: Sequence[Layer], overrides: Iterable[Override], at: datetime
) -> Target | None:
    overrides = tuple(overrides)
    standing_in = next((o for o in overrides if o.starts_at <= at < o.ends_at), None)
    if standing_in is not None:
        return _stand_in(standing_in)
    return _between(_turn(active[0], zone, at), overrides, at) if active else None


def owners(
    zone: ZoneInfo,
    layers: Iterable[Layer],
    overrides: Iterable[Override],
    start: datetime,
    end: datetime,
) -> Iterator[Target]:
    """Yield who owns the schedule over the window, in order and cut to it (contract §4).

    Each shift is a target of its own. It is cut when a layer of lower position takes over, and when
    an override begins or ends. Nothing is yielded for a time in which nobody is on call. The cost
    grows with the number of turns in the window, and with nothing else.
    """
    layers = tuple(layers)
    beginnings = sorted((la.effective_from, la.position) for la in layers)
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
            owner = _turn(first, zone, at) if first else None
            highest = first.position if first else len(layers)
            takeovers = (since for since, position in beginnings if position < highest)
            until = min(until, next((since for since in takeovers if since > at), until))
            if upcoming:
                until = min(until, upcoming[0].starts_at)
        if owner is not None:
            until = min(until, owner.ends_at)
            yield replace(owner, starts_at=at, ends_at=until)
        at = until


def _active(layers: Iterable[Layer], at: datetime) -> list[Layer]:
    return sorted((la for la in layers if la.is_active(at)), key=lambda la: la.position)


def _turn(layer: Layer, zone: ZoneInfo, at: datetime) -> Target:
    shift = shift_at(layer, zone, at)
    ends_at = min(shift.ends_at, layer.effective_until or LAST)
    return Target(shift.user_id, layer.id, None, shift.starts_at, ends_at)


def _stand_in(override: Override) -> Target:
    return Target(override.user_id, None, override.id, override.starts_at, override.ends_at)


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


def shift_at(layer: Layer, zone: ZoneInfo, at: datetime) -> Shift:
    """Return the shift that covers an instant at which the layer is active.

    The cost does not grow with the time since `effective_from`: the calendar gives the shift's
    index to within the days by which a zone may ever move its date.
    """
    first_day = _local_date(layer.effective_from, zone)
    days = (_local_date(at, zone) - first_day).days
    index = max(0, days // layer.rotation_length_days)
    starts_at = _shift_start(layer, zone, first_day, index)
    ends_at = _shift_start(layer, zone, first_day, index + 1)
    while starts_at > at and index > 0:
        index, ends_at = index - 1, starts_at
        starts_at = _shift_start(layer, zone, first_day, index)
    while ends_at <= at < LAST:
        index, starts_at = index + 1, ends_at
        ends_at = _shift_start(layer, zone, first_day, index + 1)
    user_id = layer.participant_ids[index % len(layer.participant_ids)]
    return Shift(index, user_id, starts_at, ends_at)


def _shift_start(layer: Layer, zone: ZoneInfo, first_day: date, index: int) -> datetime:
    """Return the instant at which the layer's shift of that index starts; shift 0 is the first.

    `first_day`: the local date of `effective_from`.
    """
    if index == 0:
        return layer.effective_from
    try:
        day = first_day + timedelta(days=index * layer.rotation_length_days)
        return instant_of(datetime.combine(day, layer.handoff_time), zone)
    except OverflowError:
        return LAST  # a shift that outlasts the calendar


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when a wall-clock time, a naive datetime, happens in the zone.

    One that occurs twice happens the first time; one that the clocks jump over happens at the
    first instant after the gap.
    """
    local = wall.replace(tzinfo=zone, fold=0)
    before = local.astimezone(UTC)
    if before.astimezone(zone) == local:  # in one zone, wall-clock times are compared
        return before
    # In a gap, fold 0 counts with the offset before it, fold 1 with the one after: the clocks
    # change between the two instants that these give, and they change at a whole second.
    after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = int(after.timestamp()), int(before.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        shown = datetime.fromtimestamp(middle, zone).replace(tzinfo=None)
        low, high = (low, middle) if shown > wall else (middle, high)
    return datetime.fromtimestamp(high, UTC)


def _local_date(instant: datetime, zone: ZoneInfo) -> date:
    try:
        return instant.astimezone(zone).date()
    except OverflowError:  # within a day of the calendar's ends
        return instant.date()
