"""Says who is on call in words: as much of a name as fits, times, and whole sentences."""

from __future__ import annotations

import functools
import re
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service.web.console import zones
from incident_service.web.console.stretches import Kind, Stretch

NOBODY: dict[Kind, str] = {
    "gap": "Nobody is on call",
    "past_gap": "Nobody was on call",
    "not_shown": "Too many shifts to show",
}

_CHARACTER, _PADDING = 7.0, 20
"""About how many pixels wide a label's character is, and what is kept free beside it."""

_UTC = ZoneInfo("UTC")


def who(stretch: Stretch) -> str:
    """Return the name of the person on call, or what there is instead."""
    return NOBODY[stretch.kind] if stretch.shift is None else stretch.shift.user_name


def label(stretch: Stretch, pixels: float, *, for_initials: float) -> str:
    """Return as much as fits of the name: all, the first name, the initials or nothing.

    `for_initials`: how many pixels they take.
    """
    name = who(stretch)
    for text in (name, _names(name)[0]):
        if _CHARACTER * len(text) + _PADDING <= pixels:
            return text
    return initials(name) if stretch.shift and pixels >= for_initials else ""


@functools.lru_cache(maxsize=4096)
def initials(name: str) -> str:
    """Return the first letters of the first and the last part of a name or an email address."""
    names = _names(name)
    return "".join(each[0].upper() for each in names[:1] + names[1:][-1:])


def sentence(stretch: Stretch, zone: ZoneInfo) -> str:
    """Return who is on call from when until when, in the viewer's zone and in UTC."""
    shift = stretch.shift
    override = ""
    if shift is not None and stretch.kind == "override":
        override = f" (override: {shift.reason})" if shift.reason else " (override)"
    in_utc = "" if zone == _UTC else f" ({_span(stretch, _UTC)})"
    return f"{who(stretch)}{override}, {_span(stretch, zone)}{in_utc}"


@functools.lru_cache(maxsize=4096)  # many shifts begin at one instant
def clock(at: datetime, zone: ZoneInfo) -> str:
    """Return the time of day: `09:00`."""
    return f"{zones.within(at, zone):%H:%M}"


@functools.lru_cache(maxsize=4096)
def moment(at: datetime, zone: ZoneInfo, *, with_year: bool = True) -> str:
    """Return a date and a time of day: `Mon 30 Nov 2026, 09:00`."""
    local = zones.within(at, zone)
    year = f" {local.year}" if with_year else ""
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M}"


def _span(stretch: Stretch, zone: ZoneInfo) -> str:
    begin = "since before" if stretch.begins_earlier else "from"
    end = "until after" if stretch.ends_later else "until"
    starts_at, ends_at = moment(stretch.starts_at, zone), moment(stretch.ends_at, zone)
    return f"{begin} {starts_at} {end} {ends_at} {zone.key}"


@functools.lru_cache(maxsize=4096)
def _names(name: str) -> list[str]:
    """Return the parts of a name; of an email address, those before the `@`."""
    local, at, _ = name.partition("@")
    parts = re.split(r"[._+-]+", local) if at and " " not in name else name.split()
    return [part for part in parts if part] or [name]
