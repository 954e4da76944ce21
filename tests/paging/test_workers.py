"""Threads that are used again."""

from __future__ import annotations

import threading

import pytest

from incident_service.paging import workers
from incident_service.paging.workers import Workers

LONG = 60.0
"""Seconds that no test waits for."""


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_work_at_once_has_a_thread_each_and_none_waits_for_another() -> None:
    pool, together = Workers("together"), threading.Barrier(20)
    done = threading.Semaphore(0)

    for _ in range(20):
        pool.do(lambda: together.wait(LONG), lambda _: done.release())
    assert all(done.acquire(timeout=LONG) for _ in range(20))


def test_a_thread_that_is_free_is_used_again() -> None:
    pool, done = Workers("again"), threading.Semaphore(0)
    for _ in range(50):
        pool.do(int, lambda _: done.release())
        assert done.acquire(timeout=LONG)
    assert len(named("again")) == 1


def test_threads_without_work_end_and_no_work_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that comes just as a thread gives up waiting is done all the same."""
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.0)
    pool, done = Workers("ending"), threading.Semaphore(0)
    for number in range(2000):
        pool.do(int, lambda _: done.release())
        if number % 3 == 0:
            assert done.acquire(timeout=LONG)
    assert all(done.acquire(timeout=LONG) for _ in range(2000 - 667))
    for thread in named("ending"):
        thread.join(LONG)
    assert (named("ending"), pool._free) == ([], 0)


def test_without_a_thread_it_says_so_and_goes_on_later(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, done = Workers("none"), threading.Semaphore(0)

    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            pool.do(int, lambda _: done.release())
    pool.do(int, lambda _: done.release())
    assert done.acquire(timeout=LONG)
