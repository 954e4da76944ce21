"""The file as what `copying` reads from, or moves everything into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from sqlite3 import Connection

from incident_service.database import maintenance
from incident_service.database.ends import Row
from incident_service.database.file import FileDatabase
from incident_service.database.tables import Table, all_tables
from incident_service.errors import CopyFailed

_INDEX_WORDS = """
    INSERT INTO incident_words (rowid, words)
    SELECT
        organizations.number << 32 | sequential_id,
        index_words(organizations.number, sequential_id, title, description)
    FROM organizations JOIN incidents ON incidents.org_id = organizations.id
    ORDER BY organizations.number, sequential_id
    """


class FileRows:
    """The rows of the file, within a transaction. See `ends.Target`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._triggers: list[str] = []

    def rows(self, table: Table) -> Iterator[Row]:
        """See `ends.Target`."""
        cursor = self._connection.cursor()
        cursor.row_factory = None  # tuples: half the time of dictionaries
        return cursor.execute(table.select)

    def is_empty(self) -> bool:
        """See `ends.Target`."""
        return not self._connection.execute("SELECT 1 FROM organizations LIMIT 1").fetchone()

    def begin(self) -> None:
        """See `ends.Target`."""
        execute = self._connection.execute
        found = execute("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").fetchall()
        for trigger in found:
            execute(f"DROP TRIGGER {trigger['name']}")
        self._triggers = [trigger["sql"] for trigger in found]
        for table in all_tables():
            execute(f"DELETE FROM {table.name}")

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """See `ends.Target`."""
        columns, marks = ", ".join(table.columns), ", ".join("?" * len(table.columns))
        self._connection.executemany(f"INSERT INTO {table.name} ({columns}) VALUES ({marks})", rows)

    def finish(self) -> None:
        """See `ends.Target`."""
        execute = self._connection.execute
        if fault := execute("PRAGMA foreign_key_check").fetchone():
            raise CopyFailed(
                f"A row of {fault['table']} names one of {fault['parent']} that is not there."
            )
        execute(_INDEX_WORDS)
        for trigger in self._triggers:
            execute(trigger)


@contextmanager
def reading(database: FileDatabase) -> Iterator[FileRows]:
    """Read one snapshot. Raises as `FileDatabase.read` does."""
    with database.read() as connection:
        yield FileRows(connection)


@contextmanager
def filling(database: FileDatabase) -> Iterator[FileRows]:
    """Fill the file, which is made if there is none, in one transaction; others wait.

    Raises as `maintenance.initialise` does, `StorageFull`, and `CopyFailed` if a row breaks a rule.
    """
    with maintenance.made(database, database.write_timeout) as connection:
        database.check_version(connection)
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield FileRows(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.IntegrityError):
                raise CopyFailed(f"A row breaks a rule of its table: {error}.") from error
            raise
