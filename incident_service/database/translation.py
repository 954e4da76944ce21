"""Statements as the store has them, in PostgreSQL's words. It is pure: text in, text out.

The store's SQL is what both engines speak, but for the following. Values are written `:name`, or
`?` in order. Some words only tell SQLite how to find rows; PostgreSQL decides that by itself, so
they are taken out: `INDEXED BY name`, a `+` right before a column (a sum has a space on both
sides), and the `CROSS` of `CROSS JOIN x ON ...`. And two names are others there: `json_object`,
and `rowid`, which tells rows of a table apart within one statement.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

_PARTS = re.compile(
    r"""
    (?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | :: )  # a string, a quoted name, a cast
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | : (?P<value> [A-Za-z_]\w* )
    | (?P<next_value> \? )
    | (?P<hint> \b INDEXED \s+ BY \s+ \w+ | (?<![^\s(]) \+ (?=[A-Za-z_]) | \b CROSS \s+ (?=JOIN\b) )
    | (?P<json_object> \b json_object (?= \s* \( ) )
    | (?P<rowid> \b rowid \b )
    """,
    re.VERBOSE | re.DOTALL,
)

_WORDS = {
    "comment": " ",
    "hint": "",
    "json_object": "json_build_object",
    "rowid": "ctid",
}


class Translated(NamedTuple):
    """A statement with its values as `$1`, `$2` and so on."""

    sql: bytes
    names: tuple[str | int, ...]
    """What each of them is called, or its place among the values, counted from 0."""


@functools.lru_cache(maxsize=4096)
def translated(sql: str) -> Translated:
    """Return a statement without comments, as the server takes it."""
    names: list[str | int] = []

    def words(part: re.Match[str]) -> str:
        kind = str(part.lastgroup)
        if kind == "kept":
            return part["kept"]
        if kind in _WORDS:
            return _WORDS[kind]
        name = part["value"] or len(names)
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return Translated(_PARTS.sub(words, sql).encode(), tuple(names))
