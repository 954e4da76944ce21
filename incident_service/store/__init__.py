"""SQL, one module a table family: functions that take a connection and plain values.

Here is what they share. Statements are made of the names of tables and columns, never of a value.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from incident_service.database.engine import Connection

Row = dict[str, Any]
"""A row as its columns by name."""

ALL = 2**31 - 1
"""A limit that is none."""

MAX_TEXT = 1024 * 1024
"""How many characters of text one answer takes from rows whose texts are long."""

_NAME = re.compile(r"[a-z_]+")


def take(rows: Iterable[Row], column: str) -> list[Row]:
    """Return the first rows whose texts in the column are not longer than `MAX_TEXT` together.

    At least one, if there is one.
    """
    taken: list[Row] = []
    length = 0
    for row in rows:
        length += len(row[column] or "")
        if length > MAX_TEXT and taken:
            break
        taken.append(row)
    return taken


def one_or_none(db: Connection, sql: str, values: Row) -> Row | None:
    """Return the first row that the query finds, or `None`."""
    row: Row | None = db.execute(sql, values).fetchone()
    return row


def insert_row(db: Connection, table: str, row: Row, **expressions: str) -> None:
    """Add a row, as `insert_into` says."""
    db.executemany(insert_into(table, row, **expressions), (row,))


def insert_rows(db: Connection, table: str, rows: Sequence[Row], **expressions: str) -> None:
    """Add any number of rows that have the same columns."""
    if rows:
        db.executemany(insert_into(table, rows[0], **expressions), rows)


def insert_into(table: str, row: Row, **expressions: str) -> str:
    """Return the INSERT that fills the row's columns, all of them.

    `expressions`: SQL for columns that the database computes, which may use the row's values.
    """
    return _insert_into(table, tuple(row), tuple(expressions.items()))


@functools.lru_cache(maxsize=512)
def _insert_into(
    table: str, columns: tuple[str, ...], expressions: tuple[tuple[str, str], ...]
) -> str:
    values = {**{column: f":{column}" for column in columns}, **dict(expressions)}
    _check_names(table, *values)
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def next_number(table: str) -> str:
    """Return SQL for the number of an incident's next row in a table that counts them from 1."""
    _check_names(table)
    return f"""1 + (
        SELECT coalesce(max(number), 0) FROM {table}
        WHERE org_id = :org_id AND incident_id = :incident_id)"""


def put_rows(db: Connection, table: str, rows: Sequence[Row], *, key: tuple[str, ...]) -> None:
    """Add rows that have the same columns, each in place of the row that has the same key."""
    if rows:
        others = [column for column in rows[0] if column not in key]
        assignments = ", ".join(f"{column} = excluded.{column}" for column in others)
        db.executemany(
            f"{insert_into(table, rows[0])} "
            f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {assignments}",
            rows,
        )


def set_columns(db: Connection, table: str, changes: Row, **key: str | int) -> None:
    """Change the row that has the key; the keys of `changes` are the columns to set."""
    db.execute(_set_columns(table, tuple(changes), tuple(key)), {**changes, **key})


@functools.lru_cache(maxsize=512)
def _set_columns(table: str, columns: tuple[str, ...], key: tuple[str, ...]) -> str:
    _check_names(table, *columns, *key)
    assignments = ", ".join(f"{column} = :{column}" for column in columns)
    conditions = " AND ".join(f"{column} = :{column}" for column in key)
    return f"UPDATE {table} SET {assignments} WHERE {conditions}"


def is_full(db: Connection, table: str, org_id: str, limit: int) -> bool:
    """Whether the organization has `limit` rows in the table that are not deleted."""
    _check_names(table)
    query = f"""
        SELECT 1 FROM {table} WHERE org_id = :org_id AND deleted_at IS NULL
        LIMIT 1 OFFSET :last
        """
    return one_or_none(db, query, {"org_id": org_id, "last": limit - 1}) is not None


def _check_names(*names: str) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a table or column.")
