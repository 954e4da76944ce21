"""Horizontal bars: for each person the hours of two kinds, with the numbers at their ends."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from incident_service.web.plots import svg
from incident_service.web.plots.svg import Element, add, percent

MAX_ROWS = 20
"""How many people are drawn, the first."""

MAX_NAME = 34
"""How many columns of letters a name may take; a letter of East Asia takes two."""

ROW, BAR, NAME = 44, 10, 14
"""Pixels: the height of a row, of a bar, and where in the row a name stands."""

LONGEST = 80
"""Percent of the width that the longest bar takes; its number stands beside it."""


@dataclass(frozen=True, slots=True)
class Person:
    """A row: a name, and hours at night and at weekends, which may be the same hours."""

    name: str
    night: float
    weekend: float


def draw(id: str, title: str, people: Sequence[Person]) -> Markup:
    """Draw the first `MAX_ROWS` people."""
    shown = people[:MAX_ROWS]
    most = max((max(p.night, p.weekend) for p in shown), default=0)
    picture = svg.picture("bars", id, ROW * len(shown), title, _summary(people))
    for n, person in enumerate(shown):
        _draw_row(picture, ROW * n, person, most)
    return svg.markup(picture)


def hours(number: float) -> str:
    """Return hours with at most one digit after the point: `7.5 h`."""
    text = f"{number:,.1f}".removesuffix(".0")
    return f"{text} h"


def shortened(name: str) -> str:
    """Return the beginning of a name that fits above a bar on a phone."""
    taken = 0
    for n, letter in enumerate(name):
        taken += _columns(letter)
        if taken > MAX_NAME:
            return name[:n].rstrip() + "…"
    return name


def _columns(letter: str) -> int:
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def _draw_row(picture: Element, top: float, person: Person, most: float) -> None:
    row = add(picture, "g", class_="row-of-bars")
    add(
        row,
        "title",
        f"{person.name}: {hours(person.night)} at night, {hours(person.weekend)} at weekends",
    )
    add(row, "text", shortened(person.name), class_="name", x=0, y=top + NAME)
    for n, (kind, number) in enumerate((("night", person.night), ("weekend", person.weekend))):
        y = top + NAME + 5 + n * (BAR + 2)
        width = LONGEST * number / most if most else 0
        add(
            row,
            "rect",
            class_=f"bar-of {kind}",
            x=0,
            y=y,
            width=percent(width),
            height=BAR,
        )
        add(row, "text", hours(number), class_="number", x=percent(width), dx=6, y=y + BAR - 1)


def _summary(people: Sequence[Person]) -> str:
    if not people:
        return "Nobody."
    first = people[0]
    return (
        f"{len(people):,} people. {first.name} has the most hours at night: {hours(first.night)}, "
        f"and {hours(first.weekend)} at weekends."
    )
