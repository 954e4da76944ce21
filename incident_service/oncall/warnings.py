"""What to think twice about before a schedule is changed, in sentences (contract §4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from incident_service.clock import parse_instant
from incident_service.oncall.gaps import Gap
from incident_service.oncall.names import NamedTarget
from incident_service.store import Row

LISTED_AT_MOST = 5
"""How many times or people the warnings name; they count the others."""


def of_now(before: NamedTarget | None, after: NamedTarget | None) -> Iterator[str]:
    """Warn if somebody else would be on call from this moment on."""
    was = before.user_id if before else None
    will_be = after.user_id if after else None
    if was != will_be:
        instead = f"instead of {before.user_name}" if before else "where nobody is now"
        yield f"{after.user_name if after else 'Nobody'} would be on call from now on, {instead}."


def of_gaps(gaps: Sequence[Gap], timezone: str) -> Iterator[str]:
    """Warn of times in which nobody would be on call, in the schedule's time zone."""
    for gap in gaps[:LISTED_AT_MOST]:
        yield f"Nobody would be on call {in_words(gap, timezone)}."
    more = len(gaps) - LISTED_AT_MOST
    if more > 0:
        yield f"Nobody would be on call at {more} more {'times' if more > 1 else 'time'}."


def of_people(names: Sequence[str]) -> Iterator[str]:
    """Warn of people who have shifts in the window and would have none."""
    for name in names[:LISTED_AT_MOST]:
        yield f"{name} would have no shifts any more in this time."
    more = len(names) - LISTED_AT_MOST
    if more > 0:
        yield f"{more} more {'people' if more > 1 else 'person'} would have no shifts any more."


def of_layers(layers: Sequence[Row], now: datetime) -> Iterator[str]:
    """Warn of layers that are over, and of new ones that begin before now."""
    over = [layer["name"] for layer in layers if _is_past(layer.get("effective_until"), now)]
    yield from (f"The layer {name} is over already." for name in over[:LISTED_AT_MOST])
    backdated = [
        layer["name"]
        for layer in layers
        if layer.get("id") is None and _is_past(layer["effective_from"], now)
    ]
    for name in backdated[:LISTED_AT_MOST]:
        yield f"The new layer {name} begins before now: it would count in the past, too."


def in_words(gap: Gap, timezone: str) -> str:
    """Return from when until when the gap is, in the time zone."""
    since, until = _wall(gap.starts_at, timezone), _wall(gap.ends_at, timezone)
    return f"from {since} until {until} ({timezone})"


def _is_past(text: str | None, now: datetime) -> bool:
    return text is not None and parse_instant(text) <= now


def _wall(instant: datetime, timezone: str) -> str:
    try:
        return f"{instant.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
    except OverflowError:  # within a day of the calendar's ends
        return f"{instant:%Y-%m-%d %H:%M}"
