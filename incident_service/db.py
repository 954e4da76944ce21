"""The SQLite file: connections, read transactions and durable, fair write transactions."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from incident_service.errors import Busy, StorageFull, UnusableDatabase

SCHEMA_VERSION = 1
APPLICATION_ID = 0x696E6376
_LOCK_POLL_SECONDS = 0.0005

Connection = sqlite3.Connection


class Database:
    """One SQLite file, shared by any number of threads and processes.

    Each thread keeps one connection. A committed write is on disk: the journal is a write-ahead
    log, synced at every commit (`synchronous=FULL`).
    """

    def __init__(self, path: Path, *, write_timeout: float = 5.0) -> None:
        """`write_timeout`: seconds that a write waits for other writers."""
        self.path = path
        self._write_timeout = write_timeout
        self._open_state()

    def _open_state(self) -> None:
        self._pid = os.getpid()
        self._local = threading.local()
        self._write_lock = _WriteLock(self.path.with_name(self.path.name + ".lock"))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a read transaction: one snapshot, which waits for no writer.

        Raises `UnusableDatabase` where the file is missing or not of this version.
        """
        with _translated_errors():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Run a write transaction: on disk when the block has ended, undone if it raises.

        Raises `Busy` where the lock was not to be had within the write time-out, `StorageFull`
        where the disk is full; nothing is written then.
        """
        with _translated_errors():
            connection = self._connection()
            deadline = time.monotonic() + self._write_timeout
            with self._write_lock.held(deadline):
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise

    def initialise(self) -> None:
        """Make the database where there is none yet.

        Any number of processes may do this at once. Raises `UnusableDatabase` where the file
        cannot be made, belongs to something else, or was made by a newer version.
        """
        if sqlite3.sqlite_version_info < (3, 37):
            raise UnusableDatabase(f"SQLite 3.37 is needed; this is {sqlite3.sqlite_version}.")
        try:
            # The file holds what only its owner should read; the files beside it take its mode.
            # An existing file is left alone: closing a descriptor of it would drop every lock that
            # SQLite holds on it in this process.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass
        except OSError as error:
            raise UnusableDatabase(f"{self.path}: {error.strerror}.") from None
        with _translated_errors():
            deadline = time.monotonic() + self._write_timeout
            with self._write_lock.held(deadline):
                connection = _connect(self.path, self._write_timeout)
                try:
                    self._create_schema(connection)
                    self._check_version(connection)
                finally:
                    connection.close()

    def _create_schema(self, connection: Connection) -> None:
        if _pragma(connection, "user_version") or _pragma(connection, "application_id"):
            return
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return
        connection.execute("PRAGMA journal_mode = WAL")
        script = files("incident_service").joinpath("schema.sql").read_text(encoding="utf-8")
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self._sync_directory()

    def _sync_directory(self) -> None:
        """Make the new file's name last through a power cut; SQLite syncs only what is in it."""
        directory = os.open(self.path.resolve().parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def check(self) -> None:
        """Raise `UnusableDatabase` unless the database answers and is of this version."""
        with self.read() as connection:
            self._check_version(connection)

    def _check_version(self, connection: Connection) -> None:
        if _pragma(connection, "application_id") != APPLICATION_ID:
            raise UnusableDatabase(f"{self.path} is not a database of incident-service.")
        version = _pragma(connection, "user_version")
        if version > SCHEMA_VERSION:
            raise UnusableDatabase(
                f"{self.path} was made by a newer incident-service: its schema is version "
                f"{version}, this one knows {SCHEMA_VERSION}."
            )

    def close(self) -> None:
        """Close this thread's connection.

        A process must do so before it forks: SQLite's locks do not survive it, and a child that
        inherits a connection would believe that it holds them.
        """
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            del self._local.connection

    def _connection(self) -> Connection:
        if self._pid != os.getpid():  # forked: nothing of the parent's may be used
            self._open_state()
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if not self.path.exists():
                raise UnusableDatabase(f"{self.path} does not exist.")
            connection = _connect(self.path, self._write_timeout)
            try:
                self._check_version(connection)
            except BaseException:
                connection.close()
                raise
            self._local.connection = connection
        return connection


class _WriteLock:
    """A lock between all writers of a file, in every thread and process, that can time out.

    SQLite lets writers poll with growing sleeps, and some wait hundreds of milliseconds while
    others pass them. Here the threads of a process queue up, and their first waits for the other
    processes. Two file locks make that fair: who holds `next` is the one to have `write` when it
    comes free, so a process cannot take it twice while another waits. The kernel releases both
    when a process dies.

    Every commit, and so every automatic checkpoint, runs under it. That also keeps SQLite before
    3.51.3 from its WAL-reset bug, which takes two checkpoints and a commit at one time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._next = -1
        self._write = -1

    @contextmanager
    def held(self, deadline: float) -> Iterator[None]:
        """Hold the lock. Raises `Busy` at `deadline`, in seconds of `time.monotonic`."""
        if not self._threads.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise _busy()
        try:
            self._open()
            _flock(self._next, deadline)
            try:
                _flock(self._write, deadline)
            finally:
                fcntl.flock(self._next, fcntl.LOCK_UN)
            try:
                yield
            finally:
                fcntl.flock(self._write, fcntl.LOCK_UN)
        finally:
            self._threads.release()

    def _open(self) -> None:
        if self._write < 0:
            self._next = os.open(f"{self._path}-next", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            self._write = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        for descriptor in (self._next, self._write):
            if descriptor >= 0:
                os.close(descriptor)


def _flock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _busy() from None
            time.sleep(_LOCK_POLL_SECONDS)


def _busy() -> Busy:
    return Busy("The database is busy; nothing was written. Try again.")


def _connect(path: Path, write_timeout: float) -> Connection:
    # The time-out here is for writers that do not know our lock, a shell for example.
    connection = sqlite3.connect(
        path, timeout=write_timeout, isolation_level=None, check_same_thread=False
    )
    connection.row_factory = _as_dict
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Pages; at SQLite's 1000 a commit in a hundred pays for a checkpoint.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def _pragma(connection: Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[name]
    return value


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise _busy() from error
        if primary == sqlite3.SQLITE_FULL:
            raise StorageFull("The disk is full; nothing was written.") from error
        if primary in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
            raise UnusableDatabase(f"The database cannot be used: {error}.") from error
        raise
