"""Work on the database of a server as a whole: make it, and bring it up to date."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import psycopg

from incident_service.database import postgres_migrations, server, server_errors
from incident_service.database.engine import SCHEMA_VERSION
from incident_service.database.server import ServerDatabase
from incident_service.database.server_statements import Raw
from incident_service.errors import Busy, UnusableDatabase

UPGRADE_SECONDS = 60.0
"""How long an upgrade waits for others that upgrade."""

_LOCK = 0x696E6376
"""The advisory lock of whoever makes the tables, or changes them."""


def is_made(database: ServerDatabase) -> bool:
    """Whether there are tables. Raises as `initialise` does."""
    with connected(database) as raw:
        return version_of(raw) != 0


def initialise(database: ServerDatabase) -> None:
    """Make the tables if there are none yet; any number of processes may do this at once.

    Raises `UnusableDatabase` if they are of another version, or the database is somebody else's,
    and `Busy` if the server cannot be reached, or others make them for the write time-out.
    """
    with connected(database) as raw:
        version = version_of(raw)
        if not version:
            with alone(raw, database.write_timeout):
                version = made(raw)
        server.check_version(version)


def upgrade(database: ServerDatabase) -> None:
    """Make the tables, or bring those of an earlier version up to date, in one transaction.

    Raises as `initialise` does. The tables are then as they were.
    """
    with connected(database) as raw, alone(raw, UPGRADE_SECONDS):
        version = made(raw)
        for step in range(version + 1, SCHEMA_VERSION + 1):
            raw.execute(_script(step))
            raw.execute(f"UPDATE schema_version SET number = {step}")
        server.check_version(max(version, SCHEMA_VERSION))


@contextmanager
def connected(database: ServerDatabase) -> Iterator[Raw]:
    """Connect, and tell the operator why if that is not possible."""
    try:
        raw = database.connect()
    except psycopg.Error as error:
        why = server_errors.reason(error)
        raise Busy(f"{database.where} cannot be reached: {why}.") from error
    with server_errors.translated():
        try:
            yield raw
        finally:
            raw.close()


@contextmanager
def alone(raw: Raw, seconds: float) -> Iterator[None]:
    """Run a transaction while no other process makes or changes tables.

    Raises `Busy` if others do so for so long.
    """
    deadline = time.monotonic() + seconds
    with raw.transaction():
        raw.execute("SET LOCAL statement_timeout = 0")  # an upgrade may take long
        while not _locks(raw):
            if time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(0.05)
        yield


def _locks(raw: Raw) -> bool:
    found = raw.execute(f"SELECT pg_try_advisory_xact_lock({_LOCK}) AS is_mine").fetchone()
    return bool(found and found["is_mine"])


def version_of(raw: Raw) -> int:
    """Return the version of the tables; 0 if there are none.

    Raises `UnusableDatabase` if there are tables, but not of this service.
    """
    found = raw.execute(
        """
        SELECT to_regclass('schema_version') IS NOT NULL AS is_ours,
            EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = current_schema()) AS has_tables
        """
    ).fetchone()
    assert found is not None
    if not found["is_ours"]:
        if found["has_tables"]:
            raise UnusableDatabase("The database has tables, but not those of incident-service.")
        return 0
    row = raw.execute("SELECT number FROM schema_version").fetchone()
    return int(row["number"]) if row else 0


def made(raw: Raw) -> int:
    """Make the tables if there are none; return their version.

    Raises as `version_of` does, and `UnusableDatabase` if the encoding is not UTF-8.
    """
    return version_of(raw) or _create(raw)


def _create(raw: Raw) -> int:
    encoding = raw.execute("SHOW server_encoding").fetchone()
    if encoding != {"server_encoding": "UTF8"}:
        raise UnusableDatabase("The database's encoding is not UTF8.")
    raw.execute(files(__package__).joinpath("postgres.sql").read_text(encoding="utf-8"))
    return SCHEMA_VERSION


def _script(version: int) -> str:
    """Return the script that makes a version from the one before."""
    folder = files(postgres_migrations)
    (script,) = (path for path in folder.iterdir() if path.name.startswith(f"{version:04}_"))
    return script.read_text(encoding="utf-8")
