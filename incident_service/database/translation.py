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

_PARTS = re.compile(
    r"""
    (?P<kept> '(?:[^']|'')*' | "(?:[^"]|"")*" | :: )  # a string, a quoted name, a cast
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | : (?P<value> [A-Za-z_]\w* )
    | (?P<next_value> \? )
    | (?P<hint> \b INDEXED \s+ BY \s+ \w+ | (?<![^\s(]) \+ (?=[A-Za-z_]) | \b CROSS \s+ (?=JOIN\b) )
    | (?P<json_object> \b json_object (?= \s* \( ) )
    | (?P<rowid> \b rowid \b )
    | (?P<percent> % )
    """,
    re.VERBOSE | re.DOTALL,
)

_WORDS = {
    "comment": " ",
    "next_value": "%s",
    "hint": "",
    "json_object": "json_build_object",
    "rowid": "ctid",
    "percent": "%%",
}


@functools.lru_cache(maxsize=4096)
def translated(sql: str) -> str:
    """Return a statement for psycopg: with values as `%(name)s` or `%s`, without comments."""
    return _PARTS.sub(_translated, sql)


def _translated(part: re.Match[str]) -> str:
    kind = str(part.lastgroup)
    if kind == "value":
        return f"%({part['value']})s"
    return part["kept"].replace("%", "%%") if kind == "kept" else _WORDS[kind]
