"""Rows of `calendar_feeds`."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none


def insert(db: Connection, feed: Row) -> None:
    """Add a feed; `feed` has a value for each column."""
    insert_row(db, "calendar_feeds", feed)


def get(db: Connection, org_id: str, user_id: str, id: str) -> Row | None:
    """Return the feed of that user."""
    return one_or_none(
        db,
        """
        SELECT * FROM calendar_feeds
        WHERE org_id = :org_id AND user_id = :user_id AND id = :id
        """,
        {"org_id": org_id, "user_id": user_id, "id": id},
    )


def with_token(db: Connection, token_hash: str) -> Row | None:
    """Return the feed whose token has the hash, in whichever organization."""
    return one_or_none(
        db, "SELECT * FROM calendar_feeds WHERE token_hash = :hash", {"hash": token_hash}
    )


def slice_by_id(db: Connection, org_id: str, user_id: str, *, before: str, limit: int) -> list[Row]:
    """Return the user's feeds whose ids come before one, newest first."""
    return db.execute(
        """
        SELECT * FROM calendar_feeds
        WHERE org_id = :org_id AND user_id = :user_id AND id < :before
        ORDER BY id DESC LIMIT :limit
        """,
        {"org_id": org_id, "user_id": user_id, "before": before, "limit": limit},
    ).fetchall()


def is_full(db: Connection, org_id: str, user_id: str, limit: int) -> bool:
    """Whether the user has `limit` feeds."""
    query = """
        SELECT 1 FROM calendar_feeds WHERE org_id = :org_id AND user_id = :user_id
        LIMIT 1 OFFSET :last
    """
    of_user = {"org_id": org_id, "user_id": user_id, "last": limit - 1}
    return one_or_none(db, query, of_user) is not None


def schedule(db: Connection, org_id: str, id: str) -> Row:
    """Return the schedule that a feed shows, even if it is deleted."""
    row: Row = db.execute(
        "SELECT * FROM schedules WHERE org_id = :org_id AND id = :id", {"org_id": org_id, "id": id}
    ).fetchone()
    return row


def schedules_with(
    db: Connection, org_id: str, user_id: str, after_utc: str, *, limit: int
) -> list[Row]:
    """Return the schedules, by name, that a user is on, or was on after an instant."""
    return db.execute(
        """
        SELECT * FROM schedules
        WHERE org_id = :org_id AND deleted_at IS NULL AND id IN (
            SELECT layer.schedule_id FROM schedule_layer_participants AS participant
            JOIN schedule_layers AS layer
              ON layer.org_id = participant.org_id AND layer.id = participant.layer_id
            WHERE participant.org_id = :org_id AND participant.user_id = :user_id
            UNION ALL
            SELECT schedule_id FROM schedule_overrides
            WHERE org_id = :org_id AND user_id = :user_id AND ends_at_utc > :after
            UNION ALL
            SELECT version.schedule_id FROM schedules AS schedule
            CROSS JOIN schedule_layer_versions AS version  -- in this order: old ones are many
              ON version.org_id = schedule.org_id AND version.schedule_id = schedule.id
            WHERE schedule.org_id = :org_id AND schedule.deleted_at IS NULL
              AND version.valid_until > :after
              AND :user_id IN (SELECT value FROM json_each(version.participant_ids)))
        ORDER BY name LIMIT :limit
        """,
        {"org_id": org_id, "user_id": user_id, "after": after_utc, "limit": limit},
    ).fetchall()


def delete(db: Connection, org_id: str, user_id: str, id: str) -> None:
    """Remove the feed."""
    db.execute(
        "DELETE FROM calendar_feeds WHERE org_id = :org_id AND user_id = :user_id AND id = :id",
        {"org_id": org_id, "user_id": user_id, "id": id},
    )


def delete_of_user(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Remove all feeds of the user, and return them."""
    return db.execute(
        "DELETE FROM calendar_feeds WHERE org_id = :org_id AND user_id = :user_id RETURNING *",
        {"org_id": org_id, "user_id": user_id},
    ).fetchall()
