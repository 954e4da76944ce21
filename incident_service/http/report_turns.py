"""Lets a process make one report at a time: each keeps its processor busy (contract §12)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from incident_service.errors import Busy

AT_ONCE = 3
"""How many a process makes or lets wait. Others are refused, so that threads stay free."""

WAIT_SECONDS = 10.0
"""How long a report waits for its turn."""

_BUSY = "Others are reading reports. Try again in a few seconds."

_places = threading.BoundedSemaphore(AT_ONCE)
_turn = threading.Lock()


@contextmanager
def report_turn() -> Iterator[None]:
    """Wait for the turn to make a report, and hold it.

    Raises `Busy` if too many wait, or if the turn does not come within `WAIT_SECONDS`.
    """
    if not _places.acquire(blocking=False):
        raise Busy(_BUSY)
    try:
        if not _turn.acquire(timeout=WAIT_SECONDS):
            raise Busy(_BUSY)
        try:
            yield
        finally:
            _turn.release()
    finally:
        _places.release()
