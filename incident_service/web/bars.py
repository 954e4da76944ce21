"""Draws a component's last days: one bar a day, and the worse the day, the taller its bar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from incident_service.status.levels import LEVELS, Level
from incident_service.web.rendering import day as in_words

STEP = 6
HEIGHTS: dict[Level, int] = {
    "operational": 20,
    "degraded": 24,
    "partial_outage": 28,
    "major_outage": 32,
}
"""Height says the same as colour, for people who cannot tell the colours apart."""

NAMES: dict[str, str] = {
    "operational": "operational",
    "maintenance": "under maintenance",
    "degraded": "degraded performance",
    "partial_outage": "partial outage",
    "major_outage": "major outage",
}

MAX_NAMED = 4
"""The summary lists up to this many days of a level. If there are more, it counts them."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The bar of a day on which something was wrong; `x` is its left edge, `title` its text."""

    x: int
    level: Level
    height: int
    title: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A drawing that is `width` wide: one path for all good days, and a mark for each other day.

    `before` is the path of the days before the component existed. `summary` says it all in words.
    """

    width: int
    path: str
    before: str
    marks: list[Mark]
    summary: str


def draw(days: Sequence[date], levels: Sequence[Level | None]) -> Bars:
    """Draw a component's worst level on each day; `None` is a day before the component existed."""
    marks = [
        Mark(STEP * n, level, HEIGHTS[level], f"{in_words(days[n])}: {NAMES[level]}")
        for n, level in enumerate(levels)
        if level is not None and level != "operational"
    ]
    return Bars(
        width=STEP * len(days),
        path=_path(n for n, level in enumerate(levels) if level == "operational"),
        before=_path(n for n, level in enumerate(levels) if level is None),
        marks=marks,
        summary=_summary(days, levels),
    )


def _path(days: Iterable[int]) -> str:
    tallest, short = HEIGHTS["major_outage"], HEIGHTS["operational"]
    return "".join(f"M{STEP * n + 2} {tallest}v-{short}" for n in days)


def _summary(days: Sequence[date], levels: Sequence[Level | None]) -> str:
    parts = []
    for level in reversed(LEVELS[1:]):
        hit = [in_words(days[n]) for n, of_day in enumerate(levels) if of_day == level]
        if len(hit) > MAX_NAMED:
            parts.append(f"{NAMES[level]} on {len(hit)} days")
        elif hit:
            parts.append(f"{NAMES[level]} on {', '.join(hit)}")
    rest = "otherwise operational" if {"operational", None} & {*levels} else ""
    summary = "; ".join([*parts, rest] if parts and rest else parts) or "operational every day"
    first = next((n for n, level in enumerate(levels) if level is not None), 0)
    since = f" It is on record since {in_words(days[first])}." if first else ""
    return f"The last {len(days)} days: {summary}.{since}"
