"""The figures of all benches in one table, each beside its baseline and its goal."""

from __future__ import annotations

import math
import os
import platform
import sqlite3
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

DIGITS = {"/s": 0, "ms": 2, "MiB": 0}
COLUMNS = ("measured", "figure", "baseline", "its figure", "ratio", "goal")
ALIGNED = "<><>><"


@dataclass(frozen=True)
class Figure:
    """What was measured, and beside what; the baseline's figure and the ratio may be missing.

    The unit is one of `DIGITS`. A goal without a unit is one for the ratio.
    """

    measured: str
    unit: str
    value: float
    baseline: str = ""
    baseline_value: float = math.nan
    ratio: float = math.nan
    goal: str = ""

    @classmethod
    def beside(
        cls,
        baseline: str,
        measured: str,
        unit: str,
        rounds: Iterable[tuple[float, float]],
        goal: str = "",
    ) -> Figure:
        """Return the medians over rounds, each of the baseline's figure and the one beside it.

        The ratio is the median of the rounds' ratios.
        """
        theirs, ours = zip(*rounds, strict=True)
        ratios = [our / their for their, our in zip(theirs, ours, strict=True)]
        value, baseline_value, ratio = map(statistics.median, (ours, theirs, ratios))
        return cls(measured, unit, value, baseline, baseline_value, ratio, goal)


def machine(now: datetime) -> str:
    """Return what the figures depend on, in one line."""
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {platform.machine()}, {now:%Y-%m-%d}"
    )


def table(found: Mapping[str, Iterable[Figure]]) -> str:
    """Return each bench's figures as one table in Markdown."""
    rows = [_cells(bench, figure) for bench, figures in found.items() for figure in figures]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    layout = list(zip(ALIGNED, widths, strict=True))
    rule = ["-" * (width - 1) + ("-" if way == "<" else ":") for way, width in layout]
    lines = [
        [f"{cell:{way}{width}}" for cell, (way, width) in zip(row, layout, strict=True)]
        for row in (COLUMNS, rule, *rows)
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cells(bench: str, figure: Figure) -> tuple[str, ...]:
    return (
        f"{bench}: {figure.measured}",
        _shown(figure.value, figure.unit),
        figure.baseline,
        _shown(figure.baseline_value, figure.unit),
        _shown(figure.ratio),
        figure.goal,
    )


def _shown(number: float, unit: str = "") -> str:
    """Return the number with its unit, nothing for one that is missing."""
    if math.isnan(number):
        return ""
    return f"{number:,.{DIGITS.get(unit, 2)}f} {unit}".rstrip()
