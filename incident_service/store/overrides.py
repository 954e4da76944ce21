"""Rows of `schedule_overrides`. No two of one schedule count for the same instant."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import ALL, Row, insert_row, one_or_none, set_columns


def insert(db: Connection, override: Row) -> None:
    """Add an override; `override` has a value for each column."""
    insert_row(db, "schedule_overrides", override)


def get(db: Connection, org_id: str, schedule_id: str, id: str) -> Row | None:
    """Return the override of that schedule."""
    return one_or_none(
        db,
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND id = :id AND schedule_id = :schedule_id AND past_of IS NULL
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "id": id},
    )


def delete(db: Connection, org_id: str, id: str) -> None:
    """Remove the override."""
    db.execute(
        "DELETE FROM schedule_overrides WHERE org_id = :org_id AND id = :id",
        {"org_id": org_id, "id": id},
    )


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change an override; the keys of `changes` are the columns to set."""
    set_columns(db, "schedule_overrides", changes, org_id=org_id, id=id)


def between(
    db: Connection,
    org_id: str,
    schedule_id: str,
    start_utc: str,
    end_utc: str,
    *,
    limit: int = ALL,
) -> list[Row]:
    """Return the overrides that cover any of `start <= t < end`, in their order in time.

    Instants are given as `clock.sortable` writes them. `limit`: so many at most.
    """
    return db.execute(
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :start AND starts_at_utc < :end AND past_of IS NULL
        ORDER BY ends_at_utc LIMIT :limit
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "start": start_utc, "end": end_utc}
        | {"limit": limit},
    ).fetchall()


def counted_between(
    db: Connection, org_id: str, schedule_id: str, start_utc: str, end_utc: str
) -> list[Row]:
    """Return what `between` does, and what is over of those changed or deleted since."""
    return db.execute(
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :start AND starts_at_utc < :end
        ORDER BY ends_at_utc
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "start": start_utc, "end": end_utc},
    ).fetchall()


def of_all_schedules(db: Connection, org_id: str, start_utc: str, end_utc: str) -> list[Row]:
    """Return what counts of overrides, as `counted_between` does, of each schedule there is."""
    return db.execute(
        """
        SELECT override.schedule_id, override.id, override.past_of, override.user_id,
            override.starts_at_utc, override.ends_at_utc
        FROM schedules AS schedule
        CROSS JOIN schedule_overrides AS override  -- in this order: past overrides are many
          ON override.org_id = schedule.org_id AND override.schedule_id = schedule.id
        WHERE schedule.org_id = :org_id AND schedule.deleted_at IS NULL
          AND override.ends_at_utc > :start AND override.starts_at_utc < :end
        """,
        {"org_id": org_id, "start": start_utc, "end": end_utc},
    ).fetchall()


def first_between(
    db: Connection, org_id: str, schedule_id: str, start_utc: str, end_utc: str, *, but: str
) -> Row | None:
    """Return the first of the overrides that `between` returns, without the one with the id."""
    return one_or_none(
        db,
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :start AND starts_at_utc < :end AND past_of IS NULL AND id <> :but
        ORDER BY ends_at_utc LIMIT 1
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "start": start_utc, "end": end_utc}
        | {"but": but},
    )


def last_past(
    db: Connection, org_id: str, schedule_id: str, start_utc: str, end_utc: str
) -> Row | None:
    """Return what is over of an override changed or deleted since, the last in the window."""
    return one_or_none(
        db,
        """
        SELECT * FROM schedule_overrides
        WHERE org_id = :org_id AND schedule_id = :schedule_id
          AND ends_at_utc > :start AND starts_at_utc < :end AND past_of IS NOT NULL
        ORDER BY ends_at_utc DESC LIMIT 1
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "start": start_utc, "end": end_utc},
    )


def count(db: Connection, org_id: str, schedule_id: str, limit: int) -> int:
    """Return how many overrides the schedule has, counted to the limit."""
    row = one_or_none(
        db,
        """
        SELECT count(*) AS number FROM (
            SELECT 1 FROM schedule_overrides
            WHERE org_id = :org_id AND schedule_id = :schedule_id AND past_of IS NULL
            LIMIT :limit) AS those
        """,
        {"org_id": org_id, "schedule_id": schedule_id, "limit": limit},
    )
    return int(row["number"]) if row else 0
