"""The SQLite file: connections, read transactions and durable, fair write transactions."""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Any, TypeVar

from incident_service.database import word_index
from incident_service.database.engine import SCHEMA_VERSION, Database, Owner
from incident_service.database.writelock import WriteLock
from incident_service.database.writer import Writer
from incident_service.errors import Busy, StorageFull, UnusableDatabase

APPLICATION_ID = 0x696E6376

_BUSY = "The database is busy; nothing was written. Try again."
_UNUSABLE = (
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_READONLY,
)

T = TypeVar("T")

# They become what SQLite has for them in any case. Without these lines, sqlite3 searches for a way
# at each value, which takes as long as the value itself.
sqlite3.register_adapter(bool, int)
sqlite3.register_adapter(type(None), lambda none: none)


class FileDatabase(Database):
    """One SQLite file, shared by any number of threads and processes.

    Each thread keeps one connection to read by; those of a process share one to write by, whose
    cache so survives their turns. A committed write is on disk: the journal is a write-ahead
    log, synced at every commit (`synchronous=FULL`).
    """

    def __init__(self, path: Path, *, write_timeout: float = 5.0) -> None:
        """`write_timeout`: seconds that a write waits for other writers."""
        super().__init__(path, write_timeout=write_timeout)
        # SQLite follows links too, and keeps its other files beside the file they lead to.
        self.path = Path(os.path.realpath(path))  # `Path.resolve` may raise if they form a loop
        self._name = str(path.absolute())
        self._log = f"{self.path}-wal"
        self._file: _FileId | None = None
        """The file that this process, or the one it was forked from, opened first."""
        self._open_state()
        _databases.add(self)

    def _open_state(self) -> None:
        self._local = threading.local()
        self._writing: Connection | None = None
        self._written_log: _FileId | None = None
        """The write-ahead log that the connection to write by uses."""
        self._writer = Writer(
            self._write_connection,
            WriteLock(self.path),
            lambda: self.clock(),
            check_begun=self._check_begun,
            check_written=self._check_files,
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a read transaction: one snapshot, which waits for no writer.

        Raises `UnusableDatabase` if the file is missing, damaged or not of this version.
        """
        with _translated_errors():
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                self.check_version(connection)
                yield connection
            finally:
                if connection.in_transaction:  # SQLite ends it if the disk fails
                    connection.execute("ROLLBACK")

    @contextmanager
    def read_once(self) -> Iterator[Connection]:
        """Run a single statement that reads, without a transaction: the quickest way.

        Raises `UnusableDatabase` if the file is missing or damaged. It does not check the version.
        """
        with _translated_errors():
            yield self._connection()

    def write_within(
        self, seconds: float, owner: Owner, work: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> T:
        """As `write`, with another write time-out. All writes to a file take turns."""
        with _translated_errors():
            return self._writer.write(
                lambda connection, now: work(connection, *args, now=now, **kwargs), timeout=seconds
            )

    def write_some(
        self,
        org_ids: Sequence[str],
        most: int,
        work: Callable[..., T],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> T:
        """As `write`, for the first of the organizations: nobody else writes at the same time."""
        return self.write(None, work, org_ids[:most], *args, **kwargs)

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Open a connection for statements outside transactions, and close it at the end."""
        with _translated_errors():
            connection = self._open()
            try:
                yield connection
            finally:
                connection.close()

    @contextmanager
    def exclusive(self, deadline: float) -> Iterator[Connection]:
        """As `connected`, and keep out every other writer, in this process too.

        Raises `Busy` at `deadline`, in seconds of `time.monotonic`.
        """
        with (
            _translated_errors(),
            WriteLock(self.path).held(deadline),
            self.connected() as connection,
        ):
            yield connection

    def version(self) -> int:
        """Return a number that changes when another connection has written something."""
        with _translated_errors():
            return pragma(self._connection(), "data_version")

    def size(self) -> int:
        """Return how many bytes the file and its write-ahead log take."""
        files = (self.path, Path(self._log))
        return sum(path.stat().st_size for path in files if path.exists())

    def check_owner(self, connection: Connection) -> None:
        """Raise `UnusableDatabase` if the file belongs to something else."""
        if pragma(connection, "application_id") != APPLICATION_ID:
            raise UnusableDatabase(f"{self.path} is not a database of incident-service.")

    def check_version(self, connection: Connection) -> None:
        """Raise `UnusableDatabase` if the file is of another version."""
        version = pragma(connection, "user_version")
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
        """Close this thread's connection, and the one to write by.

        A process must do so before it forks, and no other thread of it may use the database then:
        SQLite's locks do not survive a fork, and a child that inherits a connection would believe
        that it holds them.
        """
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            del self._local.connection
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _connection(self) -> Connection:
        """Return this thread's connection."""
        self._check_file()
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._open_own()
        return connection

    def _write_connection(self) -> Connection:
        """Return the connection to write by; the writer uses it in one thread at a time."""
        if self._writing is None:
            self._writing, self._written_log = self._open_own(), None
        return self._writing

    def _open_own(self) -> Connection:
        connection = self._open()
        try:
            self.check_owner(connection)
            self._check_file()  # it may have been exchanged while it was opened
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> Connection:
        if self._file is None:
            self._file = _file_id(self._name)
        if self._file is None:  # SQLite would make one
            raise UnusableDatabase(f"{self.path} does not exist.")
        self._check_file()
        return _connect(self.path)

    def _check_file(self) -> None:
        """Raise `UnusableDatabase` if the file was moved, deleted or replaced since it was opened.

        It then raises until the file is back or the process starts again. Opening the new file here
        would be unsafe: a connection of another thread or process may still use the old one, and
        SQLite finds the write-ahead log and the locks of both by the same names.
        """
        if self._file is not None and _file_id(self._name) != self._file:
            raise UnusableDatabase(
                f"{self._name} was moved, deleted or replaced while it was in use. Put it back, or "
                "stop the service and restore a backup."
            )

    def _check_begun(self, connection: Connection) -> None:
        self._check_files()
        self.check_version(connection)  # here, because an upgrade may have come in between

    def _check_files(self) -> None:
        """As `_check_file`, and check the write-ahead log in the same way.

        This process is or was in a write transaction, so the log exists, and it lives as long as
        any connection that uses it.
        """
        self._check_file()
        log = _file_id(self._log)
        self._written_log = self._written_log or log
        if log != self._written_log:
            raise UnusableDatabase(f"{self._log} was moved or deleted while it was in use.")


_databases: weakref.WeakSet[FileDatabase] = weakref.WeakSet()


def _forget_parent() -> None:
    """Let a forked process use no connection and no lock of its parent."""
    for database in _databases:
        database._open_state()


os.register_at_fork(after_in_child=_forget_parent)


_FileId = tuple[int, int]


def _file_id(name: str) -> _FileId | None:
    """Return what tells the file with this name from any later one; `None` if there is none."""
    try:
        status = os.stat(name)  # noqa: PTH116 (five calls a write; a `Path` adds half as much)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _connect(path: Path) -> Connection:
    # SQLite's own time-out is short: the writer tries again until its time-out is over.
    connection = sqlite3.connect(path, timeout=0.2, isolation_level=None, check_same_thread=False)
    connection.row_factory = _as_dict
    word_index.register(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    # Otherwise the journals of statements and savepoints spill into a file of their own.
    connection.execute("PRAGMA temp_store = MEMORY")
    # In pages; with SQLite's default of 1000, one commit in a hundred pays for a checkpoint.
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def _as_dict(cursor: sqlite3.Cursor, row: tuple[Any, ...]) -> dict[str, Any]:
    return {column[0]: value for column, value in zip(cursor.description, row, strict=True)}


def pragma(connection: Connection, name: str) -> int:
    """Return the value of a setting that is a number."""
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
        # SHMSIZE: there was no room for the -shm file. A quota that is used up looks like this too.
        if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
            raise StorageFull("The disk is full; nothing was written.") from error
        if primary in _UNUSABLE:
            raise UnusableDatabase(f"The database cannot be used: {error}.") from error
        raise
