"""Instants: the only reader of the clock and its time zone, and how time is spelled on the wire.

An instant is a `datetime` with time zone UTC everywhere in the service.
"""

from __future__ import annotations

import functools
import os
import re
import zoneinfo
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

# RFC 3339 section 5.6; its note allows lower-case `t` and `z`.
_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))",
    re.ASCII,
)

_OWN = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d(?:\.\d{1,6})?Z", re.ASCII)
"""As the service writes instants, and most clients: read by `fromisoformat`, which is quick."""


_NOT_IN_CALENDAR = "Not an instant of the years 1 to 9999."

FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
"""The ends of the calendar."""


def now() -> datetime:
    """Return the current instant."""
    return datetime.now(UTC)


@functools.cache
def time_zones() -> set[str]:
    """Return the IANA names of time zones."""
    # Two names mean whatever the machine is set to.
    return zoneinfo.available_timezones() - {"localtime", "Factory"}


def local_time_zone() -> str:
    """Return the IANA name of the time zone that this machine is set to; `UTC` if none is known.

    As `TZ` has it, else the file that `/etc/localtime` is a link to.
    """
    name = os.environ.get("TZ", "").removeprefix(":")
    if not name:
        with suppress(OSError):  # no such file, or no link
            name = str(Path("/etc/localtime").readlink())
    name = name.rpartition("/zoneinfo/")[2]
    return name if name in time_zones() and name != "Etc/UTC" else "UTC"


def whole_milliseconds(instant: datetime) -> datetime:
    """Return the instant as `format_instant` shows it, cut to milliseconds."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def format_instant(instant: datetime) -> str:
    """Return the instant as the service writes it: `2025-04-07T08:23:11.000Z` (contract §1)."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def sortable(instant: datetime) -> str:
    """Return the instant in UTC with microseconds: text that compares as time does."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def parse_instant(text: str) -> datetime:
    """Return the instant that RFC 3339 text names, cut to microseconds.

    A leap second is the first instant of the next minute. Raises `ValueError` if the text is not
    allowed by RFC 3339, or is outside the years 1 to 9999.
    """
    if _OWN.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(_NOT_IN_CALENDAR) from None
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError("Not an RFC 3339 date and time with an offset.")
    date, minute, second, fraction, sign, offset_hours, offset_minutes = match.groups()
    microseconds = int((fraction or "0")[:6].ljust(6, "0"))
    offset = timedelta(hours=int(offset_hours or 0), minutes=int(offset_minutes or 0))
    if int(offset_hours or 0) > 23 or int(offset_minutes or 0) > 59 or int(second) > 60:
        raise ValueError("Not an RFC 3339 date and time with an offset.")
    try:
        wall = datetime.fromisoformat(f"{date}T{minute}:00").replace(tzinfo=UTC)
        wall += timedelta(seconds=int(second), microseconds=microseconds)
        instant = wall + offset if sign == "-" else wall - offset
    except (ValueError, OverflowError):
        raise ValueError(_NOT_IN_CALENDAR) from None
    if second == "60" and (instant.hour, instant.minute, instant.second) != (0, 0, 0):
        raise ValueError("A leap second is 23:59:60 in UTC.")
    return instant
