"""A fair lock between all processes that write to one file."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from incident_service.errors import UnusableDatabase

_POLL_SECONDS = 0.0001


class WriteLock:
    """A lock between processes, with a time-out; one thread of a process may use it at a time.

    SQLite lets writers poll with growing sleeps, so some wait hundreds of milliseconds while others
    overtake them. Two file locks make it fair: the process that holds `next` is the one that gets
    `write` when it is free, so no process takes it twice while another waits. The kernel releases
    both when a process dies.

    Every commit, and so every automatic checkpoint, runs under the lock. That also avoids the
    WAL-reset bug of SQLite before 3.51.3, which needs two checkpoints and a commit at once.
    """

    def __init__(self, path: Path) -> None:
        """`path`: the file that is written to; the locks lie beside it."""
        self._path = path
        self._file = _lock_name(path, ".lock")
        self._next = -1
        self._write = -1

    @contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold the lock. Raises `TimeoutError` at `deadline`, in seconds of `time.monotonic`.

        Raises `UnusableDatabase` if its files cannot be made.
        """
        self._take(deadline)
        while not self._is_shared():
            self._close()
            if time.monotonic() >= deadline:
                raise TimeoutError
            self._take(deadline)
        try:
            yield
        finally:
            fcntl.flock(self._write, fcntl.LOCK_UN)

    def _take(self, deadline: float) -> None:
        self._open()
        _flock(self._next, deadline)
        try:
            _flock(self._write, deadline)
        finally:
            fcntl.flock(self._next, fcntl.LOCK_UN)

    def _is_shared(self) -> bool:
        """Whether this is still the lock that others open: its file may have been deleted."""
        try:
            return os.path.samestat(os.fstat(self._write), self._file.stat())
        except OSError:
            return False

    def _open(self) -> None:
        if self._next < 0:
            self._next = _open(self._path, ".lock-next")
        if self._write < 0:
            self._write = _open(self._path, ".lock")

    def _close(self) -> None:
        for descriptor in (self._next, self._write):
            if descriptor >= 0:
                os.close(descriptor)
        self._next = self._write = -1

    def __del__(self) -> None:
        self._close()


def _lock_name(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _open(path: Path, ending: str) -> int:
    lock = _lock_name(path, ending)
    try:
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            return os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        if os.geteuid() == 0:
            # Root's commands may run beside a service of another user. Only a new file gets that
            # owner: one that exists may be a link, which its owner made to a file of root's.
            owner = path.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        return descriptor
    except OSError as error:
        raise UnusableDatabase(f"{lock}: {error.strerror}.") from None


def _flock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError from None
            time.sleep(_POLL_SECONDS)
