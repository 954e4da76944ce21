"""What a lane tells of each instant, without a hole: shifts, overrides and gaps, in order."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from incident_service.oncall.calendar_lanes import CalendarGap, CalendarShift, Lane
from incident_service.web.console.days import Window

Kind = Literal["shift", "override", "gap", "past_gap", "not_shown"]

COLOURS = 12
"""How many colours people have; the style sheet has one for each of `p0` to `p11`."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which one person is on call, or nobody, whole or a part of it."""

    kind: Kind
    shift: CalendarShift | None
    starts_at: datetime
    ends_at: datetime
    begins_earlier: bool
    ends_later: bool

    @property
    def colour(self) -> int | None:
        """The person's colour."""
        return None if self.shift is None else colour(self.shift.user_id)


def colour(user_id: str) -> int:
    """Return the person's colour, which is theirs everywhere: nothing but their id decides it."""
    return zlib.crc32(user_id.encode()) % COLOURS


def parts(lane: Lane, window: Window) -> Iterator[tuple[Stretch, Stretch]]:
    """Yield what a lane tells of the window, in order: each stretch, and the part in the window."""
    for whole in sorted(_stretches(lane, window), key=lambda each: each.starts_at):
        if whole.starts_at < window.ends_at and whole.ends_at > window.starts_at:
            yield (
                whole,
                Stretch(
                    whole.kind,
                    whole.shift,
                    starts_at=max(whole.starts_at, window.starts_at),
                    ends_at=min(whole.ends_at, window.ends_at),
                    begins_earlier=whole.begins_earlier or whole.starts_at < window.starts_at,
                    ends_later=whole.ends_later or whole.ends_at > window.ends_at,
                ),
            )


def _stretches(lane: Lane, window: Window) -> Iterator[Stretch]:
    for shift in lane.shifts:
        yield Stretch(
            "override" if shift.override_id else "shift",
            shift,
            shift.starts_at,
            shift.ends_at,
            shift.begins_earlier,
            shift.ends_later,
        )
    kinds: tuple[tuple[Kind, list[CalendarGap]], ...] = (
        ("past_gap", lane.past_gaps),
        ("gap", lane.gaps),
    )
    for kind, gaps in kinds:
        for gap in gaps:
            ends = gap.begins_earlier, gap.ends_later
            yield Stretch(kind, None, gap.starts_at, gap.ends_at, *ends)
    if lane.shown_until < window.ends_at:
        yield Stretch("not_shown", None, lane.shown_until, window.ends_at, False, False)
