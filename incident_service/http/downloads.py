"""Answers that a browser keeps as a file."""

from __future__ import annotations

from flask import Response

CSV = "text/csv; charset=utf-8"


def csv_file(name: str, text: str) -> Response:
    """Return the answer that is a CSV file; `name`, of plain ASCII letters, is the file's."""
    # Spreadsheets know UTF-8 by the mark at the beginning alone.
    response = Response(text.encode("utf-8-sig"), content_type=CSV)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
