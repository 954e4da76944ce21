"""Rows of `sessions`: the browsers in which users are signed in to the console."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import ALL, Row, insert_row, one_or_none


def insert(db: Connection, session: Row) -> None:
    """Add a session; `session` has a value for each column."""
    insert_row(db, "sessions", session)


_LIVE = """
    SELECT session.*,
           CASE coalesce(key.role, person.role)
               WHEN 'org:member' THEN 'org:member' ELSE person.role END AS role
    FROM sessions AS session
    JOIN users AS person
      ON person.org_id = session.org_id AND person.id = session.user_id
        AND person.deleted_at IS NULL
    LEFT JOIN api_keys AS key
      ON key.org_id = session.org_id AND key.id = session.api_key_id
    WHERE session.last_used_at > :used_after
      AND key.deleted_at IS NULL AND (key.expires_at_utc IS NULL OR key.expires_at_utc > :now)
    """
"""The sessions that are not over; `used_after` has milliseconds, `now` microseconds.

`role` is the user's or, if a key started the session, the lesser of the user's and the key's.
"""


def live_with_hash(db: Connection, token_hash: str, *, used_after: str, now: str) -> Row | None:
    """Return the session whose token has the hash, with its `role`, unless it is over."""
    return one_or_none(
        db,
        f"{_LIVE} AND session.token_hash = :token_hash",
        {"token_hash": token_hash, "used_after": used_after, "now": now},
    )


def live(db: Connection, org_id: str, id: str, *, used_after: str, now: str) -> Row | None:
    """Return the session, with its `role`, unless it is over."""
    return one_or_none(
        db,
        f"{_LIVE} AND session.org_id = :org_id AND session.id = :id",
        {"org_id": org_id, "id": id, "used_after": used_after, "now": now},
    )


def live_of_user(
    db: Connection, org_id: str, user_id: str, *, used_after: str, now: str
) -> list[Row]:
    """Return the user's sessions that are not over, those used last, first."""
    return db.execute(
        f"""
        {_LIVE} AND session.org_id = :org_id AND session.user_id = :user_id
        ORDER BY session.last_used_at DESC, session.id DESC
        """,
        {"org_id": org_id, "user_id": user_id, "used_after": used_after, "now": now},
    ).fetchall()


def used_before_latest(db: Connection, org_id: str, user_id: str, number: int) -> list[Row]:
    """Return the user's sessions, over or not, but the `number` of them that were used last."""
    return db.execute(
        """
        SELECT * FROM sessions WHERE org_id = :org_id AND user_id = :user_id
        ORDER BY last_used_at DESC, id DESC LIMIT :all OFFSET :number
        """,
        {"org_id": org_id, "user_id": user_id, "number": number, "all": ALL},
    ).fetchall()


def record_use(db: Connection, org_id: str, id: str, *, at: str, outdated_before: str) -> None:
    """Set when the session was last used, if that was before `outdated_before`."""
    db.execute(
        """
        UPDATE sessions SET last_used_at = :at
        WHERE org_id = :org_id AND id = :id AND last_used_at < :outdated_before
        """,
        {"org_id": org_id, "id": id, "at": at, "outdated_before": outdated_before},
    )


def delete(db: Connection, org_id: str, id: str) -> None:
    """Remove the session."""
    db.execute(
        "DELETE FROM sessions WHERE org_id = :org_id AND id = :id", {"org_id": org_id, "id": id}
    )


def delete_of_user(db: Connection, org_id: str, user_id: str) -> list[Row]:
    """Remove all sessions of the user, and return them."""
    return db.execute(
        "DELETE FROM sessions WHERE org_id = :org_id AND user_id = :user_id RETURNING *",
        {"org_id": org_id, "user_id": user_id},
    ).fetchall()


def delete_unused(db: Connection, *, since: str, limit: int) -> int:
    """Remove sessions that were last used by an instant, of everybody's; return how many."""
    removed = db.execute(
        """
        DELETE FROM sessions WHERE (org_id, id) IN (
            SELECT org_id, id FROM sessions WHERE last_used_at <= :since
            ORDER BY last_used_at LIMIT :limit)
        """,
        {"since": since, "limit": limit},
    )
    return removed.rowcount
