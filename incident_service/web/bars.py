"""The last days of a component, drawn: a bar for each, the taller the worse."""

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
"""Shape tells what colour does, for those who cannot tell colours."""

NAMES: dict[str, str] = {
    "operational": "operational",
    "maintenance": "under maintenance",
    "degraded": "degraded performance",
    "partial_outage": "partial outage",
    "major_outage": "major outage",
}

MAX_NAMED = 4
"""How many days of a level are named one by one; of more, the number is."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The bar of a day on which something was wrong, from `x` on, and what it says."""

    x: int
    level: Level
    height: int
    title: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A drawing `width` wide: one path for all good days, and a mark for each of the others.

    `before` is the path of the days before there was such a component. `summary` says the same in
    words.
    """

    width: int
    path: str
    before: str
    marks: list[Mark]
    summary: str


def draw(days: Sequence[date], levels: Sequence[Level | None]) -> Bars:
    """Return the drawing of a component's worst level on each of the days; `None` before it was."""
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
        hit = [in_words(days[n]) for n, found in enumerate(levels) if found == level]
        if len(hit) > MAX_NAMED:
            parts.append(f"{NAMES[level]} on {len(hit)} days")
        elif hit:
            parts.append(f"{NAMES[level]} on {', '.join(hit)}")
    rest = "otherwise operational" if {"operational", None} & {*levels} else ""
    told = "; ".join([*parts, rest] if parts and rest else parts) or "operational on all of them"
    known = next((n for n, level in enumerate(levels) if level is not None), 0)
    since = f" It is on record since {in_words(days[known])}." if known else ""
    return f"The last {len(days)} days: {told}.{since}"
