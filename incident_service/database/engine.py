"""What the two engines of the database are to everything above them: a file, or a server."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from incident_service import clock
from incident_service.config import Where

SCHEMA_VERSION = 8

T = TypeVar("T")

Values = Sequence[Any] | Mapping[str, Any]
"""The values of a statement: by the names that begin with a colon in it, or in order."""

Owner = str | Sequence[str] | None
"""Whose rows a write is about: one organization, several, or none or all of them."""


class Cursor(Protocol):
    """What a statement found; rows are dictionaries of columns by name."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""

    def fetchone(self) -> Any:
        """Return the next row, or `None` if there is none."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """A connection within a read or a write, as `Database` hands it out."""

    @property
    def in_transaction(self) -> bool:
        """Whether the transaction goes on; a fault of the engine itself may have ended it."""

    def execute(self, sql: str, values: Values = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, values: Iterable[Values], /) -> object:
        """Run one statement for each of the values: the way to add rows.

        What is wrong with it may only show at the next statement, or at the end.
        """


class Database(ABC):
    """The database, shared by any number of threads and processes.

    A committed write is durable before it is answered.
    """

    def __init__(self, where: Where, *, write_timeout: float) -> None:
        """`write_timeout`: seconds that a write waits for other writers."""
        self.where = where
        """As the setting has it."""
        self.write_timeout = write_timeout
        self.clock: Callable[[], datetime] = clock.now
        """What gives writes their instants."""
        self.waited: Callable[[float], None] = lambda seconds: None
        """Called with the seconds that a write waited for its turn, where one can tell."""
        self.retried: Callable[[], None] = lambda: None
        """Called when a write runs again because others were in its way."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """Run a read transaction: one snapshot, which waits for no writer.

        Raises `UnusableDatabase` if there is no database, or one that is damaged or of another
        version, and `Busy` if it cannot be reached now.
        """

    @abstractmethod
    def read_once(self) -> AbstractContextManager[Connection]:
        """Run a single statement that reads, without a transaction: the quickest way.

        Raises as `read` does, but does not check the version.
        """

    def write(self, owner: Owner, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Run `work(connection, *args, now=…, **kwargs)` in a write transaction; return its result.

        `owner` is the id of the organization whose rows are written: writes of one organization
        take turns. Several ids are waited for all together. `None` is for what belongs to none or
        spans all of them; it takes no turn, so it relies on constraints alone.

        `now` is the instant at which the transaction's turn to write came, so what an organization
        writes later is never dated earlier. When this returns, the work is on disk; if `work`
        raises, it is undone. It may run in another thread of this process, and sees no context
        variables. It may run twice: the first run is undone in the database, so `work` must do
        nothing that matters elsewhere, and leave its arguments as they are. Raises `Busy` if its
        turn did not come within the write time-out, and `StorageFull` if the disk is full; nothing
        is written then.
        """
        return self.write_within(self.write_timeout, owner, work, *args, **kwargs)

    @abstractmethod
    def write_within(
        self, seconds: float, owner: Owner, work: Callable[..., T], /, *args: Any, **kwargs: Any
    ) -> T:
        """As `write`, with another write time-out."""

    @abstractmethod
    def write_some(
        self,
        org_ids: Sequence[str],
        most: int,
        work: Callable[..., T],
        /,
        *args: Any,
        **kwargs: Any,
    ) -> T:
        """As `write`, for some of the organizations, at most so many, those named first if it may.

        For the first one it waits a moment; others are left out if somebody else writes to them.
        `work` gets the ids after the connection: `work(connection, org_ids, *args, now=…)`. There
        may be none.
        """

    def check(self) -> None:
        """Raise `UnusableDatabase` or `Busy` unless the database answers and is of this version."""
        with self.read():
            pass

    @abstractmethod
    def version(self) -> int:
        """Return a number that changes when another connection has written something."""

    @abstractmethod
    def size(self) -> int:
        """Return how many bytes the database takes."""

    @abstractmethod
    def close(self) -> None:
        """Close what this thread may close; a process must do so before it forks."""


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Run a part of a write transaction; if it raises, only that part is undone."""
    connection.execute("SAVEPOINT part")
    try:
        yield
        connection.execute("RELEASE part")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise
