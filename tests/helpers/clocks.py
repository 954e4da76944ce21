"""Choosing the instant of a write."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from incident_service.database.engine import Database

T = TypeVar("T")


def write_at(
    now: datetime, database: Database, work: Callable[..., T], *args: Any, **kwargs: Any
) -> T:
    """As `database.write`, with a turn that comes at `now`; no other thread may write meanwhile."""
    real, database.clock = database.clock, lambda: now
    try:
        return database.write(None, work, *args, **kwargs)
    finally:
        database.clock = real
