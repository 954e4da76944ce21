"""Writes what people and tools wrote into Markdown so that it is read as text alone. Pure.

No heading, link, image, HTML or code of theirs comes to be (CommonMark, with tables and
strikethrough).
"""

from __future__ import annotations

import itertools
import re

_BEFORE_SPECIAL = re.compile(
    r"(?=[\\`*\[\]<~|])"
    r"|(?<![^\W_])(?=_)|(?=_(?![^\W_]))"  # within a word, an underscore is no emphasis
    r"|(?=&[#\w])"
    r"|(?<= )(?=#+$)"  # at the end of a heading
)
"""Where a backslash is put: an empty match, because that is quicker to replace."""

_LINE_START = re.compile(r"^(?:[#>+=:-]|\d+(?=[.)]))")
"""How headings, quotes, lists, rules and the second line of a table begin."""

_DIRECTIONS = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Characters that would change the direction of what follows them."""


def line(text: str) -> str:
    """Return the text in one line: each run of white space is a space."""
    return _from_start(" ".join(_plain(text).split()))


def quote(text: str, indent: str = "") -> str:
    """Return the text as a block quote that keeps its lines, below a list item at `indent`."""
    lines = [_quoted(part) for part in _plain(text).strip().splitlines()]
    quoted = []
    for part, next_part in itertools.zip_longest(lines, lines[1:]):
        ending = "  " if part and next_part else ""  # two spaces keep a line apart from the next
        quoted.append(f"{indent}> {part}{ending}" if part else f"{indent}>")
    return "\n".join(quoted)


def _quoted(text: str) -> str:
    body = text.strip()
    indent = "\N{NO-BREAK SPACE}" * (len(text) - len(text.lstrip()))
    return indent + _from_start(body) if body else ""


def _from_start(text: str) -> str:
    """Return the text, for the beginning of a line too."""
    return _LINE_START.sub(_escape_start, _BEFORE_SPECIAL.sub(r"\\", text))


def _escape_start(match: re.Match[str]) -> str:
    start = match[0]
    return f"{start}\\" if start.isdigit() else f"\\{start}"


def _plain(text: str) -> str:
    return _DIRECTIONS.sub("", text)
