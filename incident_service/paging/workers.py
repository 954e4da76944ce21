"""Threads that are used again: to start one takes longer than much of what it is to do."""

from __future__ import annotations

import os
import queue
import threading
import weakref
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

IDLE_SECONDS = 2.0
"""After so long without work a thread ends."""


class Workers:
    """Threads that do one piece of work after another; none has to wait for another's.

    There are never more than pieces of work at once: whoever gives the work bounds them. They are
    daemons, so that what hangs keeps no process from its end.
    """

    def __init__(self, name: str) -> None:
        """`name`: what the threads are called."""
        self._name = name
        self._start_anew()
        _all.add(self)

    def _start_anew(self) -> None:
        self._given: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._free = 0
        """How many threads have nothing to do, and nothing given to them."""

    def do(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do it in a thread at once, then tell what came of it. Neither may raise.

        By the time that is told, the thread is free. Raises `RuntimeError` if none is available.
        """

        def this() -> None:
            result = work()
            with self._lock:
                self._free += 1
            then(result)

        with self._lock:
            is_one_free = self._free > 0
            if is_one_free:
                self._free -= 1
        if is_one_free:
            self._given.put(this)
        else:
            threading.Thread(target=self._run, args=(this,), name=self._name, daemon=True).start()

    def _run(self, this: Callable[[], None] | None) -> None:
        while this is not None:
            this()
            this = self._next()

    def _next(self) -> Callable[[], None] | None:
        """Return the next piece of work, or `None` after a time without any."""
        while True:
            try:
                return self._given.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._free > 0:  # otherwise work for this thread is just being put
                        self._free -= 1
                        return None


_all: weakref.WeakSet[Workers] = weakref.WeakSet()


def _start_anew_in_child() -> None:
    """Let a forked process count on no thread of its parent's."""
    for workers in _all:
        workers._start_anew()


os.register_at_fork(after_in_child=_start_anew_in_child)
