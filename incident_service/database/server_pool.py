"""The connections of a process to a PostgreSQL server: some at most, made when they are needed.

There is no thread behind it, so it survives a fork, and is well again with the first connection
that succeeds. (psycopg's own pool connects in threads, at growing intervals after a failure.)
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg.pq import TransactionStatus

from incident_service.database import server_errors
from incident_service.database.server_statements import Raw

LOG_EVERY_SECONDS = 10.0

_log = logging.getLogger("incident_service.database")


class Pool:
    """Hands connections to one thread at a time each."""

    def __init__(self, connect: Callable[[], Raw], size: int) -> None:
        """`connect` makes a connection; `size`: how many there are at most."""
        self._connect = connect
        self._size = size
        self._places = threading.BoundedSemaphore(size)
        self._idle: list[Raw] = []
        self._logged_at = -LOG_EVERY_SECONDS

    @contextmanager
    def connection(self, deadline: float) -> Iterator[Raw]:
        """Lend a connection that is in no transaction.

        Raises `TimeoutError` at `deadline`, in seconds of `time.monotonic`, and `psycopg.Error` if
        the server cannot be reached.
        """
        if not self._places.acquire(timeout=max(deadline - time.monotonic(), 0.0)):
            raise TimeoutError
        try:
            connection = self._take()
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._places.release()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with suppress(IndexError):  # another thread may take the last one
            while True:
                self._idle.pop().close()

    def _take(self) -> Raw:
        while True:
            try:
                connection = self._idle.pop()  # the one that was used last
            except IndexError:
                return self._connected()
            if _is_quiet(connection):
                return connection
            connection.close()

    def _give_back(self, connection: Raw) -> None:
        is_idle = connection.info.transaction_status == TransactionStatus.IDLE
        if is_idle and not connection.is_used_up:
            self._idle.append(connection)
        else:  # mostly it broke, or its transaction could not be ended
            connection.close()

    def _connected(self) -> Raw:
        try:
            return self._connect()
        except psycopg.Error as error:
            if time.monotonic() - self._logged_at >= LOG_EVERY_SECONDS:
                self._logged_at = time.monotonic()
                _log.warning(
                    "the database server cannot be reached: %s", server_errors.reason(error)
                )
            raise


def _is_quiet(connection: Raw) -> bool:
    """Whether the server has said nothing since the last answer, such as that it shuts down."""
    try:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        return not poll.poll(0)
    except (psycopg.Error, OSError):
        return False
