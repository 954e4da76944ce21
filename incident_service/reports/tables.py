"""Tables for spreadsheets, as CSV in which no text is taken for a formula (RFC 4180)."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

Cell = str | int | float | None
"""What a cell holds: a text, a number, or nothing."""

_FORMULA = frozenset("=+-@\N{MINUS SIGN}")
"""What a formula begins with. Some spreadsheets read its wide and small forms alike."""


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return the table with its header. Numbers stay numbers, and texts stay texts."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)  # it ends lines with CR LF, and quotes what needs it
    writer.writerow(header)
    writer.writerows(
        [_as_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return written.getvalue()


def _as_text(cell: str) -> str:
    """Return the text; after an apostrophe, if a spreadsheet might take it for a formula."""
    if cell[:1] in ("\t", "\r"):
        return f"'{cell}"
    # A spreadsheet may skip white space and characters that cannot be seen.
    seen = next((one for one in cell if unicodedata.category(one)[0] not in "CZ"), "")
    return f"'{cell}" if unicodedata.normalize("NFKC", seen)[:1] in _FORMULA else cell
