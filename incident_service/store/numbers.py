"""The numbers of rows that are counted in the order in which they were made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from incident_service.clock import LAST, format_instant

MAX_NUMBER = 2**63 - 1
"""More than the number of any row."""

_MILLISECOND = timedelta(milliseconds=1)


def around(
    since: datetime | None,
    until: datetime | None,
    *,
    before: int | None,
    last_before: Callable[[str], int],
    setback: timedelta = timedelta(0),
) -> tuple[int, int]:
    """Return a number lower than those of the rows from `since` to `until`, and one higher.

    Both instants are whole milliseconds and included. `before`: a number that the higher one must
    not exceed. `last_before` returns the number of the last row that is dated before an instant, or
    0. `setback`: how far the date of a row may be behind that of an earlier one.
    """
    after, before = 0, before or MAX_NUMBER
    if since is not None:
        after = last_before(format_instant(since))
    if until is not None:
        behind = setback + _MILLISECOND
        end = until + behind if until < LAST - behind else LAST
        before = min(before, last_before(format_instant(end)) + 1)
    return after, before
