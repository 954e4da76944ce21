"""Rows of `subscriptions` and `watched_schedules`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none, put_rows, set_columns

_LISTS = ("events", "severities", "schedule_ids", "component_ids")
"""The columns that are lists."""


def insert(db: Connection, subscription: Row) -> None:
    """Add a subscription; it has a value for each column."""
    insert_row(db, "subscriptions", _stored(subscription))


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the subscription."""
    row = one_or_none(
        db,
        "SELECT * FROM subscriptions WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )
    return row and _parsed(row)


def slice_by_id(db: Connection, org_id: str, *, before: str, limit: int) -> list[Row]:
    """Return the subscriptions whose ids come before one, newest first."""
    rows = db.execute(
        """
        SELECT * FROM subscriptions WHERE org_id = :org_id AND id < :before
        ORDER BY id DESC LIMIT :limit
        """,
        {"org_id": org_id, "before": before, "limit": limit},
    ).fetchall()
    return [_parsed(row) for row in rows]


def about(db: Connection, org_id: str, events: Sequence[str]) -> list[Row]:
    """Return the organization's subscriptions that have one of the events, oldest first."""
    rows = db.execute(
        """
        SELECT * FROM subscriptions
        WHERE org_id = :org_id
          AND EXISTS (SELECT 1 FROM json_each(:wanted) WHERE instr(events, value) > 0)
        ORDER BY id
        """,
        {"org_id": org_id, "wanted": json.dumps([f'"{event}"' for event in events])},
    ).fetchall()
    return [_parsed(row) for row in rows]


def is_full(db: Connection, org_id: str, limit: int) -> bool:
    """Whether the organization has `limit` subscriptions."""
    query = "SELECT 1 FROM subscriptions WHERE org_id = :org_id LIMIT 1 OFFSET :last"
    return one_or_none(db, query, {"org_id": org_id, "last": limit - 1}) is not None


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change a subscription; the keys of `changes` are the columns to set."""
    set_columns(db, "subscriptions", _stored(changes), org_id=org_id, id=id)


def delete(db: Connection, org_id: str, id: str) -> None:
    """Remove a subscription of which no message waits."""
    db.execute(
        "DELETE FROM subscriptions WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def watched(db: Connection, org_id: str, schedule_id: str) -> Row | None:
    """Return the owner of a schedule as its subscribers know it, if it is watched."""
    return one_or_none(
        db,
        "SELECT * FROM watched_schedules WHERE org_id = :org_id AND schedule_id = :schedule_id",
        {"org_id": org_id, "schedule_id": schedule_id},
    )


def watch(db: Connection, org_id: str, schedule_id: str, owner_id: str | None) -> None:
    """Keep the owner of a schedule, or `None` for nobody, as what subscribers know."""
    row = {"org_id": org_id, "schedule_id": schedule_id, "owner_id": owner_id}
    put_rows(db, "watched_schedules", [row], key=("org_id", "schedule_id"))


def stop_watching(db: Connection, org_id: str, schedule_id: str) -> None:
    """Forget what subscribers know of a schedule."""
    db.execute(
        "DELETE FROM watched_schedules WHERE org_id = :org_id AND schedule_id = :schedule_id",
        {"org_id": org_id, "schedule_id": schedule_id},
    )


def _stored(values: Row) -> Row:
    lists = {
        name: values[name] and json.dumps(values[name], ensure_ascii=False)
        for name in _LISTS
        if name in values
    }
    return {**values, **lists}


def _parsed(row: Row) -> Row:
    return {**row, **{name: row[name] and json.loads(row[name]) for name in _LISTS}}
