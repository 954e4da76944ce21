"""Stacked columns, one a week: how many there were of each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from incident_service.web.plots import scales, svg, weeks
from incident_service.web.plots.svg import Element, add, percent
from incident_service.web.plots.weeks import WeekAxis

TOP, HEIGHT = 18, 200
"""Pixels above the plot, for the number on the tallest column, and of the plot itself."""

BREADTH = 0.74
"""How much of its slot a column takes."""

WIDE_DIGITS, NARROW_DIGITS = 60, 24
"""How many digits fit side by side on a wide screen, and on a phone."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of every column: its class, and its number in each week."""

    kind: str
    values: Sequence[int]


def draw(id: str, title: str, mondays: Sequence[date], parts: Sequence[Part]) -> Markup:
    """Draw a column for each week, of its parts from the bottom up."""
    axis = WeekAxis(mondays)
    totals = [sum(part.values[n] for part in parts) for n in range(len(mondays))]
    ticks = scales.nice_ticks(max(totals, default=0))
    picture = svg.picture("columns", id, TOP + HEIGHT + axis.height, title, _summary(axis, totals))
    _draw_grid(picture, ticks)
    for n in range(len(mondays)):
        _draw_column(picture, axis, n, [(part.kind, part.values[n]) for part in parts], ticks[-1])
    _draw_totals(picture, axis, totals, ticks[-1])
    weeks.draw_labels(picture, axis, TOP + HEIGHT)
    texts = [_sentence(axis, n, parts, totals[n]) for n in range(len(mondays))]
    weeks.draw_spots(picture, axis, TOP + HEIGHT, texts)
    return svg.markup(picture)


def _draw_grid(picture: Element, ticks: Sequence[int]) -> None:
    for tick in ticks:
        y = TOP + HEIGHT * (1 - tick / ticks[-1])
        add(picture, "line", class_="grid" if tick else "grid base", x2="100%", y1=y, y2=y)
        add(picture, "text", f"{tick:,}", class_="label up", x=0, dx=-8, y=y + 4)


def _draw_column(
    picture: Element, axis: WeekAxis, n: int, parts: Sequence[tuple[str, int]], most: int
) -> None:
    bottom = float(TOP + HEIGHT)
    for kind, value in parts:
        height = HEIGHT * value / most
        bottom -= height
        if value:
            add(
                picture,
                "rect",
                class_=f"part {kind}",
                x=percent(axis.left(n) + axis.width * (1 - BREADTH) / 2),
                y=bottom,
                width=percent(axis.width * BREADTH),
                height=height,
            )


def _draw_totals(picture: Element, axis: WeekAxis, totals: Sequence[int], most: int) -> None:
    """Write its number on each column, if there is room for all of them."""
    digits = axis.slots * (len(f"{max(totals, default=0):,}") + 1)
    if digits > WIDE_DIGITS:
        return
    for n, total in enumerate(totals):
        if total:
            add(
                picture,
                "text",
                f"{total:,}",
                class_="number across" + (" on-wide" if digits > NARROW_DIGITS else ""),
                x=percent(axis.centre(n)),
                y=TOP + HEIGHT * (1 - total / most) - 5,
            )


def _summary(axis: WeekAxis, totals: Sequence[int]) -> str:
    if not totals:
        return "No weeks."
    most = max(range(len(totals)), key=totals.__getitem__)
    week = axis.weeks[most]
    return (
        f"{len(totals)} weeks, {sum(totals):,} in all. The most in one week: {totals[most]:,}, "
        f"in the week of {week.day} {week:%B %Y}."
    )


def _sentence(axis: WeekAxis, n: int, parts: Sequence[Part], total: int) -> str:
    week = axis.weeks[n]
    each = ", ".join(f"{p.values[n]:,} {p.kind}" for p in parts if p.values[n])
    return f"Week of {week.day} {week:%b %Y}: {total:,}" + (f" ({each})" if each else "")
