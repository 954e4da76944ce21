"""A layer's rotation: whose turn it is at an instant, by arithmetic on dates (contract §4).

Instants are aware datetimes in UTC. Local dates and wall-clock times are those of the layer's IANA
time zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from incident_service.clock import FIRST, LAST, parse_instant


@dataclass(frozen=True, slots=True)
class Layer:
    """A rotation: its participants take turns of `rotation_length_days` from `effective_from`.

    A layer that was edited is several of these with one id, its versions: each is as the layer
    stood for `valid_from <= t < valid_until`. No turn of a version begins before `turns_from`:
    until then it was another's, or another turn of the same person.
    """

    id: str
    position: int
    zone: ZoneInfo
    rotation_length_days: int
    handoff_time: time
    effective_from: datetime
    effective_until: datetime | None
    participant_ids: tuple[str, ...]
    valid_from: datetime = FIRST
    valid_until: datetime = LAST
    turns_from: datetime = FIRST

    @classmethod
    def from_row(cls, row: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> Layer:
        """Read a layer or a version from its stored columns and its `participant_ids` in order.

        `zone`: the schedule's; a version has its own. If the clock was set back, so that the row
        was written after `now`, it counts as if it was written now.
        """

        def instant(name: str, otherwise: datetime) -> datetime:
            text = row.get(name)
            return otherwise if text is None else min(parse_instant(text), now)

        until = row["effective_until"]
        return cls(
            id=row["id"],
            position=row["position"],
            zone=ZoneInfo(row["timezone"]) if "timezone" in row else zone,
            rotation_length_days=row["rotation_length_days"],
            handoff_time=time.fromisoformat(row["handoff_time"]),
            effective_from=parse_instant(row["effective_from"]),
            effective_until=parse_instant(until) if until is not None else None,
            participant_ids=tuple(row["participant_ids"]),
            valid_from=instant("valid_from", FIRST),
            valid_until=instant("valid_until", LAST),
            turns_from=instant("turns_from", FIRST),
        )

    @property
    def starts_at(self) -> datetime:
        """When this version of the layer begins to take part."""
        return max(self.effective_from, self.valid_from)

    @property
    def ends_at(self) -> datetime:
        """When it ends; not after `starts_at` if it never takes part."""
        return min(self.effective_until or LAST, self.valid_until)

    def is_active(self, at: datetime) -> bool:
        """Whether the layer takes part at the instant: its start is included, its end is not."""
        return self.starts_at <= at and (at < self.ends_at or self.ends_at == LAST)


@dataclass(frozen=True, slots=True)
class Shift:
    """A participant's turn: the `index`-th of its layer, `starts_at <= t < ends_at`."""

    index: int
    user_id: str
    starts_at: datetime
    ends_at: datetime


def shift_at(layer: Layer, at: datetime) -> Shift:
    """Return the shift that covers an instant at which the layer is active.

    The cost does not grow with the time since `effective_from`: the calendar gives the shift's
    index to within the days by which a zone may ever move its date.
    """
    first_day = _local_date(layer.effective_from, layer.zone)
    days = (_local_date(at, layer.zone) - first_day).days
    index = max(0, days // layer.rotation_length_days)
    starts_at = _shift_start(layer, first_day, index)
    while starts_at > at and index > 0:
        index -= 1
        starts_at = _shift_start(layer, first_day, index)
    return _first_to_end_after(at, layer, first_day, index, starts_at)


def shift_after(layer: Layer, shift: Shift) -> Shift:
    """Return what `shift_at` does for the instant at which a shift of the layer ends, quicker."""
    first_day = _local_date(layer.effective_from, layer.zone)
    return _first_to_end_after(shift.ends_at, layer, first_day, shift.index + 1, shift.ends_at)


def _first_to_end_after(
    at: datetime, layer: Layer, first_day: date, index: int, starts_at: datetime
) -> Shift:
    """Return the first shift that ends after the instant, of the index and those that follow.

    `starts_at`: when the shift of the index starts.
    """
    ends_at = _shift_start(layer, first_day, index + 1)
    while ends_at <= at < LAST:
        index, starts_at = index + 1, ends_at
        ends_at = _shift_start(layer, first_day, index + 1)
    user_id = layer.participant_ids[index % len(layer.participant_ids)]
    return Shift(index, user_id, starts_at, ends_at)


def _shift_start(layer: Layer, first_day: date, index: int) -> datetime:
    """Return the instant at which the layer's shift of that index starts; shift 0 is the first.

    `first_day`: the local date of `effective_from`.
    """
    if index == 0:
        return layer.effective_from
    try:
        day = first_day + timedelta(days=index * layer.rotation_length_days)
        return instant_of(datetime.combine(day, layer.handoff_time), layer.zone)
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
