"""Rows of `schedule_overrides`. No two of one schedule overlap."""

from __future__ import annotations

from incident_service.database.file import Connection
from incident_service.store import Row, insert_row, one_or_none


def insert(db: Connection, override: Row) -> None:
    """Add an override; `override` has a value for each column."""
    insert_row(db, "schedule_overrides", override)


def get(db: Connection, org_id: str, schedule_id: str, id: str) -> Row | None:
    """Return the override of that schedule."""
    return one_or_none(
        db,
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND id = :id AND schedule_id = :schedule_id
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "id": id},
    )


def delete(db: Connection, org_id: str, id: str) -> None:
    """Remove the override."""
    db.execute(
        "DELETE FROM schedule_overrides WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def between(
    db: Connection, org_id: str, schedule_id: str, start_utc: str, end_utc: str
) -> list[Row]:
    """Return the overrides that cover any of `start <= t < end`, in their order in time.

    Instants are given as `clock.sortable` writes them.
    """
    return db.execute(
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :start AND starts_at_utc < :end
        ORDER BY ends_at_utc
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "start": start_utc, "end": end_utc},
    ).fetchall()


def first_between(
    db: Connection, org_id: str, schedule_id: str, start_utc: str, end_utc: str
) -> Row | None:
    """Return the first of the overrides that `between` returns."""
    return one_or_none(
        db,
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :start AND starts_at_utc < :end
        ORDER BY ends_at_utc LIMIT 1
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "start": start_utc, "end": end_utc},
    )


def is_full(db: Connection, org_id: str, schedule_id: str, limit: int) -> bool:
    """Whether the schedule has `limit` overrides."""
    row = one_or_none(
        db,
        """
        SELECT 1 FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id LIMIT 1 OFFSET :last
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "last": limit - 1},
    )
    return row is not None
