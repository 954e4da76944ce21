"""The database of a server as what `copying` reads from, or moves everything into."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import DictRow, tuple_row

from incident_service.database import server, server_errors, server_maintenance, word_index
from incident_service.database.ends import Row
from incident_service.database.server import ServerDatabase
from incident_service.database.server_statements import Raw
from incident_service.database.tables import Table, all_tables
from incident_service.errors import Busy, CopyFailed, UnusableDatabase

ROWS_AT_ONCE = 2000
"""How many rows the server hands over at a time."""

_KEYS = """
    SELECT conrelid::regclass AS name, conname AS key, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
    ORDER BY oid
    """

_NEXT_NUMBER = """
    SELECT setval(pg_get_serial_sequence('organizations', 'number'), coalesce(max(number), 0) + 1,
        false)
    FROM organizations
    """

_TEXTS = """
    SELECT org_id, organization.number AS organization, sequential_id AS number, title, description
    FROM incidents JOIN organizations AS organization ON organization.id = org_id
    """

_NO_LIMITS = """
    SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0
    """


class ServerRows:
    """The rows of the database, within a transaction. See `ends.Target`."""

    def __init__(self, raw: Raw) -> None:
        self._raw = raw
        self._keys: list[DictRow] = []

    def rows(self, table: Table) -> Iterator[Row]:
        """See `ends.Target`."""
        with self._raw.cursor(name="rows_of_table", row_factory=tuple_row) as cursor:
            cursor.itersize = ROWS_AT_ONCE
            yield from cursor.execute(table.select)

    def is_empty(self) -> bool:
        """See `ends.Target`."""
        return not self._raw.execute("SELECT 1 FROM organizations LIMIT 1").fetchone()

    def begin(self) -> None:
        """See `ends.Target`."""
        execute = self._raw.execute
        self._keys = execute(_KEYS).fetchall()
        for key in self._keys:
            execute(f"ALTER TABLE {key['name']} DROP CONSTRAINT {key['key']}")
        for table in all_tables():
            execute(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
            execute(f"DELETE FROM {table.name}")

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """See `ends.Target`."""
        self._copy(table.name, table.columns, rows)

    def finish(self) -> None:
        """See `ends.Target`."""
        execute = self._raw.execute
        self._index_words()
        for key in self._keys:
            try:
                execute(
                    f"ALTER TABLE {key['name']} ADD CONSTRAINT {key['key']} {key['definition']}"
                )
            except psycopg.errors.ForeignKeyViolation:
                raise CopyFailed(
                    f"A row of {key['name']} names another one that is not there."
                ) from None
        for table in all_tables():
            execute(f"ALTER TABLE {table.name} ENABLE TRIGGER USER")
        execute(_NEXT_NUMBER)
        execute("ANALYZE")  # or its first plans know nothing of so many rows

    def _index_words(self) -> None:
        with self._raw.cursor(name="texts") as cursor:
            cursor.execute(_TEXTS)
            while found := cursor.fetchmany(ROWS_AT_ONCE):
                self._copy(
                    "incident_words", ("org_id", "sequential_id", "words"), map(_words, found)
                )

    def _copy(self, name: str, columns: Iterable[str], rows: Iterable[Row]) -> None:
        statement = f"COPY {name} ({', '.join(columns)}) FROM STDIN"
        with self._raw.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)


def _words(incident: DictRow) -> Row:
    """Return a row of `incident_words`. A word has no quotes in it: it is letters and digits."""
    org_id = incident.pop("org_id")
    words = word_index.index_words(**incident).split()
    return org_id, incident["number"], " ".join(f"'{word}'" for word in words)


@contextmanager
def reading(database: ServerDatabase) -> Iterator[ServerRows]:
    """Read one snapshot. Raises `Busy` if the server is away, and `UnusableDatabase`."""
    with server_maintenance.connected(database) as raw:
        raw.isolation_level = IsolationLevel.REPEATABLE_READ
        raw.read_only = True
        with raw.transaction():
            version = server_maintenance.version_of(raw)
            if not version:
                raise UnusableDatabase(f"{database.where} has no tables of incident-service.")
            server.check_version(version)
            raw.execute(_NO_LIMITS)
            yield ServerRows(raw)


@contextmanager
def filling(database: ServerDatabase) -> Iterator[ServerRows]:
    """Fill the database, whose tables are made if there are none, in one transaction; others wait.

    Raises as `server_maintenance.initialise` does, `StorageFull`, and `CopyFailed` if a row breaks
    a rule.
    """
    is_ending = False
    with server_maintenance.connected(database) as raw:
        try:
            with server_maintenance.alone(raw, database.write_timeout):
                server.check_version(server_maintenance.made(raw))
                raw.execute(f"SET LOCAL lock_timeout = {database.write_timeout * 1000:.0f}")
                raw.execute(_NO_LIMITS)
                yield ServerRows(raw)
                is_ending = True
        except psycopg.OperationalError as error:
            if is_ending and raw.broken:
                raise Busy(server_errors.UNKNOWN) from error
            raise
        except (
            psycopg.IntegrityError,
            psycopg.DataError,
        ) as error:  # more of it would show the row
            reason = error.diag.message_primary
            raise CopyFailed(f"A row breaks a rule of its table: {reason}.") from error
