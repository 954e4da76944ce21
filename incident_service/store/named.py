"""Rows of the tables in which each thing has a name, unique until the thing is deleted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none, set_columns

Table = Literal[
    "components",
    "schedules",
    "escalation_policies",
    "working_hours",
    "routing_policies",
    "integrations",
]


def insert(db: Connection, table: Table, row: Row) -> None:
    """Add a thing; the keys of `row` are the columns to fill."""
    insert_row(db, table, row)


def get(db: Connection, table: Table, org_id: str, id: str) -> Row | None:
    """Return the thing, unless deleted."""
    return one_or_none(
        db,
        f"SELECT * FROM {table} WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    )


def with_name(db: Connection, table: Table, org_id: str, name: str) -> Row | None:
    """Return the thing that has this name, unless deleted."""
    return one_or_none(
        db,
        f"SELECT * FROM {table} WHERE org_id = :org_id AND name = :name AND deleted_at IS NULL",
        {"org_id": org_id, "name": name},
    )


def all_by_name(db: Connection, table: Table, org_id: str) -> list[Row]:
    """Return the organization's things in the order of their names, without the deleted ones."""
    return db.execute(
        f"SELECT * FROM {table} WHERE org_id = :org_id AND deleted_at IS NULL ORDER BY name",
        {"org_id": org_id},
    ).fetchall()


def all_names(db: Connection, table: Table, org_id: str) -> list[Row]:
    """Return the `id` and `name` of the organization's things, as `all_by_name` does."""
    return db.execute(
        f"SELECT id, name FROM {table} WHERE org_id = :org_id AND deleted_at IS NULL ORDER BY name",
        {"org_id": org_id},
    ).fetchall()


def slice_by_name(
    db: Connection, table: Table, org_id: str, *, after: str, limit: int
) -> list[Row]:
    """Return the things whose names come after one, in their order, without the deleted ones."""
    return db.execute(
        f"""
        SELECT * FROM {table} WHERE org_id = :org_id AND name > :after AND deleted_at IS NULL
        ORDER BY name LIMIT :limit
        """,
        {"org_id": org_id, "after": after, "limit": limit},
    ).fetchall()


def names(
    db: Connection, table: Table, org_id: str, ids: Sequence[str], *, with_deleted: bool = False
) -> dict[str, str]:
    """Return the names of those things that exist, by id; of deleted ones only if asked for."""
    rows = db.execute(
        f"""
        SELECT thing.id, thing.name FROM json_each(:ids) AS wanted
        CROSS JOIN {table} AS thing  -- in this order, which needs no temporary table
          ON thing.org_id = :org_id AND thing.id = wanted.value
        WHERE thing.deleted_at IS NULL OR :with_deleted = 1
        """,
        {"org_id": org_id, "ids": json.dumps(ids), "with_deleted": with_deleted},
    ).fetchall()
    return {row["id"]: row["name"] for row in rows}


def with_ids(db: Connection, table: Table, org_id: str, ids: Sequence[str]) -> list[Row]:
    """Return those of the things that exist and are not deleted."""
    return db.execute(
        f"""
        SELECT * FROM {table}
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
          AND deleted_at IS NULL
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()


def update(db: Connection, table: Table, org_id: str, id: str, changes: Row) -> None:
    """Change a thing; the keys of `changes` are the columns to set."""
    set_columns(db, table, changes, org_id=org_id, id=id)
