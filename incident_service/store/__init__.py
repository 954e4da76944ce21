"""SQL, one module a table family: functions that take a connection and plain values."""

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]
"""A row as its columns by name."""

MAX_TEXT = 1024 * 1024
"""How many characters of text one answer takes from rows whose texts are long."""


def take(rows: Iterable[Row], column: str) -> list[Row]:
    """Return the first rows whose texts in the column are not longer than `MAX_TEXT` together.

    At least one, if there is one.
    """
    taken: list[Row] = []
    length = 0
    for row in rows:
        length += len(row[column] or "")
        if length > MAX_TEXT and taken:
            break
        taken.append(row)
    return taken
