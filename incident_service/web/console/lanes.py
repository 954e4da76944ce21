"""Lays out who is on call: as lanes over days, or as a list by day; pure functions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, TypeVar

from incident_service.oncall.calendar_lanes import Lane
from incident_service.web.console import lane_words
from incident_service.web.console.days import Day, Window
from incident_service.web.console.stretches import Stretch, parts

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Screen:
    """How many pixels wide a lane is on it at least, and initials are in its letters."""

    lane: float
    initials: float


_LAPTOP, _TABLET = _Screen(780, 22), _Screen(420, 14)

_WIDTH_OF_TIME, _WIDTH_OF_OVERRIDE = 48, 104


@dataclass(frozen=True, slots=True)
class Text:
    """As much of a name as fits into a bar.

    `handoff`: the time at which the person takes over, and whether by an override, if that fits
    and is in the window.
    """

    label: str
    handoff: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch as it is drawn: `x` and `width` in percent of the lane.

    `sentence`: all of it in words.
    """

    whole: Stretch
    """All of what it is a part of, as far as the lane shows it."""
    stretch: Stretch
    x: float
    width: float
    text: Text
    short_text: Text
    """What fits on a tablet; `text`: on a laptop."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Entry(Generic[T]):
    """A stretch in a list by day; `subject`: what the lane is about.

    `since`: a time of that day, `now` or `before`. `until`: a time and its date.
    """

    subject: T
    whole: Stretch
    """All of what it is a part of, as far as the lane shows it."""
    stretch: Stretch
    who: str
    initials: str
    since: str
    until: str


def bars(lane: Lane, window: Window, *, with_gaps: bool = True) -> list[Bar]:
    """Return what is drawn of a lane in the window, in order: every instant is in one bar.

    `with_gaps=False`: without the time in which nobody is on call, which is fine for a layer.
    """
    return [_bar(*each, window) for each in _shown(lane, window, with_gaps)]


def by_day(
    lanes: Iterable[tuple[T, Lane]], window: Window, *, with_gaps: bool = True
) -> list[tuple[Day, list[Entry[T]]]]:
    """Return what `bars` does as a list: under each day what begins on it, in order of time.

    If now is in the window, the list begins with what runs now, and leaves out what is over. Days
    on which nothing begins are left out, too.
    """
    since = window.now if window.has_now else window.starts_at
    found: dict[date, list[tuple[datetime, Entry[T]]]] = defaultdict(list)
    for subject, lane in lanes:
        for whole, part in _shown(lane, window, with_gaps):
            if part.ends_at > since:
                at = max(part.starts_at, since)
                entry = _entry(subject, whole, part, window)
                found[window.day_of(at).date].append((at, entry))
    return [
        (day, [entry for _, entry in sorted(found[day.date], key=lambda each: each[0])])
        for day in window.days
        if day.date in found
    ]


def _shown(lane: Lane, window: Window, with_gaps: bool) -> Iterator[tuple[Stretch, Stretch]]:
    for whole, part in parts(lane, window):
        if with_gaps or part.kind not in ("gap", "past_gap"):
            yield whole, part


def _bar(whole: Stretch, part: Stretch, window: Window) -> Bar:
    x = window.place(part.starts_at)
    width = round(window.place(part.ends_at) - x, 3)
    return Bar(
        whole,
        part,
        x,
        width,
        text=_text(part, window, width, _LAPTOP),
        short_text=_text(part, window, width, _TABLET),
        sentence=lane_words.sentence(whole, window.zone),
    )


def _text(part: Stretch, window: Window, width: float, screen: _Screen) -> Text:
    pixels = width / 100 * screen.lane
    handoff = ""
    if part.shift is not None and not part.begins_earlier and pixels >= _WIDTH_OF_TIME:
        handoff = lane_words.clock(part.starts_at, window.zone)
        if part.kind == "override" and pixels >= _WIDTH_OF_OVERRIDE:
            handoff += " override"
    return Text(lane_words.label(part, pixels, for_initials=screen.initials), handoff)


def _entry(subject: T, whole: Stretch, part: Stretch, window: Window) -> Entry[T]:
    begins = lane_words.clock(part.starts_at, window.zone)
    if window.has_now and part.starts_at <= window.now:
        begins = "now"
    elif part.begins_earlier:
        begins = "before"
    ends = lane_words.moment(whole.ends_at, window.zone, with_year=False)
    who = lane_words.who(part)
    return Entry(
        subject,
        whole,
        part,
        who,
        initials=lane_words.initials(who) if part.shift else "",
        since=begins,
        until=f"after {ends}" if whole.ends_later else ends,
    )
