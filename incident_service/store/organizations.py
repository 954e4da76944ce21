"""Rows of `organizations`."""

from __future__ import annotations

from datetime import timedelta

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, one_or_none, set_columns


def insert(db: Connection, *, id: str, name: str, at: str) -> None:
    """Add an organization made at `at`."""
    insert_row(db, "organizations", {"id": id, "name": name, "created_at": at})


def get(db: Connection, id: str) -> Row | None:
    """Return the organization."""
    return one_or_none(db, "SELECT * FROM organizations WHERE id = :id", {"id": id})


def all_by_creation(db: Connection) -> list[Row]:
    """Return all organizations, oldest first."""
    return db.execute("SELECT * FROM organizations ORDER BY id").fetchall()


def take_turn_to_name(db: Connection) -> None:
    """Let nobody else name an organization until this write ends: a name that is free stays free.

    An organization that is to be made has no row to wait for, so they all wait for another one.
    """
    db.execute("UPDATE secrets SET value = value WHERE name = 'console'")


def oldest_named(db: Connection, name: str) -> Row | None:
    """Return the first organization that was given this name."""
    return one_or_none(
        db, "SELECT * FROM organizations WHERE name = :name ORDER BY id LIMIT 1", {"name": name}
    )


def update(db: Connection, id: str, changes: Row) -> None:
    """Change an organization; the keys of `changes` are the columns to set."""
    set_columns(db, "organizations", changes, id=id)


def forget_policy(db: Connection, id: str, policy_id: str) -> list[Row]:
    """Remove the escalation policy from the organization if it is its default.

    Return the organization's `org_id` and `id` then, as of one changed thing.
    """
    return db.execute(
        """
        UPDATE organizations SET default_escalation_policy_id = NULL
        WHERE id = :id AND default_escalation_policy_id = :policy_id
        RETURNING id AS org_id, id
        """,
        {"id": id, "policy_id": policy_id},
    ).fetchall()


def count_incident(db: Connection, id: str, *, at: str) -> Row:
    """Count one more incident.

    Return the organization's `number`, `last_incident_number` and `last_incident_at` as they are
    then: the new incident's number, and the latest instant of any incident.
    """
    row: Row = db.execute(
        """
        UPDATE organizations SET
            last_incident_number = last_incident_number + 1,
            last_incident_at = max(last_incident_at, :at)
        WHERE id = :id RETURNING number, last_incident_number, last_incident_at
        """,
        {"id": id, "at": at},
    ).fetchone()
    return row


def record_clock_skew(db: Connection, id: str, milliseconds: int) -> None:
    """Record how far an incident's instant was behind an earlier one's, if that is the most yet."""
    db.execute(
        """
        UPDATE organizations SET clock_setback_ms = max(clock_setback_ms, :milliseconds)
        WHERE id = :id
        """,
        {"id": id, "milliseconds": milliseconds},
    )


def clock_setback(db: Connection, id: str) -> timedelta:
    """Return the most that an incident's instant was ever behind an earlier one's."""
    row: Row = db.execute(
        "SELECT clock_setback_ms FROM organizations WHERE id = :id", {"id": id}
    ).fetchone()
    return timedelta(milliseconds=row["clock_setback_ms"])
