"""Waiting for what other processes do, and no longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.helpers.servers import GENEROUS


def wait_for(is_so: Callable[[], object]) -> None:
    """Wait until it is so; fail if it takes longer than a busy machine explains."""
    until = time.monotonic() + GENEROUS
    while not is_so():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)
