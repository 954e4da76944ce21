"""The SQLite file: connections, read transactions and durable, fair write transactions."""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from incident_service import backups, migrations
from incident_service.errors import BackupFailed, Busy, StorageFull, UnusableDatabase
from incident_service.writelock import WriteLock
from incident_service.writer import Writer

SCHEMA_VERSION = 2
APPLICATION_ID = 0x696E6376

COMPACT_SECONDS = 30.0
UPGRADE_SECONDS = 60.0
"""How long `compact` and `upgrade` wait for others."""

_BUSY = "The database is busy; nothing was written. Try again."
_OWN_ENDINGS = ("", "-journal", "-wal", "-shm", ".lock", ".lock-next")
_UNUSABLE = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
)

Connection = sqlite3.Connection

P = ParamSpec("P")
T = TypeVar("T")


class Database:
    """One SQLite file, shared by any number of threads and processes.

    Each thread keeps one connection. A committed write is on disk: the journal is a write-ahead
    log, synced at every commit (`synchronous=FULL`).
    """

    def __init__(self, path: Path, *, write_timeout: float = 5.0) -> None:
        """`write_timeout`: seconds that a write waits for other writers."""
        # SQLite follows links too: what lies beside the file is beside where they lead.
        self.path = Path(os.path.realpath(path))  # `Path.resolve` may raise where they go round
        self._write_timeout = write_timeout
        self._open_state()
        _databases.add(self)

    def _open_state(self) -> None:
        self._local = threading.local()
        self._writer = Writer(self._connection, WriteLock(self.path))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a read transaction: one snapshot, which waits for no writer.

        Raises `UnusableDatabase` where the file is missing, damaged or not of this version.
        """
        with _translated_errors():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                self._check_version(connection)
                yield connection
            finally:
                if connection.in_transaction:  # SQLite ends it where the disk fails
                    connection.execute("ROLLBACK")

    def write(
        self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work(connection, *args, **kwargs)` in a write transaction; return what it returns.

        When this returns, the work is on disk; where `work` raises, it is undone. It may run in
        another thread of this process, and sees no context variables. Raises `Busy` where its
        turn did not come within the write time-out, `StorageFull` where the disk is full; nothing
        is written then.
        """
        return self.write_within(self._write_timeout, work, *args, **kwargs)

    def write_within(
        self,
        seconds: float,
        work: Callable[Concatenate[Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """As `write`, with another write time-out."""

        def checked(connection: Connection) -> T:
            self._check_version(connection)  # here, for an upgrade may have come in between
            return work(connection, *args, **kwargs)

        with _translated_errors():
            return self._writer.write(checked, timeout=seconds)

    def initialise(self) -> None:
        """Make the database where there is none yet.

        Any number of processes may do this at once. Raises `UnusableDatabase` where the file
        cannot be made, belongs to something else, or is of another version.
        """
        with self._made(self._write_timeout) as connection:
            self._check_version(connection)

    def upgrade(self) -> Path | None:
        """Make the database, or bring one of an earlier version up to date (contract §9).

        Return where the copy is that it makes first, or `None` where there was nothing to do. As it
        was, with no copy, is the database where this raises: as `initialise`, `BackupFailed`,
        `StorageFull`. A service of the earlier version that runs meanwhile answers `not_ready`
        from then on.
        """
        with self._made(UPGRADE_SECONDS) as connection:
            old = _pragma(connection, "user_version")
            if old >= SCHEMA_VERSION:
                self._check_version(connection)
                return None
            copy = self._unused_name(f"before-upgrade-{old}")
            backups.copy(connection, copy)
            try:
                migrations.apply(connection, old=old, new=SCHEMA_VERSION)
            except BaseException:
                copy.unlink()
                raise
            return copy

    def _unused_name(self, ending: str) -> Path:
        names = (
            f"{self.path.name}.{ending}" + (f".{number}" if number > 1 else "")
            for number in itertools.count(1)
        )
        return next(path for path in map(self.path.with_name, names) if not path.exists())

    @contextmanager
    def _made(self, seconds: float) -> Iterator[Connection]:
        """As `_alone`, for `seconds`, with a file that is made where there is none."""
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
        with _translated_errors(), self._alone(time.monotonic() + seconds) as connection:
            self._create_schema(connection)
            self._check_owner(connection)
            connection.execute("PRAGMA journal_mode = WAL")  # a backup is not in that mode
            yield connection

    @contextmanager
    def _alone(self, deadline: float) -> Iterator[Connection]:
        """Keep every other writer out, those of this process too, with a connection of its own.

        Raises `TimeoutError` at the deadline.
        """
        with WriteLock(self.path).held(deadline):
            connection = _connect(self.path)
            try:
                yield connection
            finally:
                connection.close()

    def _create_schema(self, connection: Connection) -> None:
        if _pragma(connection, "user_version") or _pragma(connection, "application_id"):
            return
        if connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return
        script = files("incident_service").joinpath("schema.sql").read_text(encoding="utf-8")
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        backups.sync(self.path.parent)  # the name; SQLite syncs only what is in the file

    def backup(self, target: Path) -> None:
        """Copy the database into a new file, while readers and writers go on (contract §9).

        See `backups.copy`. Raises `BackupFailed`, and `StorageFull`.
        """
        if Path(os.path.realpath(target)) in {
            self.path.with_name(self.path.name + ending) for ending in _OWN_ENDINGS
        }:
            raise BackupFailed(f"{target} belongs to the database itself.")
        self.check()
        with _translated_errors():
            backups.copy(self._connection(), target)

    def compact(self, *, seconds: float = COMPACT_SECONDS) -> None:
        """Give free space back, and leave no byte of what was deleted before (contract §9).

        Readers go on; writers wait while the file is written anew. Nothing is lost where it fails
        or is killed. Raises `Busy` where others were in the way for `seconds`, and `StorageFull`:
        it takes the size of the file once more beside it, and once more for temporary files.
        """
        self.check()  # which makes no file where there is none
        deadline = time.monotonic() + seconds
        with _translated_errors():
            try:
                with self._alone(deadline) as connection:
                    self._check_version(connection)
                    connection.execute("VACUUM")
            except sqlite3.OperationalError:
                with suppress(sqlite3.OperationalError):
                    self._empty_log(time.monotonic())  # it may have filled the disk
                raise
            if not self._empty_log(deadline):
                raise Busy(
                    f"{self.path} is compact, but traces of what was deleted may remain in it and "
                    "in its -wal, because a reader was in the way. Run it again."
                )

    def _empty_log(self, deadline: float) -> bool:
        """Move all that the write-ahead log holds into the file, and cut the log to nothing.

        Return whether that was possible: not while a reader needs an older state.
        """
        while True:
            try:
                # The lock is given back in between, for a reader may be slow, and others write.
                with self._alone(deadline) as connection:
                    found = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except TimeoutError:
                return False
            if not found["busy"]:
                return True
            if time.monotonic() >= deadline:
                return False

    def size(self) -> int:
        """Return how many bytes the file and its write-ahead log take."""
        log = self.path.with_name(self.path.name + "-wal")
        return sum(path.stat().st_size for path in (self.path, log) if path.exists())

    def check(self) -> None:
        """Raise `UnusableDatabase` unless the database answers and is of this version."""
        with self.read():
            pass

    def version(self) -> int:
        """Return a number that changes when another connection has written something."""
        with _translated_errors():
            return _pragma(self._connection(), "data_version")

    def _check_owner(self, connection: Connection) -> None:
        if _pragma(connection, "application_id") != APPLICATION_ID:
            raise UnusableDatabase(f"{self.path} is not a database of incident-service.")

    def _check_version(self, connection: Connection) -> None:
        version = _pragma(connection, "user_version")
        if version < SCHEMA_VERSION:
            raise UnusableDatabase(
                f"{self.path} was made by an older incident-service: its schema is version "
                f"{version}, this one needs {SCHEMA_VERSION}. Run `incident-service init-db`."
            )
        if version > SCHEMA_VERSION:
            raise UnusableDatabase(
                f"{self.path} was made by a newer incident-service: its schema is version "
                f"{version}, this one knows {SCHEMA_VERSION}."
            )

    def close(self) -> None:
        """Close this thread's connection.

        A process must do so before it forks, and no other thread of it may be using the database
        then: SQLite's locks do not survive it, and a child that inherits a connection would
        believe that it holds them.
        """
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            del self._local.connection

    def _connection(self) -> Connection:
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            if not self.path.exists():
                raise UnusableDatabase(f"{self.path} does not exist.")
            connection = _connect(self.path)
            try:
                self._check_owner(connection)
            except BaseException:
                connection.close()
                raise
            self._local.connection = connection
        return connection


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Run a part of a write transaction, which is undone alone if it raises."""
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO part")
        raise
    finally:
        if connection.in_transaction:
            connection.execute("RELEASE part")


_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _start_anew_in_child() -> None:
    """Let a forked process use nothing of its parent's."""
    for database in _databases:
        database._open_state()


os.register_at_fork(after_in_child=_start_anew_in_child)


def _connect(path: Path) -> Connection:
    # The time-out is short: it is for moments, and the writer asks again until its own is over.
    connection = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
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
    except TimeoutError:
        raise Busy(_BUSY) from None
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0)
        primary = code & 0xFF
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy(_BUSY) from error
        # The second: there was no room for the -shm. What a quota stops looks like a broken disk.
        if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
            raise StorageFull("The disk is full; nothing was written.") from error
        if primary in _UNUSABLE:
            raise UnusableDatabase(f"The database cannot be used: {error}.") from error
        raise
