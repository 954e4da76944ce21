"""What a calendar's lane shows of the time it is about: pure functions (contract §11)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from incident_service.clock import FIRST, LAST
from incident_service.oncall import calculator
from incident_service.oncall.calculator import Override, Target
from incident_service.oncall.gaps import Gap, gaps_between
from incident_service.oncall.rotation import Layer

MAX_SHIFTS = 500
"""How many shifts a lane shows, the first in its window. A rotation by day has 28 in four weeks."""

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class CalendarShift:
    """A shift or an override, cut to the window, and whether it lasts beyond its two ends.

    A deleted user is named as they were. `reason`: an override's.
    """

    user_id: str
    user_name: str
    layer_id: str | None
    override_id: str | None
    reason: str | None
    starts_at: datetime
    ends_at: datetime
    begins_earlier: bool
    ends_later: bool


@dataclass(frozen=True, slots=True)
class CalendarGap(Gap):
    """A time in which nobody is on call, cut as shifts are, and to before or after now."""

    begins_earlier: bool
    ends_later: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """The shifts of a window, in order, and the time in which nobody has one.

    `gaps`: from now on. A schedule that has not begun has a gap before it begins: nobody is paged
    then. `past_gaps`: before now, which nobody can mend any more.

    `shown_until`: the window's end, or an earlier instant if it has more than `MAX_SHIFTS`.
    """

    shifts: list[CalendarShift]
    gaps: list[CalendarGap]
    past_gaps: list[CalendarGap]
    shown_until: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """The time that a view shows, and the instant at which it is asked for."""

    start: datetime
    end: datetime
    now: datetime

    def owners(self, layers: Iterable[Layer], overrides: Iterable[Override]) -> list[Target]:
        """Return the first `MAX_SHIFTS` shifts around the window, and one more if there is one."""
        found = calculator.owners(layers, overrides, *self.around())
        return list(itertools.islice(found, MAX_SHIFTS + 1))

    def lane(
        self, targets: list[Target], name: Callable[[str], str], reasons: Mapping[str, str | None]
    ) -> Lane:
        """Return what `owners` found, cut to the window.

        `name`: returns a user's name. `reasons`: those of overrides, by id.
        """
        until, (start, end) = self.end, self.around()
        if len(targets) > MAX_SHIFTS:
            targets = targets[:MAX_SHIFTS]
            end = targets[-1].ends_at
            until = min(until, end)
        shifts = [
            CalendarShift(
                user_id=target.user_id,
                user_name=name(target.user_id),
                layer_id=target.layer_id,
                override_id=target.override_id,
                reason=reasons.get(target.override_id or ""),
                starts_at=max(target.starts_at, self.start),
                ends_at=min(target.ends_at, until),
                begins_earlier=target.starts_at < self.start,
                ends_later=target.ends_at > until,
            )
            for target in targets
            if target.starts_at < until and target.ends_at > self.start
        ]
        gaps = list(gaps_between(targets, start, end))
        middle = min(max(self.now, self.start), until)
        return Lane(
            shifts,
            gaps=list(_cut(gaps, middle, until)),
            past_gaps=list(_cut(gaps, self.start, middle)),
            shown_until=until,
        )

    def around(self) -> tuple[datetime, datetime]:
        """Return the window with a moment more at its ends: it tells which shifts reach beyond."""
        return max(self.start, FIRST + _MOMENT) - _MOMENT, min(self.end, LAST - _MOMENT) + _MOMENT


def _cut(gaps: Iterable[Gap], start: datetime, end: datetime) -> Iterator[CalendarGap]:
    for gap in gaps:
        if max(gap.starts_at, start) < min(gap.ends_at, end):
            yield CalendarGap(
                max(gap.starts_at, start),
                min(gap.ends_at, end),
                begins_earlier=gap.starts_at < start,
                ends_later=gap.ends_at > end,
            )
