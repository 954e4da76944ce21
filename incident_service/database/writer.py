"""Write transactions: the threads of a process that wait together share one (group commit)."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextvars import Context
from datetime import datetime
from typing import Any, TypeVar

from incident_service.database.writelock import WriteLock

T = TypeVar("T")


class Writer:
    """Runs what the threads of a process want to write, in batches: one transaction each.

    One thread, the leader, waits for the lock between processes; meanwhile others queue up. Once it
    has the lock it runs the work of all of them, and commits once. So they share the sync of the
    disk, the slowest part of a small write, and nobody is answered before it. If work fails after
    it changed something, which is rare, all of it is undone and run again, each in a savepoint of
    its own. All work in a transaction has one instant, read after the last of it was queued: it is
    after every call of `write` in the batch, and after the transactions before.
    """

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        lock: WriteLock,
        clock: Callable[[], datetime],
        *,
        check_begun: Callable[[sqlite3.Connection], None],
        check_written: Callable[[], None],
    ) -> None:
        """`connect` returns the connection to write by.

        `clock` returns the current instant. The checks are called as each transaction begins, and
        once it is on disk; if one raises, every `write` of the batch raises that.
        """
        self._connect = connect
        self._lock = lock
        self._clock = clock
        self._check_begun = check_begun
        self._check_written = check_written
        self._turn = threading.Condition()
        self._has_leader = False
        self._waiting: list[_Write] = []

    def write(self, work: Callable[[sqlite3.Connection, datetime], T], *, timeout: float) -> T:
        """Run `work(connection, instant)`; return what it returns once that is on disk.

        If it raises, its changes are undone, and its exception is raised here. Raises
        `TimeoutError` if its turn did not come within `timeout` seconds, and `sqlite3.Error`.
        """
        mine = _Write(work)
        deadline = time.monotonic() + timeout
        if self._becomes_leader(mine, deadline):
            self._lead(mine, deadline)
        if mine.error is not None:
            raise mine.error
        result: T = mine.result
        return result

    def _becomes_leader(self, mine: _Write, deadline: float) -> bool:
        """Queue up. Return `True` once there is no leader, `False` once a leader has run `mine`."""
        with self._turn:
            self._waiting.append(mine)
            while self._has_leader and not mine.is_done:
                seconds = None if mine.is_taken else deadline - time.monotonic()
                if not self._turn.wait(seconds) and not mine.is_taken:
                    self._waiting.remove(mine)
                    raise TimeoutError
            self._has_leader = self._has_leader or not mine.is_done
            return not mine.is_done

    def _lead(self, mine: _Write, deadline: float) -> None:
        """Run everything that waits, `mine` too, and let the next thread lead."""
        batch: list[_Write] = []
        try:
            connection = self._connect()
            with self._lock.held(deadline):
                try:
                    self._begin(connection, deadline)
                    batch = self._take_batch()
                    now = self._clock()
                    try:
                        for write in batch:
                            write.run(connection, now)
                    except _HalfDone:
                        connection.execute("ROLLBACK")
                        self._begin(connection, deadline)
                        for write in batch:
                            write.run_in_savepoint(connection, now)
                    connection.execute("COMMIT")
                finally:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                self._check_written()
        except BaseException as error:
            # Writes that had failed by themselves get it too: the reason may be undone as well.
            for write in batch or [mine]:
                write.error = error
        finally:
            with self._turn:
                if not mine.is_taken:
                    self._waiting.remove(mine)
                for write in batch:
                    write.is_done = True
                self._has_leader = False
                self._turn.notify_all()

    def _begin(self, connection: sqlite3.Connection, deadline: float) -> None:
        """Begin once no writer without our lock is in the way, such as a SQLite shell."""
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                if time.monotonic() >= deadline:
                    raise TimeoutError from None
        self._check_begun(connection)

    def _take_batch(self) -> list[_Write]:
        with self._turn:
            batch, self._waiting = self._waiting, []
            for write in batch:
                write.is_taken = True
        return batch


class _Write:
    """What a thread wants to write, and its outcome."""

    def __init__(self, work: Callable[[sqlite3.Connection, datetime], Any]) -> None:
        self._work = work
        self.is_taken = False
        self.is_done = False
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Run it, or keep the error. Raises `_HalfDone` if it failed after it changed something.

        Raises the error itself if the transaction is lost. It runs in an empty context, because
        this may be the thread of another request.
        """
        changes_before = connection.total_changes
        self.error = None
        try:
            self.result = Context().run(self._work, connection, now)
        except Exception as error:
            if not connection.in_transaction:
                raise
            if connection.total_changes != changes_before:
                raise _HalfDone from error
            self.error = error

    def run_in_savepoint(self, connection: sqlite3.Connection, now: datetime) -> None:
        """Run it; if it fails, undo it and keep the error. Raises if the transaction is lost."""
        connection.execute("SAVEPOINT this_write")
        try:
            self.run(connection, now)
        except _HalfDone as half_done:
            connection.execute("ROLLBACK TO this_write")
            self.error = half_done.__cause__
        connection.execute("RELEASE this_write")


class _HalfDone(Exception):
    """Work failed, for the reason that is its cause, after it had changed something."""
