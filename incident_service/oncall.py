"""Who is on call: pure functions of a schedule and an instant (contract §4).

Instants are aware datetimes in UTC. Local dates and wall-clock times are those of the schedule's
IANA time zone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incident_service.clock import parse_instant

FAR_FUTURE = datetime.max.replace(tzinfo=UTC)
"""Where the calendar ends: the end of a shift that outlasts it."""


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
        """Whether the layer takes part at the instant: its end is the first one that it misses."""
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
    """Somebody on call, and the layer or else the override that says so."""

    user_id: str
    layer_id: str | None
    override_id: str | None


@dataclass(frozen=True, slots=True)
class OnCall:
    """The answer for one instant: who owns the schedule, and everyone whom it pages."""

    owner: Target | None
    paging_targets: tuple[Target, ...]


def on_call(
    zone: ZoneInfo, layers: Iterable[Layer], overrides: Iterable[Override], at: datetime
) -> OnCall:
    """Return who is on call at the instant, given all layers and overrides of one schedule."""
    active = sorted((layer for layer in layers if layer.is_active(at)), key=lambda la: la.position)
    targets = [Target(shift_at(layer, zone, at).user_id, layer.id, None) for layer in active]
    standing_in = next((o for o in overrides if o.starts_at <= at < o.ends_at), None)
    if standing_in is not None:
        targets[:1] = [Target(standing_in.user_id, None, standing_in.id)]
    each_once = {target.user_id: target for target in reversed(targets)}
    return OnCall(
        owner=targets[0] if targets else None,
        paging_targets=tuple(target for target in targets if each_once[target.user_id] is target),
    )


def shift_at(layer: Layer, zone: ZoneInfo, at: datetime) -> Shift:
    """Return the shift that covers an instant at which the layer is active.

    The cost does not grow with the time since `effective_from`: the calendar gives the shift's
    index to within the days by which a zone may ever move its date.
    """
    days = (_local_date(at, zone) - _local_date(layer.effective_from, zone)).days
    index = max(0, (days + 2) // layer.rotation_length_days)
    while index > 0 and shift_start(layer, zone, index) > at:
        index -= 1
    return Shift(
        index=index,
        user_id=layer.participant_ids[index % len(layer.participant_ids)],
        starts_at=shift_start(layer, zone, index),
        ends_at=shift_start(layer, zone, index + 1),
    )


def shift_start(layer: Layer, zone: ZoneInfo, index: int) -> datetime:
    """Return the instant at which the layer's shift of that index starts; shift 0 is the first."""
    if index == 0:
        return layer.effective_from
    days = timedelta(days=index * layer.rotation_length_days)
    try:
        local_date = _local_date(layer.effective_from, zone) + days
        return instant_of(datetime.combine(local_date, layer.handoff_time), zone)
    except OverflowError:
        return FAR_FUTURE


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return when a wall-clock time, a naive datetime, happens in the zone.

    One that occurs twice happens the first time; one that the clocks jump over happens at the
    first instant after the gap.
    """
    before = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if before.astimezone(zone).replace(tzinfo=None) == wall:
        return before
    # In a gap, fold 0 counts with the offset before it, fold 1 with the one after: the clocks
    # change between the two instants that these give, and they change at a whole second.
    after = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    low, high = int(after.timestamp()), int(before.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        local = datetime.fromtimestamp(middle, zone).replace(tzinfo=None)
        low, high = (low, middle) if local > wall else (middle, high)
    return datetime.fromtimestamp(high, UTC)


def _local_date(instant: datetime, zone: ZoneInfo) -> date:
    try:
        return instant.astimezone(zone).date()
    except OverflowError:  # within a day of the calendar's ends
        return instant.date()
