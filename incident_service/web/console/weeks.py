"""Which four weeks a calendar of the console shows, and how one gets to the weeks around them."""

from __future__ import annotations

from datetime import date, timedelta

from incident_service.web.console import days, zones
from incident_service.web.console.days import SHOWN, Window
from incident_service.web.console.pages import arguments, now

FURTHEST = timedelta(days=2 * 366)
"""How far from today the first day may be, either way."""


def chosen() -> Window:
    """Return the weeks that the address asks for by `from`, a date; those from this one if none."""
    this = days.monday(now(), zones.zone())
    first = min(max(_asked(this), this - FURTHEST), this + FURTHEST)
    return _window(first - timedelta(days=first.weekday()))


def from_today() -> Window:
    """Return four weeks from today on."""
    return _window(now().astimezone(zones.zone()).date())


def around(window: Window) -> tuple[str, str, str]:
    """Return the first days of the weeks before, of those that have now, and of those after.

    The second is empty if the window has them. As `from` takes them.
    """
    first = window.days[0].date
    this = days.monday(now(), zones.zone())
    today = "" if first == this else this.isoformat()
    step = timedelta(days=SHOWN)
    return (first - step).isoformat(), today, (first + step).isoformat()


def _window(first: date) -> Window:
    return Window.of(first, SHOWN, zones.zone(), now())


def _asked(otherwise: date) -> date:
    try:
        return date.fromisoformat(arguments().get("from", ""))
    except ValueError:
        return otherwise
