"""Cursors of the list of incidents: opaque, safe in a URL, and checked (contract §3)."""

from __future__ import annotations

import base64
import binascii
import struct

from incident_service.errors import InvalidRequest

_FORM = struct.Struct(">BqH")
_VERSION = 1


def encode(before: int) -> str:
    """Return the cursor of a page that ended with the incident of this number."""
    check = binascii.crc_hqx(before.to_bytes(8, "big"), _VERSION)
    return base64.urlsafe_b64encode(_FORM.pack(_VERSION, before, check)).decode().rstrip("=")


def decode(cursor: str) -> int:
    """Return the number with which the page before ended.

    Raises `InvalidRequest` `invalid_cursor` where it is none that `encode` made.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        _, before, _ = _FORM.unpack(raw)
        if before >= 1 and encode(before) == cursor:
            return int(before)
    except (ValueError, struct.error):
        pass
    raise InvalidRequest("cursor: is none that this list gave.", code="invalid_cursor")
