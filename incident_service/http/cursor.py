"""Cursors: where the next part of a list begins; opaque, checked, safe in a URL (contract §1)."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from incident_service.errors import InvalidRequest

MAX_NUMBER = 2**63 - 1


def encode(list_: str, end: int | str | None) -> str | None:
    """Return the cursor of the part that follows `end`, a number or a name; `None` for `None`.

    `list_` names the list, so that no other list accepts the cursor.
    """
    if end is None:
        return None
    raw = json.dumps(end, ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_check(list_, raw) + raw).decode().rstrip("=")


def decode_number(list_: str, cursor: str | None) -> int:
    """Return the number, at least 1, with which the part before ended; 0 without a cursor.

    Raises `InvalidRequest` `invalid_cursor` if the cursor is not from this list.
    """
    if cursor is None:
        return 0
    end = _decode(list_, cursor)
    if not isinstance(end, int) or not 1 <= end <= MAX_NUMBER:
        raise _invalid()
    return end


def decode_name(list_: str, cursor: str | None) -> str:
    """Return the name with which the part before ended; an empty one without a cursor.

    Raises `InvalidRequest` `invalid_cursor` if the cursor is not from this list.
    """
    if cursor is None:
        return ""
    end = _decode(list_, cursor)
    if not isinstance(end, str):
        raise _invalid()
    return end


def _decode(list_: str, cursor: str) -> Any:
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        end = json.loads(raw[4:])
        if encode(list_, end) == cursor:
            return end
    except (ValueError, RecursionError):
        pass
    raise _invalid()


def _check(list_: str, raw: bytes) -> bytes:
    return zlib.crc32(list_.encode() + b" " + raw).to_bytes(4, "big")


def _invalid() -> InvalidRequest:
    return InvalidRequest("cursor: is not from this list.", code="invalid_cursor")
