"""The time that a report looks back on (contract §12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from incident_service.clock import FIRST, whole_milliseconds
from incident_service.errors import ValidationFailed

LONGEST = timedelta(days=366)
"""The longest time that a report looks back on."""

USUAL = timedelta(days=28)
"""How long it is if nobody says where it begins."""

_MILLISECOND = timedelta(milliseconds=1)

_EARLIEST = FIRST + timedelta(days=1)
"""It, and all that follows, has a date in every time zone."""


@dataclass(frozen=True, slots=True)
class Window:
    """A time of whole milliseconds in UTC, from `start` until just before `end`."""

    start: datetime
    end: datetime

    @classmethod
    def between(cls, first: datetime | None, last: datetime | None, *, now: datetime) -> Self:
        """Return the window of two instants, both of which are in it.

        Without `last`, or if that is to come, it ends with `now`; without `first`, it is `USUAL`.
        Raises `ValidationFailed` if it would be empty or longer than `LONGEST`.
        """
        if first is not None and first > now:
            raise ValidationFailed({"from": ["Must not be in the future."]})
        if first is not None and last is not None and last < first:
            raise ValidationFailed({"to": ["Must not be before from."]})
        if first is not None and (last or now) - first > LONGEST:
            name, of = ("from", "before now") if last is None else ("to", "after from")
            raise ValidationFailed({name: [f"More than {LONGEST.days} days {of}."]})
        end = max(whole_milliseconds(min(last or now, now)), _EARLIEST) + _MILLISECOND
        usual = end - min(USUAL, end - _EARLIEST)
        return cls(usual if first is None else max(whole_milliseconds(first), _EARLIEST), end)
