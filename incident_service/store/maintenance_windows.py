"""Rows of `maintenance_windows` and `maintenance_window_components`.

A window is active while `starts_at <= t < ends_at`, unless deleted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from incident_service.clock import sortable
from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, insert_rows, one_or_none, set_columns

NOT_OVER = """(
    SELECT * FROM maintenance_windows
    WHERE org_id = :org_id AND ends_at_utc > :at AND deleted_at IS NULL
    UNION ALL
    SELECT * FROM maintenance_windows
    WHERE org_id = :org_id AND ends_at_utc IS NULL AND deleted_at IS NULL)"""
"""The windows of an organization that are not over at `:at`, as a table."""

_ACTIVE = f"""
    SELECT {{columns}} FROM {NOT_OVER} AS maintenance
    -- In this order: few windows are not over yet, and each is about few components.
    CROSS JOIN maintenance_window_components AS affected
      ON affected.org_id = maintenance.org_id
     AND affected.maintenance_window_id = maintenance.id
    CROSS JOIN components AS component
      ON component.org_id = affected.org_id AND component.id = affected.component_id
    WHERE maintenance.starts_at_utc <= :at AND component.deleted_at IS NULL
    """


def insert(db: Connection, window: Row) -> None:
    """Add a window; `window` has a value for each column but `deleted_at`."""
    insert_row(db, "maintenance_windows", window)


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the window, unless deleted."""
    return one_or_none(
        db,
        """
        SELECT * FROM maintenance_windows
        WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL
        """,
        {"org_id": org_id, "id": id},
    )


def slice_by_id(db: Connection, org_id: str, *, before: str, limit: int) -> list[Row]:
    """Return the windows whose ids come before one, newest first, without the deleted ones."""
    return db.execute(
        """
        SELECT * FROM maintenance_windows
        WHERE org_id = :org_id AND id < :before AND deleted_at IS NULL
        ORDER BY id DESC LIMIT :limit
        """,
        {"org_id": org_id, "before": before, "limit": limit},
    ).fetchall()


def slice_not_over(
    db: Connection, org_id: str, *, at: datetime, after: str, limit: int
) -> list[Row]:
    """Return the windows that are not over at an instant, by when they begin, without deleted ones.

    Those whose `starts_at_utc` and id, one after the other, come after a text.
    """
    return db.execute(
        f"""
        SELECT * FROM {NOT_OVER} AS maintenance WHERE starts_at_utc || id > :after
        ORDER BY starts_at_utc || id LIMIT :limit
        """,
        {**_at(org_id, at), "after": after, "limit": limit},
    ).fetchall()


def slice_over(db: Connection, org_id: str, *, at: str, id: str, limit: int) -> list[Row]:
    """Return the windows that ended before an instant, the last to end first.

    Of those that ended at the instant, given as `clock.sortable` writes it, the ones whose ids come
    before `id`. Without the deleted ones.
    """
    return db.execute(
        """
        SELECT * FROM maintenance_windows
        WHERE org_id = :org_id AND ends_at_utc <= :at AND (ends_at_utc < :at OR id < :id)
          AND deleted_at IS NULL
        ORDER BY ends_at_utc DESC, id DESC LIMIT :limit
        """,
        {"org_id": org_id, "at": at, "id": id, "limit": limit},
    ).fetchall()


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change a window; the keys of `changes` are the columns to set."""
    set_columns(db, "maintenance_windows", changes, org_id=org_id, id=id)


def component_ids(db: Connection, org_id: str, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the components of each of the windows, without the deleted ones, in order."""
    rows = db.execute(
        """
        SELECT affected.maintenance_window_id, affected.component_id
        FROM maintenance_window_components AS affected
        JOIN components AS component
          ON component.org_id = affected.org_id AND component.id = affected.component_id
        WHERE affected.org_id = :org_id
          AND affected.maintenance_window_id IN (SELECT value FROM json_each(:ids))
          AND component.deleted_at IS NULL
        ORDER BY affected.ordinal
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()
    found: dict[str, list[str]] = {id: [] for id in ids}
    for row in rows:
        found[row["maintenance_window_id"]].append(row["component_id"])
    return found


def set_components(db: Connection, org_id: str, id: str, component_ids: Sequence[str]) -> None:
    """Let the window be about exactly these components, in order."""
    db.execute(
        """
        DELETE FROM maintenance_window_components
        WHERE org_id = :org_id AND maintenance_window_id = :id
        """,
        {"org_id": org_id, "id": id},
    )
    rows = [
        {"org_id": org_id, "maintenance_window_id": id, "ordinal": n, "component_id": component_id}
        for n, component_id in enumerate(component_ids)
    ]
    insert_rows(db, "maintenance_window_components", rows)


def is_full(db: Connection, org_id: str, limit: int, *, at: datetime) -> bool:
    """Whether the organization has `limit` windows that are not over at this instant."""
    query = f"SELECT 1 FROM {NOT_OVER} AS maintenance LIMIT 1 OFFSET :last"
    return one_or_none(db, query, {**_at(org_id, at), "last": limit - 1}) is not None


def active(db: Connection, org_id: str, *, at: datetime) -> list[Row]:
    """Return the components of the windows that are active, each with a window, in no order.

    Without the deleted ones.

    A row has `component_id` and the window's `starts_at`, `ends_at`, `starts_at_utc`,
    `ends_at_utc` and `is_public`.
    """
    columns = """
        affected.component_id, maintenance.starts_at, maintenance.ends_at,
        maintenance.starts_at_utc, maintenance.ends_at_utc, maintenance.is_public"""
    return db.execute(_ACTIVE.format(columns=columns), _at(org_id, at)).fetchall()


def suppressed_component_ids(db: Connection, org_id: str, *, at: datetime) -> set[str]:
    """Return the components whose alerts open nothing at this instant.

    Those are the components of active windows that suppress alerts, without the deleted ones. Once
    a component is not among them any more, its alerts that were suppressed and still fire are to be
    routed.
    """
    rows = db.execute(
        _ACTIVE.format(columns="DISTINCT affected.component_id")
        + " AND maintenance.suppresses_alerts = 1",
        _at(org_id, at),
    ).fetchall()
    return {row["component_id"] for row in rows}


def public_turns(db: Connection, org_id: str, start: datetime, end: datetime) -> list[str]:
    """Return when public windows begin or end in `start <= t < end`, as `clock.sortable` writes it.

    In order, each instant once.
    """
    rows = db.execute(
        f"""
        SELECT starts_at_utc AS at FROM {NOT_OVER} AS maintenance
        WHERE starts_at_utc >= :at AND starts_at_utc < :end AND is_public = 1
        UNION
        SELECT ends_at_utc FROM maintenance_windows
        WHERE org_id = :org_id AND ends_at_utc >= :at AND ends_at_utc < :end
          AND deleted_at IS NULL AND is_public = 1
        ORDER BY at
        """,
        {**_at(org_id, start), "end": sortable(end)},
    ).fetchall()
    return [row["at"] for row in rows]


def _at(org_id: str, at: datetime) -> Row:
    return {"org_id": org_id, "at": sortable(at)}
