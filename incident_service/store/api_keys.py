"""Rows of `api_keys`."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none, set_columns


def insert(db: Connection, key: Row) -> None:
    """Add a key; `key` has a value for each column but `deleted_at`."""
    insert_row(db, "api_keys", key)


_BEARER = """
    SELECT key.org_id, key.id, key.user_id, key.last_used_at,
           CASE person.role WHEN 'org:member' THEN person.role ELSE key.role END AS role,
           coalesce(key.deleted_at, person.deleted_at) AS deleted_at,
           key.expires_at_utc <= :now AS is_expired
    FROM api_keys AS key
    LEFT JOIN users AS person ON person.org_id = key.org_id AND person.id = key.user_id
    """


def bearer_with_hash(db: Connection, key_hash: str, *, now: str) -> Row | None:
    """Return who calls with the key that has this SHA-256, revoked or expired or not.

    `role` is the lesser of the key's and its user's; a deleted user's key counts as revoked. `now`
    has microseconds.
    """
    return one_or_none(
        db, f"{_BEARER} WHERE key.key_hash = :key_hash", {"key_hash": key_hash, "now": now}
    )


def bearer(db: Connection, org_id: str, id: str, *, now: str) -> Row:
    """Return the same for the key that has this id. Rows of keys are never deleted."""
    row: Row = db.execute(
        f"{_BEARER} WHERE key.org_id = :org_id AND key.id = :id",
        {"org_id": org_id, "id": id, "now": now},
    ).fetchone()
    return row


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the key, unless revoked."""
    return one_or_none(
        db,
        "SELECT * FROM api_keys WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    )


def all_by_creation(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's keys, oldest first, without the revoked ones."""
    return db.execute(
        """
        SELECT * FROM api_keys WHERE org_id = :org_id AND deleted_at IS NULL
        ORDER BY created_at, id
        """,
        {"org_id": org_id},
    ).fetchall()


def record_use(db: Connection, org_id: str, id: str, *, at: str, outdated_before: str) -> None:
    """Set when the key was last used, if that was never or before `outdated_before`."""
    db.execute(
        """
        UPDATE api_keys SET last_used_at = :at
        WHERE org_id = :org_id AND id = :id
          AND (last_used_at IS NULL OR last_used_at < :outdated_before)
        """,
        {"org_id": org_id, "id": id, "at": at, "outdated_before": outdated_before},
    )


def revoke(db: Connection, org_id: str, id: str, *, at: str) -> None:
    """Revoke the key."""
    set_columns(db, "api_keys", {"deleted_at": at}, org_id=org_id, id=id)


def revoke_of_user(db: Connection, org_id: str, user_id: str, *, at: str) -> list[Row]:
    """Revoke the keys that act for a user, and return them."""
    return db.execute(
        """
        UPDATE api_keys SET deleted_at = :at
        WHERE org_id = :org_id AND user_id = :user_id AND deleted_at IS NULL
        RETURNING *
        """,
        {"org_id": org_id, "user_id": user_id, "at": at},
    ).fetchall()
