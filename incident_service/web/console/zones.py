"""In which time zone a person reads: the one chosen for this browser, else the organization's."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from flask import g, request
from markupsafe import Markup

from incident_service.clock import parse_instant, time_zones

COOKIE = "time_zone"
"""Set by the page about oneself; it is no secret."""


@functools.cache
def options() -> list[tuple[str, str]]:
    """Return all time zones by name, as a form's field shows them."""
    return [(name, name.replace("_", " ")) for name in sorted(time_zones())]


def zone() -> ZoneInfo:
    """Return the viewer's time zone; UTC for a stranger."""
    found: ZoneInfo | None = g.get("zone")
    if found is None:
        chosen = request.cookies.get(COOKIE, "")
        organization = g.get("organization")
        name = chosen if chosen in time_zones() else (organization or {}).get("timezone", "UTC")
        found = g.zone = ZoneInfo(name)
    return found


def local(at: str | datetime) -> datetime:
    """Return an instant in the viewer's zone."""
    return within(parse_instant(at) if isinstance(at, str) else at, zone())


def within(at: datetime, zone: ZoneInfo) -> datetime:
    """Return an instant in a zone; as it is within a day of the calendar's ends."""
    try:
        return at.astimezone(zone)
    except OverflowError:
        return at


def when(
    at: str | datetime, *, day: bool = True, year: bool | None = None, weekday: bool = False
) -> Markup:
    """Return an instant for people to read, `3 Nov, 14:05`, with UTC on hover.

    `day`: whether its day is said. `year`: whether its year is; by default if it is not this one.
    `weekday`: whether the day of the week is.
    """
    here = local(at)
    utc = here.astimezone(UTC)
    text = f"{here:%H:%M}"
    if day:
        with_year = here.year != local(g.now).year if year is None else year
        text = f"{here.day} {here:%b}{here.strftime(' %Y') if with_year else ''}, {text}"
        text = f"{here:%a} {text}" if weekday else text
    wire = utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    # Nobody has typed any of it. `Markup.format` would take several times as long as all the rest.
    return Markup(f'<time datetime="{wire}" title="{utc.day} {utc:%B %Y, %H:%M} UTC">{text}</time>')


def until(ends_at: str, starts_at: str) -> Markup:
    """Return the end of a time for people to read, whose day is said if it is another."""
    return when(ends_at, day=local(ends_at).date() != local(starts_at).date())


def day_of(at: str | datetime) -> str:
    """Return the day of an instant: `Monday, 3 November`, with its year if it is not this one."""
    here = local(at)
    year = f" {here.year}" if here.year != local(g.now).year else ""
    return f"{here:%A}, {here.day} {here:%B}{year}"


def in_form(at: str | datetime | None) -> str:
    """Return an instant as a form's date and time field has it, in the viewer's zone."""
    return "" if at is None else local(at).strftime("%Y-%m-%dT%H:%M")
