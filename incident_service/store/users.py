"""Rows of `users`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none, set_columns


def insert(db: Connection, user: Row) -> None:
    """Add a user; `user` has a value for each column but `deleted_at`."""
    insert_row(db, "users", user)


def get(db: Connection, org_id: str, id: str) -> Row | None:
    """Return the user, unless deleted."""
    return one_or_none(
        db,
        "SELECT * FROM users WHERE org_id = :org_id AND id = :id AND deleted_at IS NULL",
        {"org_id": org_id, "id": id},
    )


def present(db: Connection, org_id: str, ids: Sequence[str]) -> set[str]:
    """Return those of the ids that belong to users who are not deleted."""
    return {row["id"] for row in with_ids(db, org_id, ids) if row["deleted_at"] is None}


def with_ids(db: Connection, org_id: str, ids: Sequence[str]) -> list[Row]:
    """Return those of the users who are, or were, in the organization."""
    return db.execute(
        """
        SELECT * FROM users
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()


def is_full(db: Connection, org_id: str, limit: int, *, at: str) -> bool:
    """Whether users and invitations that end after an instant are together `limit`."""
    row = one_or_none(
        db,
        """
        SELECT 1 FROM (
            SELECT id FROM users WHERE org_id = :org_id AND deleted_at IS NULL
            UNION ALL
            SELECT id FROM invitations WHERE org_id = :org_id AND expires_at > :at) AS those
        LIMIT 1 OFFSET :last
        """,
        {"org_id": org_id, "at": at, "last": limit - 1},
    )
    return row is not None


def id_was_used(db: Connection, org_id: str, id: str) -> bool:
    """Whether a user of the organization has the id, or had it before being deleted."""
    row = one_or_none(
        db, "SELECT 1 FROM users WHERE org_id = :org_id AND id = :id", {"org_id": org_id, "id": id}
    )
    return row is not None


def with_email(db: Connection, org_id: str, email_key: str) -> Row | None:
    """Return the user who has this email, given with letter case folded."""
    return one_or_none(
        db,
        """
        SELECT * FROM users
        WHERE org_id = :org_id AND email_key = :email_key AND deleted_at IS NULL
        """,
        {"org_id": org_id, "email_key": email_key},
    )


def all_with_email(db: Connection, email_key: str, *, limit: int) -> list[Row]:
    """Return the users of any organization with this email, each with its `organization_name`."""
    return db.execute(
        """
        SELECT person.*, organization.name AS organization_name FROM users AS person
        JOIN organizations AS organization ON organization.id = person.org_id
        WHERE person.email_key = :email_key AND person.deleted_at IS NULL
        ORDER BY organization.name, organization.id LIMIT :limit
        """,
        {"email_key": email_key, "limit": limit},
    ).fetchall()


def any_user(db: Connection) -> Row | None:
    """Return a user of any organization, unless there is none."""
    return one_or_none(
        db, "SELECT * FROM users WHERE email_key > '' AND deleted_at IS NULL LIMIT 1", {}
    )


def all_with_id(db: Connection, id: str, *, limit: int) -> list[Row]:
    """Return the users who have this id, of all organizations, the oldest one's first."""
    return db.execute(
        """
        SELECT person.* FROM organizations AS organization
        CROSS JOIN users AS person ON person.org_id = organization.id AND person.id = :id
        WHERE person.deleted_at IS NULL
        ORDER BY organization.id LIMIT :limit
        """,
        {"id": id, "limit": limit},
    ).fetchall()


def all_by_creation(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's users, oldest first, without the deleted ones."""
    return db.execute(
        """
        SELECT * FROM users WHERE org_id = :org_id AND deleted_at IS NULL
        ORDER BY created_at, id
        """,
        {"org_id": org_id},
    ).fetchall()


def by_name(db: Connection, org_id: str, words: Sequence[str], *, limit: int) -> list[Row]:
    """Return what names the organization's first users by name, without the deleted ones.

    Only those whose name or email has each of the words, which are in ASCII and lower case.
    """
    return db.execute(
        """
        SELECT id, first_name, last_name, email FROM users
        WHERE org_id = :org_id AND deleted_at IS NULL AND NOT EXISTS (
            SELECT 1 FROM json_each(:words)
            WHERE instr(
                lower(coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || email),
                value) = 0)
        ORDER BY lower(trim(coalesce(first_name, '') || ' ' || coalesce(last_name, ''))),
            email_key
        LIMIT :limit
        """,
        {"org_id": org_id, "words": json.dumps(words), "limit": limit},
    ).fetchall()


def admins(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's admins, oldest first, without the deleted ones."""
    return db.execute(
        """
        SELECT * FROM users
        WHERE org_id = :org_id AND role = 'org:admin' AND deleted_at IS NULL
        ORDER BY created_at, id
        """,
        {"org_id": org_id},
    ).fetchall()


def update(db: Connection, org_id: str, id: str, changes: Row) -> None:
    """Change a user; the keys of `changes` are the columns to set."""
    set_columns(db, "users", changes, org_id=org_id, id=id)


def is_another_admin(db: Connection, org_id: str, id: str) -> bool:
    """Whether the organization has another admin than the user."""
    row = one_or_none(
        db,
        """
        SELECT 1 FROM users
        WHERE org_id = :org_id AND id <> :id AND role = 'org:admin' AND deleted_at IS NULL LIMIT 1
        """,
        {"org_id": org_id, "id": id},
    )
    return row is not None


def layers_with(db: Connection, org_id: str, id: str) -> list[Row]:
    """Return the schedules' layers in which the user takes part, each with its `schedule_name`."""
    return db.execute(
        """
        SELECT DISTINCT layer.position, layer.name, layer.effective_until, schedule.id,
            schedule.name AS schedule_name
        FROM schedule_layer_participants AS participant
        JOIN schedule_layers AS layer
          ON layer.org_id = participant.org_id AND layer.id = participant.layer_id
        JOIN schedules AS schedule
          ON schedule.org_id = layer.org_id AND schedule.id = layer.schedule_id
        WHERE participant.org_id = :org_id AND participant.user_id = :id
          AND schedule.deleted_at IS NULL
        ORDER BY schedule.name, layer.position
        """,
        {"org_id": org_id, "id": id},
    ).fetchall()


def overrides_with(db: Connection, org_id: str, id: str, *, after_utc: str) -> list[Row]:
    """Return the user's overrides that end after an instant, each with its `schedule_name`.

    The instant is given with microseconds.
    """
    return db.execute(
        """
        SELECT override.id, schedule.name AS schedule_name FROM schedules AS schedule
        CROSS JOIN schedule_overrides AS override  -- in this order: past overrides are many
          ON override.org_id = schedule.org_id AND override.schedule_id = schedule.id
        WHERE schedule.org_id = :org_id AND schedule.deleted_at IS NULL
          AND override.user_id = :id AND override.ends_at_utc > :after
        ORDER BY schedule.name, override.ends_at_utc
        """,
        {"org_id": org_id, "id": id, "after": after_utc},
    ).fetchall()


def policies_with(db: Connection, org_id: str, id: str) -> list[Row]:
    """Return the escalation policies that name the user directly, by name."""
    return db.execute(
        """
        SELECT DISTINCT policy.id, policy.name FROM escalation_layer_users AS target
        JOIN escalation_layers AS layer
          ON layer.org_id = target.org_id AND layer.id = target.layer_id
        JOIN escalation_policies AS policy
          ON policy.org_id = layer.org_id AND policy.id = layer.policy_id
        WHERE target.org_id = :org_id AND target.user_id = :id AND policy.deleted_at IS NULL
        ORDER BY policy.name
        """,
        {"org_id": org_id, "id": id},
    ).fetchall()
