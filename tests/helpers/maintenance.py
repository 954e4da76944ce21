"""Maintenance windows, and a service whose clock says what a test wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incident_service import clock
from incident_service.clock import format_instant
from tests.helpers.world import World

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def at(minutes: float) -> str:
    """Return the instant that many minutes after noon."""
    return format_instant(NOON + timedelta(minutes=minutes))


class Chosen:
    """The instant at which everything happens; it stands still."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOON
        monkeypatch.setattr(clock, "now", lambda: self.now)
        monkeypatch.setattr(world.database, "clock", lambda: self.now)

    def be(self, minutes: float, *, before: timedelta = timedelta()) -> None:
        """Let it be some minutes after noon, or shortly before."""
        self.now = NOON + timedelta(minutes=minutes) - before


def plan(world: World, begins: float, ends: float | None, **fields: Any) -> str:
    """Plan maintenance, in minutes after noon; return its API path.

    It is about the world's component, unless told otherwise.
    """
    window = {
        "title": "Database upgrade",
        "componentIds": [world.made.component_id],
        "startsAt": at(begins),
        "endsAt": None if ends is None else at(ends),
        **fields,
    }
    return f"maintenance-windows/{world.make('maintenance-windows', **window)['id']}"
