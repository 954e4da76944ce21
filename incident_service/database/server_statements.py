"""Sends statements to a PostgreSQL server, any number at once, by libpq's own calls.

Each statement is prepared once a connection, and its values go as text. psycopg's cursors are made
for any statement: they take three times as long for one, and speak to the server for each.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.rows import DictRow

from incident_service.database import server_errors
from incident_service.database.engine import Values
from incident_service.database.translation import translated

MAX_PREPARED = 500
"""How many statements a connection prepares: the pool replaces one that has more."""

ANSWER_SECONDS = 35.0
"""How long answers may take: a little longer than the server itself lets a statement run."""

_UNKNOWN, _BIGINT, _TEXT = 0, 20, 25
"""PostgreSQL's numbers of types."""


class Statement(NamedTuple):
    """A statement that is ready to be sent, with its values and their types."""

    sql: bytes
    types: tuple[int, ...]
    values: list[bytes | None]


def statement(sql: str, values: Values = ()) -> Statement:
    """Return a statement of the store's, in PostgreSQL's words."""
    words, names = translated(sql)
    named: Any = values
    types: list[int] = []
    encoded: list[bytes | None] = []
    for name in names:
        value = named[name]
        if value is None:
            types.append(_UNKNOWN)
            encoded.append(None)
        elif isinstance(value, str):
            # PostgreSQL has no text with a NUL. Bodies with one are refused; a path may have one,
            # and is to find nothing.
            types.append(_TEXT)
            encoded.append(value.replace("\0", "\ufffd").encode())
        elif isinstance(value, int):
            types.append(_BIGINT)
            encoded.append(b"%d" % value)
        else:
            raise TypeError(f"The database has no values such as {value!r}.")
    return Statement(words, tuple(types), encoded)


_Key = tuple[bytes, tuple[int, ...]]
"""A statement's words, and the types of its values."""


class Raw(psycopg.Connection[DictRow]):
    """A connection that knows the names of the statements which the server has prepared for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names: dict[_Key, bytes] = {}
        self._names_given = 0
        self._is_outdated = False

    @property
    def is_used_up(self) -> bool:
        """Whether another connection should take its place."""
        return self._is_outdated or self._names_given > MAX_PREPARED

    def exchange(
        self, statements: Sequence[Statement], seconds: float = ANSWER_SECONDS
    ) -> list[PGresult]:
        """Send statements together; return the answers, in order.

        Raises `psycopg.Error` if one fails; those after it are not run. The connection is closed if
        it has ended, which is an `OperationalError`, or if there were no answers for so long, which
        is a `TimeoutError`.
        """
        deadline = time.monotonic() + seconds
        try:
            self.pgconn.enter_pipeline_mode()
            sent = self._send(statements)
            results = list(self._answers(deadline))
            self.pgconn.exit_pipeline_mode()
        except BaseException:
            self.close()
            raise
        answers = []
        for prepared, result in zip(sent, results, strict=False):  # the end may fail by itself
            if result.status == ExecStatus.FATAL_ERROR:
                break
            if prepared is None:
                answers.append(result)
            else:
                self._names.update((prepared,))
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                error = psycopg.errors.error_from_result(result)
                self._is_outdated |= server_errors.is_outdated(error)
                raise error
        return answers

    def _send(self, statements: Sequence[Statement]) -> list[tuple[_Key, bytes] | None]:
        """Hand statements over, each after it is prepared if it is not.

        Return what is answered: the name that a statement got, or `None` for the statement itself.
        Nothing is prepared earlier: it would begin a transaction.
        """
        sent: list[tuple[_Key, bytes] | None] = []
        names: dict[_Key, bytes] = {}
        for words, types, values in statements:
            key = words, types
            name = self._names.get(key) or names.get(key)
            if name is None:
                self._names_given += 1
                name = names[key] = b"s%d" % self._names_given
                self.pgconn.send_prepare(name, words, types)
                sent.append((key, name))
            self.pgconn.send_query_prepared(name, values)
            sent.append(None)
        self.pgconn.pipeline_sync()
        return sent

    def _answers(self, deadline: float) -> Iterator[PGresult]:
        connection = self.pgconn
        poll = select.poll()
        poll.register(connection.socket, select.POLLIN | select.POLLOUT)
        while connection.flush():  # the server may have to answer before it takes more
            _wait(poll, deadline)
            connection.consume_input()
        poll.modify(connection.socket, select.POLLIN)
        while True:
            while connection.is_busy():
                _wait(poll, deadline)
                connection.consume_input()
            result = connection.get_result()
            if connection.status != ConnStatus.OK:
                raise psycopg.OperationalError("the connection ended")
            if result is None:
                continue  # the end of one answer
            if result.status == ExecStatus.PIPELINE_SYNC:
                return
            yield result


def _wait(poll: select.poll, deadline: float) -> None:
    if not poll.poll(max((deadline - time.monotonic()) * 1000, 0)):
        raise TimeoutError


class Answer:
    """What a statement found, as `engine.Cursor` has it."""

    def __init__(self, raw: Raw, result: PGresult) -> None:
        self._result = result
        self._raw = raw
        self._rows: Iterator[DictRow] | None = None

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""
        return self._result.command_tuples or 0

    def fetchone(self) -> Any:
        """Return the next row, or `None` if there is none."""
        return next(iter(self), None)

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        return list(self)

    def __iter__(self) -> Iterator[Any]:
        if self._rows is None:
            self._rows = self._loaded()
        return self._rows

    def _loaded(self) -> Iterator[DictRow]:
        """Yield the rows, each made when it is asked for: together they may be big."""
        result = self._result
        names = [(result.fname(n) or b"").decode() for n in range(result.nfields)]
        values = Transformer(self._raw)
        values.set_pgresult(result)

        def make(row: Sequence[Any]) -> DictRow:
            return dict(zip(names, row, strict=True))

        for n in range(result.ntuples):
            yield values.load_row(n, make)
