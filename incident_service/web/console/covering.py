"""What there is to cover and to swap on a schedule: pure functions of its shifts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from incident_service.oncall.names import NamedTarget
from incident_service.oncall.rotation import instant_of

Time = tuple[datetime, datetime]
"""From when until when."""

_LONG = timedelta(days=4)
"""How long a shift is at least for its weekend to be a part of it worth taking alone."""


@dataclass(frozen=True, slots=True)
class Swap:
    """A shift that somebody could do in exchange; `weekends`: the two weekends, to swap alone."""

    shift: NamedTarget
    weekends: tuple[Time, Time] | None


def weekend(span: Time, zone: ZoneInfo) -> Time | None:
    """Return the first whole weekend in a longer time: Saturday and Sunday of the zone.

    With it goes what is left of the Monday until the end, so that no stub of a night remains.
    """
    starts_at, ends_at = span
    if ends_at - starts_at < _LONG:
        return None
    today = starts_at.astimezone(zone).date()
    saturday = today + timedelta(days=(5 - today.weekday()) % 7)
    if _midnight(saturday, zone) < starts_at:
        saturday += timedelta(days=7)
    begins, ends = _midnight(saturday, zone), _midnight(saturday + timedelta(days=2), zone)
    tuesday = _midnight(saturday + timedelta(days=3), zone)
    if ends > ends_at:
        return None
    return begins, ends_at if ends_at < tuesday else ends


def owner(shifts: Sequence[NamedTarget], span: Time) -> NamedTarget | None:
    """Return a shift of whoever has all of the time by their turns alone; `None` if nobody has.

    `shifts`: those in the time, cut to it.
    """
    at = span[0]
    for shift in shifts:
        is_same = shift.user_id == shifts[0].user_id and shift.override_id is None
        if shift.starts_at != at or not is_same:
            return None
        at = shift.ends_at
    return shifts[0] if shifts and at == span[1] else None


def swaps(
    shifts: Sequence[NamedTarget], span: Time, giver_id: str, zone: ZoneInfo, now: datetime
) -> Iterator[Swap]:
    """Yield what others could do in exchange: their turns to come, outside of the time."""
    own = weekend(span, zone)
    for shift in shifts:
        is_apart = shift.ends_at <= span[0] or shift.starts_at >= span[1]
        if (
            is_apart
            and shift.starts_at > now
            and shift.override_id is None
            and shift.user_id != giver_id
        ):
            theirs = weekend((shift.starts_at, shift.ends_at), zone)
            yield Swap(shift, (own, theirs) if own and theirs else None)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant_of(datetime.combine(day, time()), zone)
