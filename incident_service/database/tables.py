"""The tables that hold data, as `schema.sql` has them; `postgres.sql` has the same."""

from __future__ import annotations

import functools
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from itertools import groupby

_COLUMNS = """
    SELECT t.name AS table_name, c.name AS column_name, c.pk AS place_in_key
    FROM pragma_table_list AS t, pragma_table_info(t.name) AS c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'
    ORDER BY t.name, c.cid
    """


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and what a copy needs to know of it."""

    name: str
    columns: tuple[str, ...]
    """All but those that are generated from others."""
    key: tuple[str, ...]
    """The primary key."""

    @property
    def select(self) -> str:
        """The statement that reads all rows in the order of the key, the same on both engines."""
        columns, key = ", ".join(self.columns), ", ".join(self.key)
        return f"SELECT {columns} FROM {self.name} ORDER BY {key}"


def schema() -> str:
    """Return the script that makes a new file."""
    return files("incident_service").joinpath("schema.sql").read_text(encoding="utf-8")


@functools.cache
def all_tables() -> tuple[Table, ...]:
    """Return the tables by their names. The index of words is none: it can be made again."""
    with closing(sqlite3.connect(":memory:")) as memory:
        memory.executescript(schema())
        columns = memory.execute(_COLUMNS).fetchall()
    return tuple(
        _table(name, [(column, place) for _, column, place in group])
        for name, group in groupby(columns, key=lambda column: column[0])
    )


def _table(name: str, columns: list[tuple[str, int]]) -> Table:
    key = sorted((place, column) for column, place in columns if place)
    return Table(
        name, columns=tuple(column for column, _ in columns), key=tuple(column for _, column in key)
    )
