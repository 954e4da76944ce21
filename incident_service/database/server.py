"""The PostgreSQL server: connections, read transactions, and writes that take turns by their owner.

SQLite has one writer at a time. Here writes of one organization take turns: each locks its row
first, and then sees all that the one before has committed. Organizations do not wait for each
other. So what holds by turns on SQLite holds here for one organization; what spans several relies
on constraints.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row

from incident_service.config import PREFIX, ServerUrl
from incident_service.database import server_errors
from incident_service.database.engine import (
    SCHEMA_VERSION,
    Connection,
    Cursor,
    Database,
    Owner,
    Values,
)
from incident_service.database.postgres_types import register
from incident_service.database.server_pool import Pool
from incident_service.database.server_statements import Answer, Raw, Statement, statement
from incident_service.errors import Busy, InvalidSetting, UnusableDatabase

CONNECTIONS = 8
"""How many a process has at most: one for each of its threads that work, and some."""

MAX_TRIES = 5
"""How often the same work runs if others are in its way."""

FIRST_PAUSE_SECONDS = 0.005

STATEMENT_SECONDS = 30.0
"""How long one statement may take. Far more than any does, so that none goes on for ever."""

FIRST_TURN_SECONDS = 0.25
"""How long `write_some` waits for the first organization."""

LATE_SECONDS = 5.0
"""How much later than its own time-outs the server's answer may come: a machine that is stopped
gives none, though its kernel may."""

SILENT_SECONDS = 10.0
"""How long the server lets a transaction say nothing. A machine that vanished in the middle of one
must not keep the row of its organization."""

COMMIT_SECONDS = 10.0
"""How long a commit may take. It waits for a synchronous standby, which the server does not bound:
a thread must not wait for one that is gone."""

READ_SECONDS = 5.0
"""How long a read waits for a connection."""

DEFAULTS = {
    "application_name": "incident-service",
    "connect_timeout": "3",
    # A server that vanished with its machine says nothing: the kernel has to ask.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # A name may lead to a standby, now or after a failover.
    "target_session_attrs": "read-write",
}
"""What a connection has unless the URL says otherwise."""

T = TypeVar("T")


class ServerDatabase(Database):
    """One PostgreSQL database, shared by any number of threads, processes and machines."""

    where: ServerUrl

    def __init__(
        self, where: ServerUrl, *, write_timeout: float = 5.0, connections: int = CONNECTIONS
    ) -> None:
        """`write_timeout`: seconds that a write waits for others, and for a connection.

        `connections`: how many a process has at most. Raises `InvalidSetting` if it is no URL.
        """
        super().__init__(where, write_timeout=write_timeout)
        try:
            given = psycopg.conninfo.conninfo_to_dict(where.url)
        except psycopg.ProgrammingError:  # its message may hold the password
            raise InvalidSetting(
                f"{PREFIX}DATABASE: Not the URL of a PostgreSQL server, as in "
                "postgresql://user:password@host/name."
            ) from None
        # Text is sent as UTF-8, whatever else the server or the environment says.
        self._options: dict[str, Any] = {**DEFAULTS, **given, "client_encoding": "UTF8"}
        self._connections = connections
        self._open_state()
        _databases.add(self)

    def _open_state(self) -> None:
        self._pool = Pool(self.connect, self._connections)

    def connect(self) -> Raw:
        """Make a connection of its own. Raises `psycopg.Error`."""
        connection = Raw.connect(
            **self._options,
            autocommit=True,  # transactions are begun and ended here
            row_factory=dict_row,
        )
        register(connection)
        settings = {
            "idle_in_transaction_session_timeout": _milliseconds(SILENT_SECONDS),
            "statement_timeout": _milliseconds(STATEMENT_SECONDS),
            # A warning at the commit means that a standby may not have it; what is less than a
            # warning must not look like one.
            "client_min_messages": "warning",
        }
        connection.execute("; ".join(f"SET {name} = {set_to}" for name, set_to in settings.items()))
        return connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Run a read transaction; see `Database.read`."""
        with (
            server_errors.translated(),
            self._pool.connection(time.monotonic() + READ_SECONDS) as raw,
        ):
            try:
                _begin(raw, _READ)
                yield ServerConnection(raw)
            finally:
                _end(raw, _COMMIT)

    @contextmanager
    def read_once(self) -> Iterator[Connection]:
        """Run a single statement that reads; see `Database.read_once`."""
        with (
            server_errors.translated(),
            self._pool.connection(time.monotonic() + READ_SECONDS) as raw,
        ):
            yield ServerConnection(raw)

    def write_within(
        self, seconds: float, owner: Owner, work: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> T:
        """As `write`, with another write time-out."""
        org_ids = [owner] if isinstance(owner, str) else sorted(owner or ())
        deadline = time.monotonic() + seconds

        def in_turn(raw: Raw, connection: Connection) -> T:
            began = time.monotonic()
            _begin(raw, [*_begun(deadline - began), *_locked(org_ids)], deadline - began)
            if org_ids:
                self.waited(time.monotonic() - began)
            return work(connection, *args, now=self.clock(), **kwargs)

        return self._write(in_turn, deadline)

    def write_some(
        self,
        org_ids: Sequence[str],
        most: int,
        work: Callable[..., T],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> T:
        """See `Database.write_some`."""
        deadline = time.monotonic() + self.write_timeout

        def with_some(raw: Raw, connection: Connection) -> T:
            began = time.monotonic()
            some = _lock_some(raw, org_ids, most, deadline)
            self.waited(time.monotonic() - began)
            return work(connection, some, *args, now=self.clock(), **kwargs)

        return self._write(with_some, deadline)

    def version(self) -> int:
        """Return a number that changes when another connection has written something.

        A snapshot names the transactions that it does not see, of those that write. While none ends
        and none begins, it says the same.
        """
        with self.read_once() as connection:
            found = connection.execute("SELECT pg_current_snapshot()::text AS name").fetchone()
        return int.from_bytes(hashlib.blake2b(found["name"].encode(), digest_size=8).digest())

    def size(self) -> int:
        """Return how many bytes the database takes."""
        with self.read_once() as connection:
            query = "SELECT pg_database_size(current_database()) AS bytes"
            size: int = connection.execute(query).fetchone()["bytes"]
        return size

    def close(self) -> None:
        """Close the connections that nobody uses; a process does so before it forks."""
        self._pool.close()

    def _write(self, run: Callable[[Raw, Connection], T], deadline: float) -> T:
        """Run a write transaction, again if others were in its way. Raises as `write` does.

        A key that is taken is a reason to run it again, once: the work may have found it free, and
        now finds who has it.
        """
        may_be_taken = True
        for tries in range(1, MAX_TRIES + 1):
            try:
                with server_errors.translated(), self._pool.connection(deadline) as raw:
                    return _try(run, raw, may_be_taken=may_be_taken)
            except _RunAgain as again:
                error = again.error
            may_be_taken = may_be_taken and not server_errors.is_taken(error)
            pause = FIRST_PAUSE_SECONDS * 2**tries * random.random()
            if tries == MAX_TRIES or time.monotonic() + pause >= deadline:
                break
            self.retried()
            time.sleep(pause)
        raise server_errors.translate(error) from error


class ServerConnection:
    """A connection within a read or a write: speaks the store's SQL to PostgreSQL.

    What `executemany` runs waits for no answer: it travels with the statement after it.
    """

    def __init__(self, raw: Raw, *, may_be_taken: bool = False) -> None:
        """`may_be_taken`: whether a key that is taken ends the transaction."""
        self._raw = raw
        self._may_be_taken = may_be_taken
        self._unsent: list[Statement] = []
        self.fault: psycopg.Error | None = None
        """What ended the transaction, if something did."""

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction goes on; it does not after a fault that undoes all of it."""
        return self._raw.info.transaction_status in _OPEN and self.fault is None

    def execute(self, sql: str, values: Values = (), /) -> Cursor:
        """Run one statement. Raises what is wrong with those before it, too."""
        if sql.startswith("ROLLBACK"):
            self._unsent.clear()  # it would be undone
        statements = [*self._unsent, statement(sql, values)]
        self._unsent.clear()
        with self._noted():
            return Answer(self._raw, self._raw.exchange(statements)[-1])

    def executemany(self, sql: str, values: Iterable[Values], /) -> None:
        """Run one statement for each of the values; what is wrong with it may show later."""
        self._unsent += [statement(sql, each) for each in values]

    def commit(self) -> bytes | None:
        """Commit, and return what the server did: it rolls back if a statement had failed.

        Raises `Busy` if nobody knows whether all of it is safe, and `psycopg.Error` if it is
        undone.
        """
        warnings: list[Any] = []
        self._raw.add_notice_handler(warnings.append)
        try:
            ended = self._raw.exchange([*self._unsent, _COMMIT], COMMIT_SECONDS)[-1]
        except (psycopg.OperationalError, TimeoutError) as error:
            if self._raw.closed:
                raise Busy(server_errors.UNKNOWN) from error
            raise
        finally:
            self._raw.remove_notice_handler(warnings.append)
        if warnings:  # somebody ended the wait for the standby, which may not have it
            raise Busy(server_errors.UNKNOWN)
        return ended.command_status

    @contextmanager
    def _noted(self) -> Iterator[None]:
        try:
            yield
        except psycopg.Error as error:
            is_taken = self._may_be_taken and server_errors.is_taken(error)
            if is_taken or server_errors.ends_transaction(error):
                self.fault = self.fault or error
            raise


class _RunAgain(Exception):
    """Others were in the way of a transaction; it was undone."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(error)
        self.error = error


_OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)

_COMMIT, _ROLLBACK = statement("COMMIT"), statement("ROLLBACK")

_READ = (
    statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
    statement("SELECT number FROM schema_version"),
)


def _begun(seconds: float) -> list[Statement]:
    """Return what begins a write that waits so long for each lock."""
    return [
        # Not READ WRITE: a standby refuses that as if it knew no such thing.
        statement("BEGIN ISOLATION LEVEL READ COMMITTED"),
        statement(
            "SELECT number, set_config('lock_timeout', :wait, true) FROM schema_version",
            {"wait": _milliseconds(seconds)},
        ),
    ]


def _locked(org_ids: Sequence[str]) -> list[Statement]:
    """Return what locks organizations, whether they are there or not."""
    # Not FOR UPDATE: rows that refer to it can then be written by those who lock none.
    if len(org_ids) == 1:
        lock = "SELECT id FROM organizations WHERE id = :id FOR NO KEY UPDATE"
        return [statement(lock, {"id": org_ids[0]})]
    lock = """
        SELECT id FROM organizations WHERE id IN (SELECT value FROM json_each(:ids))
        ORDER BY id FOR NO KEY UPDATE
        """
    return [statement(lock, {"ids": json.dumps(org_ids)})] if org_ids else []


def _lock_some(raw: Raw, org_ids: Sequence[str], most: int, deadline: float) -> list[str]:
    """Begin a write, and lock the first organization, and others that are free; return which.

    Whoever asked for the first one only if it is free might never get it: there may always be
    somebody who waits for it. While this waits, it holds no other.
    """
    seconds = deadline - time.monotonic()
    first = org_ids[: min(most, 1)]
    try:
        _begin(raw, [*_begun(min(seconds, FIRST_TURN_SECONDS)), *_locked(first)], seconds)
    except psycopg.errors.LockNotAvailable:
        _end(raw, _ROLLBACK)
        _begin(raw, _begun(seconds), seconds)
        first = []
    results = raw.exchange(
        [
            statement(
                "SELECT set_config('lock_timeout', :wait, true)", {"wait": _milliseconds(seconds)}
            ),
            statement(
                """
                SELECT organization.id FROM organizations AS organization
                JOIN json_each(:others) AS asked ON asked.value = organization.id
                ORDER BY asked.key LIMIT :number
                FOR NO KEY UPDATE OF organization SKIP LOCKED
                """,
                {"others": json.dumps(org_ids[1:]), "number": most - len(first)},
            ),
        ]
    )
    others = Answer(raw, results[-1])
    return [*first, *(row["id"] for row in others)]


def _milliseconds(seconds: float) -> str:
    return f"{max(seconds * 1000, 1):.0f}"


def _begin(raw: Raw, statements: Sequence[Statement], seconds: float = STATEMENT_SECONDS) -> None:
    """Begin a transaction. Raises `UnusableDatabase` if the database is of another version.

    The second statement says which it is. The server itself ends the wait for a lock after so many
    seconds; if it does not even do that, `TimeoutError` is raised.
    """
    results = raw.exchange(statements, max(seconds, 0) + LATE_SECONDS)
    found = Answer(raw, results[1]).fetchone()
    check_version(found["number"] if found else 0)


def check_version(version: int) -> None:
    """Raise `UnusableDatabase` if the database is of another version."""
    if version < SCHEMA_VERSION:
        raise UnusableDatabase(
            "The database was made by an older incident-service: its schema is version "
            f"{version}, this one needs {SCHEMA_VERSION}. Run `incident-service init-db`."
        )
    if version > SCHEMA_VERSION:
        raise UnusableDatabase(
            "The database was made by a newer incident-service: its schema is version "
            f"{version}, this one knows {SCHEMA_VERSION}."
        )


def _try(run: Callable[[Raw, Connection], T], raw: Raw, *, may_be_taken: bool) -> T:
    """Run a write transaction once.

    Raises `_RunAgain` if others were in its way, and `Busy` if nobody knows whether it was
    committed.
    """
    connection = ServerConnection(raw, may_be_taken=may_be_taken)
    try:
        result = run(raw, connection)
        if connection.fault is not None:
            raise connection.fault
        ended = connection.commit()
    except BaseException as error:
        _end(raw, _ROLLBACK)
        fault = connection.fault or error
        if isinstance(fault, psycopg.Error):
            if server_errors.is_clash(fault) or (may_be_taken and server_errors.is_taken(fault)):
                raise _RunAgain(fault) from error
            if fault is not error:
                raise fault from error
        raise
    if ended != b"COMMIT":
        raise RuntimeError("work went on after a statement had failed, so all of it was undone")
    return result


def _end(raw: Raw, how: Statement) -> None:
    """End what is left of a transaction; if that fails, the pool closes the connection."""
    if not raw.closed and raw.info.transaction_status != TransactionStatus.IDLE:
        with suppress(psycopg.Error, TimeoutError):
            raw.exchange([how])


_databases: weakref.WeakSet[ServerDatabase] = weakref.WeakSet()


def _close_all() -> None:
    for database in _databases:
        database.close()


def _forget_parent() -> None:
    """Let a forked process use no connection of its parent."""
    for database in _databases:
        database._open_state()


os.register_at_fork(before=_close_all, after_in_child=_forget_parent)
