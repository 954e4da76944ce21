"""Durations in forms and sentences: a count and a unit for seconds."""

from __future__ import annotations

import re
from typing import Any

UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
"""The largest first: how many seconds it has, and its name."""

RANGES = {
    "everySeconds": "Must be from 1 minute to 30 days.",
    "graceSeconds": "Must be from 0 seconds to 1 day.",
}
"""What a form says of a duration that the API refuses in seconds."""

_WHOLE = re.compile(r"[0-9]{1,12}")


def joined(raw: Any) -> list[str]:
    """Return the field `{"count", "unit"}` of a form in seconds; the count alone if it is none."""
    if not isinstance(raw, dict):
        return raw if isinstance(raw, list) else []
    count, unit = _text(raw, "count").strip(), _text(raw, "unit")
    is_right = _WHOLE.fullmatch(count) and any(str(seconds) == unit for seconds, _ in UNITS)
    return [str(int(count) * int(unit)) if is_right else count]


def split(text: str) -> tuple[str, int]:
    """Return seconds as a count and the largest unit that divides them; as typed if no number."""
    if not _WHOLE.fullmatch(text):
        return text, 60
    count = int(text)
    unit = next(seconds for seconds, _ in UNITS if count and count % seconds == 0) if count else 1
    return str(count // unit), unit


def in_words(seconds: int) -> str:
    """Return seconds in the largest unit that divides them: `25 hours`."""
    count, unit = split(str(seconds))
    name = dict(UNITS)[unit]
    return f"{count} {name}" if count == "1" else f"{count} {name}s"


def _text(raw: dict[Any, Any], name: str) -> str:
    texts = raw.get(name)
    return str(texts[-1]) if isinstance(texts, list) and texts else ""
