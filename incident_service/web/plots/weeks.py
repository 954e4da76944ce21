"""The axis of weeks, which are told by their Mondays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from incident_service.web.plots.svg import Element, add, percent

MIN_SLOTS = 5
"""A single week is not drawn wider than a fifth of the plot."""

WIDE, HALF, NARROW = 13, 7, 4
"""How many labels stand side by side on a wide screen, on half of it, and on a phone."""


class WeekAxis:
    """Where weeks are, in percent of the plot's width: each has a slot, side by side."""

    def __init__(self, weeks: Sequence[date], *, most_labels: int = WIDE) -> None:
        self.weeks = weeks
        self.most_labels = most_labels
        self.slots = max(len(weeks), MIN_SLOTS)
        self.width = 100 / self.slots

    @property
    def height(self) -> int:
        """How many pixels the labels take below the plot."""
        return 40 if self.years() else 24

    def left(self, n: int) -> float:
        """Return the left edge of a week's slot."""
        return n * self.width

    def centre(self, n: int) -> float:
        """Return the middle of a week's slot."""
        return (n + 0.5) * self.width

    def labels(self) -> list[tuple[int, bool]]:
        """Return which weeks have a label, and whether on a wide screen alone."""
        step = math.ceil(self.slots / self.most_labels)
        narrow = math.ceil(self.slots / NARROW / step) * step
        return [(n, n % narrow != 0) for n in range(0, len(self.weeks), step)]

    def years(self) -> list[int]:
        """Return which weeks begin a year that is told; none if all are of one."""
        first = [n for n, of in enumerate(self.weeks) if n and of.year != self.weeks[n - 1].year]
        is_apart = bool(first) and first[0] >= self.slots / NARROW
        return [0, *first] if is_apart else first


def draw_labels(svg: Element, axis: WeekAxis, top: float) -> None:
    """Draw the labels below the plot, which ends at `top`."""
    for n, is_wide in axis.labels():
        add(
            svg,
            "text",
            f"{axis.weeks[n].day} {axis.weeks[n]:%b}",
            class_="label across" + (" on-wide" if is_wide else ""),
            x=percent(axis.centre(n)),
            y=top + 18,
        )
    for n in axis.years():
        x, year = percent(axis.left(n)), str(axis.weeks[n].year)
        add(svg, "line", class_="grid year", x1=x, x2=x, y1=top, y2=top + 36)
        add(svg, "text", year, class_="label year", x=x, dx=5, y=top + 36)


def draw_spots(svg: Element, axis: WeekAxis, height: float, texts: Sequence[str]) -> None:
    """Draw over each week what tells its values to a mouse that rests there."""
    for n, words in enumerate(texts):
        spot = add(
            svg,
            "rect",
            class_="spot",
            x=percent(axis.left(n)),
            y=0,
            width=percent(axis.width),
            height=height,
        )
        add(spot, "title", words)
