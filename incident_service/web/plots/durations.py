"""Durations in the words of a plot and its table: `5 min`, `2 h 5 min`, `3 d`."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400

ROUND: tuple[int, ...] = (
    *(1, 2, 5, 10, 30),
    *(_MINUTE * n for n in (1, 2, 5, 10, 30)),
    *(_HOUR * n for n in (1, 2, 6, 12)),
    *(_DAY * n for n in (1, 2, 5, 10, 30, 90, 365, 1000, 5000, 20_000)),
)
"""Seconds that are round as people count time."""


def in_words(seconds: float) -> str:
    """Return seconds in their two largest units, rounded to the smaller: `2 h 5 min`."""
    whole = round(seconds)
    for n, (size, unit) in enumerate(_UNITS[:-1]):
        smaller, smaller_unit = _UNITS[n + 1]
        count, rest = divmod(round(whole / smaller), size // smaller)
        if count:
            return _amount(count, unit) + (f" {_amount(rest, smaller_unit)}" if rest else "")
    return _amount(whole, "s")


def _amount(count: int, unit: str) -> str:
    return f"{count}\N{NO-BREAK SPACE}{unit}"
