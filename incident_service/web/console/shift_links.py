"""Where a click on a calendar leads: to cover a shift or a gap, or to change an override."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

from incident_service.clock import format_instant
from incident_service.web.console.lanes import Bar, Entry

_wire = functools.lru_cache(maxsize=4096)(format_instant)  # many shifts begin at one instant


def link(room: str, schedule_id: str, shown: Bar | Entry[Any], now: datetime) -> str | None:
    """Return the address for a bar or an entry; none for what is over.

    `room`: the path of the on-call rooms. An end that the calendar does not show is left out:
    whoever covers the shift is told what it is. What has begun is covered from then on.
    """
    whole = shown.whole
    if whole.ends_at <= now or whole.kind == "not_shown":
        return None
    if whole.shift is not None and whole.shift.override_id is not None:
        return f"{room}/{schedule_id}/overrides/{whole.shift.override_id}"
    ends = []
    if not whole.begins_earlier and whole.starts_at > now:
        ends.append(f"from={_wire(whole.starts_at)}")
    if not whole.ends_later:
        ends.append(f"to={_wire(whole.ends_at)}")
    return f"{room}/{schedule_id}/cover?{'&'.join(ends)}"
