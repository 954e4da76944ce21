"""Opens the database that the setting names, and does what is different on a file and a server."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from types import ModuleType

from incident_service.config import PREFIX, Where
from incident_service.database import file_copying, maintenance
from incident_service.database.ends import Source, Target
from incident_service.database.engine import Database
from incident_service.database.file import FileDatabase
from incident_service.errors import InvalidSetting, OtherTool


def open_database(where: Where, *, write_timeout: float = 5.0, threads: int = 6) -> Database:
    """Return the database, whether there is one yet or not; so many threads may use it at once.

    Raises `InvalidSetting` if it is on a server, and the URL is wrong or the extra is missing.
    """
    if isinstance(where, Path):
        return FileDatabase(where, write_timeout=write_timeout)
    # Two more than threads that answer: this process does other work beside.
    database: Database = _server().ServerDatabase(
        where, write_timeout=write_timeout, connections=threads + 2
    )
    return database


def is_made(database: Database) -> bool:
    """Whether there is a file, or the server's database has tables of this service.

    Raises `UnusableDatabase` if a server's are of something else, and `Busy` if it does not answer.
    """
    if isinstance(database, FileDatabase):
        return database.path.exists()
    return bool(_server_maintenance().is_made(database))


def initialise(database: Database) -> None:
    """Make the database if there is none yet.

    Any number of processes may do this at once. Raises `UnusableDatabase` if it cannot be made,
    belongs to something else, or is of another version, and `Busy` if others are in the way.
    """
    if isinstance(database, FileDatabase):
        maintenance.initialise(database)
    else:
        _server_maintenance().initialise(database)


def upgrade(database: Database) -> Path | None:
    """Make the database, or bring one of an earlier version up to date (contract §9).

    Return where the copy is that was made first; a server makes none. Raises as `initialise` does.
    """
    if isinstance(database, FileDatabase):
        return maintenance.upgrade(database)
    _server_maintenance().upgrade(database)
    return None


def backup(database: Database, target: Path) -> None:
    """Copy the database into a new file. Raises as `maintenance.backup` does, and `OtherTool`."""
    if not isinstance(database, FileDatabase):
        raise OtherTool("The database is on a server: use pg_dump, which comes with PostgreSQL.")
    maintenance.backup(database, target)


def compact(database: Database) -> None:
    """Give free space back. Raises as `maintenance.compact` does, and `OtherTool`."""
    if not isinstance(database, FileDatabase):
        raise OtherTool(
            "The database is on a server: PostgreSQL reuses free space by itself (autovacuum). "
            "VACUUM FULL gives it back, and erases what was deleted; writes wait meanwhile."
        )
    maintenance.compact(database)


def reading(database: Database) -> AbstractContextManager[Source]:
    """Read one snapshot, as `ends.Source`."""
    if isinstance(database, FileDatabase):
        return file_copying.reading(database)
    source: AbstractContextManager[Source] = _server_copying().reading(database)
    return source


def filling(database: Database) -> AbstractContextManager[Target]:
    """Fill the database in one transaction, as `ends.Target`."""
    if isinstance(database, FileDatabase):
        return file_copying.filling(database)
    target: AbstractContextManager[Target] = _server_copying().filling(database)
    return target


def _server() -> ModuleType:
    """Return the engine for servers; only who uses one needs psycopg."""
    try:
        from incident_service.database import server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "psycopg":
            raise
        raise InvalidSetting(
            f"{PREFIX}DATABASE: A PostgreSQL server needs an extra of the package: "
            "pip install 'incident-service[postgres]'."
        ) from None
    return server


def _server_maintenance() -> ModuleType:
    from incident_service.database import server_maintenance

    return server_maintenance


def _server_copying() -> ModuleType:
    from incident_service.database import server_copying

    return server_copying
