"""A heat map: how many there were at each hour of each weekday."""

from __future__ import annotations

import math
from collections.abc import Mapping

from markupsafe import Markup

from incident_service.web.plots import svg
from incident_service.web.plots.svg import Element, add, percent

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

HOURS = 24

LEVELS = 5
"""How many colours there are from the fewest to the most; level 0 is none at all."""

CELL, GAP, TOP = 28, 2, 22
"""Pixels: a cell's height, what is free between cells, and where the cells begin."""


def draw(id: str, title: str, counts: Mapping[tuple[int, int], int]) -> Markup:
    """Draw the cells; `counts` has those that are not zero, by weekday (1–7) and hour (0–23)."""
    most = max(counts.values(), default=0)
    picture = svg.picture("heat", id, TOP + CELL * len(WEEKDAYS), title, _summary(counts))
    for hour in range(0, HOURS, 3):
        add(
            picture,
            "text",
            f"{hour:02}:00",
            class_="label" + (" on-wide" if hour % 6 else ""),
            x=percent(100 * hour / HOURS),
            y=TOP - 8,
        )
    for n, name in enumerate(WEEKDAYS):
        y = TOP + CELL * n + CELL / 2 + 3
        add(picture, "text", name[:3], class_="label up", x=0, dx=-8, y=y)
        for hour in range(HOURS):
            _draw_cell(picture, n, hour, counts.get((n + 1, hour), 0), most)
    return svg.markup(picture)


def level(count: int, most: int) -> int:
    """Return which colour a cell has, from 0 for none to `LEVELS` for the most."""
    return math.ceil(LEVELS * count / most) if most else 0


def _draw_cell(picture: Element, weekday: int, hour: int, count: int, most: int) -> None:
    width, top = 100 / HOURS, TOP + CELL * weekday
    cell = add(picture, "g", class_=f"cell level-{level(count, most)}")
    ends = (hour + 1) % HOURS
    span = f"{WEEKDAYS[weekday]} {hour:02}:00–{ends:02}:00"
    add(cell, "title", f"{span}: {count:,}")
    add(
        cell,
        "rect",
        x=percent(width * hour),
        y=top,
        width=percent(width * 0.94),
        height=CELL - GAP,
        rx=3,
    )
    if count:
        add(
            cell,
            "text",
            _compact(count),
            class_="number across on-wide",
            x=percent(width * (hour + 0.47)),
            y=top + CELL / 2 + 3,
        )


def _compact(count: int) -> str:
    """Return a number in at most four letters: `12k` for 12,345."""
    for size, unit in ((1_000_000, "M"), (1000, "k")):
        if count >= size:
            return f"{count // size}{unit}"
    return str(count)


def _summary(counts: Mapping[tuple[int, int], int]) -> str:
    if not counts:
        return "None."
    (weekday, hour), most = max(counts.items(), key=lambda each: each[1])
    return (
        f"{sum(counts.values()):,} in all. The most in one hour of the week: {most:,}, "
        f"on {WEEKDAYS[weekday - 1]} at {hour:02}:00."
    )
