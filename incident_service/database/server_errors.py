"""What PostgreSQL's errors mean to those above: try again, wait, or nothing can be done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors

from incident_service.errors import Busy, StorageFull, UnusableDatabase

BUSY = "The database is busy; nothing was written. Try again."
UNKNOWN = (
    "The connection to the database ended before it said whether this was written. Look, and try "
    "again."
)

_CLASHES = (errors.SerializationFailure, errors.DeadlockDetected)
"""Two transactions were in each other's way; PostgreSQL undid this one."""

_UNPREPARED = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)
"""Somebody dropped what was prepared, or changed its tables ("cached plan must not change result
type"): another connection prepares it anew."""

_WAITED = (errors.LockNotAvailable, errors.QueryCanceled)
_AWAY = (
    errors.AdminShutdown,
    errors.CrashShutdown,
    errors.CannotConnectNow,
    errors.IdleInTransactionSessionTimeout,  # this machine stood still for too long
    errors.TooManyConnections,
    errors.ReadOnlySqlTransaction,  # the server is a standby, or has become one
)
_MISSING = (errors.UndefinedTable, errors.UndefinedColumn, errors.InsufficientPrivilege)


def is_clash(error: BaseException) -> bool:
    """Whether the same work is likely to succeed if it runs again."""
    return isinstance(error, (*_CLASHES, *_UNPREPARED))


def is_outdated(error: BaseException) -> bool:
    """Whether another connection would do better than the one that met this."""
    return isinstance(error, (*_UNPREPARED, errors.ReadOnlySqlTransaction))


def is_taken(error: BaseException) -> bool:
    """Whether a key was taken, perhaps after the work had found it free."""
    return isinstance(error, errors.UniqueViolation)


def is_waited(error: BaseException) -> bool:
    """Whether a wait for a lock, or a statement, took too long."""
    return isinstance(error, _WAITED)


def ends_transaction(error: psycopg.Error) -> bool:
    """Whether nothing is left of the transaction to go on with, not even before a savepoint."""
    is_full = isinstance(error, errors.DiskFull)  # it is not the fault of what met it first
    return is_full or is_clash(error) or is_waited(error) or _is_away(error)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the service's errors in place of psycopg's."""
    try:
        yield
    except TimeoutError:
        raise Busy(BUSY) from None
    except psycopg.Error as error:
        raise translate(error) from error


def translate(error: psycopg.Error) -> Exception:
    """Return the error as the service knows it, or the same one if it is a fault of ours."""
    if isinstance(error, errors.DiskFull):
        return StorageFull("The disk of the database is full; nothing was written.")
    if isinstance(error, _MISSING):
        return UnusableDatabase(f"The database cannot be used: {_first_line(error)}.")
    if ends_transaction(error):
        return Busy(BUSY)
    return error


def reason(error: psycopg.Error) -> str:
    """Return why a server cannot be reached, for the operator alone: it may name hosts."""
    return _first_line(error)


def _is_away(error: psycopg.Error) -> bool:
    """Whether the server is not there, or not to be written to."""
    if isinstance(error, _AWAY):
        return True
    # A connection that broke, or was never made, has no code of the server's.
    return isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or error.sqlstate.startswith("08")
    )


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error)
    return text.strip().partition("\n")[0].rstrip(".")
