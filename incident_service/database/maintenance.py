"""Work on the database file as a whole: make it, bring it up to date, copy it, compact it."""

from __future__ import annotations

import functools
import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from sqlite3 import Connection

from incident_service.database import backups, file, migrations, tables
from incident_service.database.engine import SCHEMA_VERSION
from incident_service.database.file import FileDatabase
from incident_service.errors import BackupFailed, Busy, Unavailable, UnusableDatabase

COMPACT_SECONDS = 30.0
UPGRADE_SECONDS = 60.0
"""How long `compact` and `upgrade` wait for others."""

_OLDEST_SQLITE = (3, 37)

_OWN_ENDINGS = ("", "-journal", "-wal", "-shm", ".lock", ".lock-next")


def initialise(database: FileDatabase) -> None:
    """Make the database if there is none yet.

    Any number of processes may do this at once. If the file is ready, no lock is needed. Raises
    `UnusableDatabase` if the file cannot be made, belongs to something else, or is of another
    version, and `Busy` if it is to be made ready and others write for the write time-out.
    """
    if _is_ready(database):
        return
    with made(database, database.write_timeout) as connection:
        database.check_version(connection)


def upgrade(database: FileDatabase) -> Path | None:
    """Make the database, or bring one of an earlier version up to date (contract §9).

    It makes a copy first. Return where the copy is, or `None` if there was nothing to do. Raises as
    `initialise` does, `BackupFailed` and `StorageFull`; the database is then as it was, and there
    is no copy. A service of the earlier version that still runs answers `not_ready` from then on.
    """
    with made(database, UPGRADE_SECONDS) as connection:
        old = file.pragma(connection, "user_version")
        if old >= SCHEMA_VERSION:
            database.check_version(connection)
            return None
        copy = _unused_name(database.path, f"before-upgrade-{old}")
        backups.copy(connection, copy)
        try:
            migrations.apply(connection, old=old, new=SCHEMA_VERSION)
        except BaseException:
            copy.unlink()
            raise
        return copy


def backup(database: FileDatabase, target: Path) -> None:
    """Copy the database into a new file, while readers and writers go on (contract §9).

    See `backups.copy`. Raises `BackupFailed`, `StorageFull`, and `UnusableDatabase` if there is no
    database, or one of another version.
    """
    path = database.path
    if Path(os.path.realpath(target)) in {path.with_name(path.name + end) for end in _OWN_ENDINGS}:
        raise BackupFailed(f"{target} belongs to the database itself.")
    database.check()
    with database.connected() as connection:
        backups.copy(connection, target)


def compact(database: FileDatabase, *, seconds: float = COMPACT_SECONDS) -> None:
    """Give free space back, and leave no byte of what was deleted before (contract §9).

    Readers go on; writers wait while the file is rewritten. Nothing is lost if it fails or is
    killed. Raises `Busy` if others were in the way for `seconds`, `UnusableDatabase` as `backup`
    does, and `StorageFull`: it needs as much space as the file takes beside it, and as much again
    for temporary files.
    """
    database.check()  # it makes no file if there is none
    deadline = time.monotonic() + seconds
    try:
        with database.exclusive(deadline) as connection:
            database.check_version(connection)
            # Words that were edited away stay in the index until its parts are merged.
            connection.execute("INSERT INTO incident_words (incident_words) VALUES ('optimize')")
            connection.execute("VACUUM")
    except Unavailable:
        with suppress(Unavailable):
            _empty_log(database, time.monotonic())  # it may have filled the disk
        raise
    if not _empty_log(database, deadline):
        raise Busy(
            f"{database.path} is compact, but traces of what was deleted may remain in it and in "
            "its -wal, because a reader was in the way. Run it again."
        )


def _is_ready(database: FileDatabase) -> bool:
    """Whether the file is there, of this version, and in the mode in which it is used."""
    if _lacks() or not database.path.is_file():
        return False
    with suppress(UnusableDatabase, Busy), database.read_once() as connection:
        database.check_version(connection)
        mode = connection.execute("PRAGMA journal_mode").fetchone()
        return bool(mode["journal_mode"] == "wal")
    return False


@functools.cache
def _lacks() -> str | None:
    """Return what this Python's SQLite lacks, if it does."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        return f"SQLite 3.37 is needed; this is {sqlite3.sqlite_version}."
    with closing(sqlite3.connect(":memory:")) as memory:
        if not memory.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
            return "SQLite with FTS5 is needed, for search; this Python's was built without it."
    return None


@contextmanager
def made(database: FileDatabase, seconds: float) -> Iterator[Connection]:
    """As `FileDatabase.exclusive`, for `seconds`; make the file if there is none."""
    if lack := _lacks():
        raise UnusableDatabase(lack)
    try:
        # Only its owner may read the file; the files beside it take its mode. A file that exists is
        # not opened: closing its descriptor would drop every lock that SQLite holds on it in this
        # process.
        os.close(os.open(database.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if not database.path.is_file():
            raise UnusableDatabase(f"{database.path}: unable to open database file.") from None
    except OSError as error:
        raise UnusableDatabase(f"{database.path}: {error.strerror}.") from None
    with database.exclusive(time.monotonic() + seconds) as connection:
        if _create_schema(connection):
            backups.sync(database.path.parent)  # the name; SQLite syncs only what is in the file
        database.check_owner(connection)
        connection.execute("PRAGMA journal_mode = WAL")  # a backup is not in that mode
        yield connection


def _create_schema(connection: Connection) -> bool:
    """Make all tables if the file is empty; return whether it was."""
    if file.pragma(connection, "user_version") or file.pragma(connection, "application_id"):
        return False
    if connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
        return False
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{tables.schema()}\nCOMMIT;")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True


def _unused_name(path: Path, ending: str) -> Path:
    names = (
        f"{path.name}.{ending}" + (f".{number}" if number > 1 else "")
        for number in itertools.count(1)
    )
    return next(unused for unused in map(path.with_name, names) if not unused.exists())


def _empty_log(database: FileDatabase, deadline: float) -> bool:
    """Move all that the write-ahead log holds into the file, and cut the log to nothing.

    Return whether that was possible; it is not while a reader needs an older state.
    """
    while True:
        try:
            # The lock is released between tries: a reader may be slow, and others want to write.
            with database.exclusive(deadline) as connection:
                checkpoint = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except Busy:
            return False
        if not checkpoint["busy"]:
            return True
        if time.monotonic() >= deadline:
            return False
