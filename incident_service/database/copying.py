"""Moves everything from one database to another, a file or a server, and checks it (contract §9).

It reads one snapshot of the source, and fills the target in one transaction. There, triggers and
keys to other tables wait until all rows are in. So a row comes in as it was, numbers and revisions
too, and tables come in any order. What only serves search is made anew.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator

from incident_service.database import either
from incident_service.database.ends import Row, Source, Target
from incident_service.database.engine import Database
from incident_service.database.tables import Table, all_tables
from incident_service.errors import CopyFailed


def copy(source: Database, target: Database) -> dict[str, int]:
    """Move everything into an empty database; return the number of rows by table.

    The target has all of it, or nothing. Raises `CopyFailed` if it has organizations, or a row that
    is not as it was; `UnusableDatabase` if one of the two is of another version, or the source is
    missing; `StorageFull`; and `Busy` if others use the target, or a server is away.
    """
    with either.reading(source) as old, either.filling(target) as new:
        if not new.is_empty():
            raise CopyFailed(f"{target.where} has organizations. Name a database that is empty.")
        new.begin()
        moved = {table.name: _move(table, old, new) for table in all_tables()}
        new.finish()
    return moved


def _move(table: Table, old: Source, new: Target) -> int:
    """Copy a table, and read it again; return the number of its rows.

    Raises `CopyFailed` if they are not the same.
    """
    wanted, found = _Digest(), _Digest()
    new.put(table, wanted.of(old.rows(table)))
    deque(found.of(new.rows(table)), maxlen=0)
    if wanted.value() != found.value():
        raise CopyFailed(f"The rows of {table.name} did not arrive as they were. Nothing was kept.")
    return wanted.rows


class _Digest:
    """How many rows passed, and a hash of them in their order."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.blake2b(digest_size=32)

    def of(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows as they are."""
        for row in rows:
            self.rows += 1
            self._hash.update(json.dumps(row).encode())
            yield row

    def value(self) -> tuple[int, bytes]:
        return self.rows, self._hash.digest()
