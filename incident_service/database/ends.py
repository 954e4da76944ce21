"""The two ends of a copy: what each engine does for `copying`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from incident_service.database.tables import Table

Row = tuple[Any, ...]


class Source(Protocol):
    """A database within a transaction that sees one snapshot of it."""

    def rows(self, table: Table) -> Iterator[Row]:
        """Yield the rows in the order of their key, few of them in memory at a time."""


class Target(Source, Protocol):
    """A database within a transaction that fills it."""

    def is_empty(self) -> bool:
        """Whether it has no organization."""

    def begin(self) -> None:
        """Delete what a new database has, and let triggers and keys to other tables wait."""

    def put(self, table: Table, rows: Iterable[Row]) -> None:
        """Add rows."""

    def finish(self) -> None:
        """Put triggers and keys back, and index the words of incidents.

        Raises `CopyFailed` if a row names another one that is not there.
        """
