"""Lets a process make one report at a time: each keeps its processor busy (contract §12)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from incident_service.errors import Busy

AT_ONCE = 3
"""How many a process makes or lets wait. Others are refused, so that threads stay free."""

_places = threading.BoundedSemaphore(AT_ONCE)
_turn = threading.Lock()


@contextmanager
def report_turn() -> Iterator[None]:
    """Wait for the turn to make a report, and hold it. Raises `Busy` if too many wait."""
    if not _places.acquire(blocking=False):
        raise Busy("Others are reading reports. Try again in a few seconds.")
    try:
        with _turn:
            yield
    finally:
        _places.release()
