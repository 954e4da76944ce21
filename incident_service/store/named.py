"""Rows of the tables whose things have a name of their own: unique while the thing is there."""

from __future__ import annotations

from typing import Literal

from incident_service.db import Connection
from incident_service.store import Row

Table = Literal["components", "schedules", "escalation_policies", "working_hours"]


def insert(db: Connection, table: Table, row: Row) -> None:
    """Add a thing; the keys of `row` are the columns to fill."""
    columns = ", ".join(row)
    values = ", ".join(f":{column}" for column in row)
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", row)


def get(db: Connection, table: Table, org_id: str, id: str) -> Row | None:
    """Return the thing, unless deleted."""
    row: Row | None = db.execute(
        f"SELECT * FROM {table} WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    ).fetchone()
    return row


def with_name(db: Connection, table: Table, org_id: str, name: str) -> Row | None:
    """Return the thing that has this name, unless deleted."""
    row: Row | None = db.execute(
        f"SELECT * FROM {table} WHERE org_id = :org_id AND name = :name AND deleted_at IS NULL",
        {"org_id": org_id, "name": name},
    ).fetchone()
    return row


def all_by_name(db: Connection, table: Table, org_id: str) -> list[Row]:
    """Return the organization's things in the order of their names, without the deleted ones."""
    return db.execute(
        f"SELECT * FROM {table} WHERE org_id = :org_id AND deleted_at IS NULL ORDER BY name",
        {"org_id": org_id},
    ).fetchall()


def update(db: Connection, table: Table, org_id: str, id: str, changes: Row) -> None:
    """Change a thing; the keys of `changes` are the columns to set."""
    assignments = ", ".join(f"{column} = :{column}" for column in changes)
    db.execute(
        f"UPDATE {table} SET {assignments} WHERE org_id = :org_id AND id = :id",
        {**changes, "org_id": org_id, "id": id},
    )
