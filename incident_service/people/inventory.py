"""What there is of organizations, users and keys, for commands (contract §9)."""

from __future__ import annotations

from incident_service.database.engine import Connection
from incident_service.people import organizations
from incident_service.store import Row, api_keys, users
from incident_service.store import organizations as organization_rows

MAX_FOUND = 10
"""How many users a search finds at most."""


def all_organizations(db: Connection) -> list[Row]:
    """Return all organizations, oldest first."""
    return organization_rows.all_by_creation(db)


def all_users(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's users, oldest first. Raises `NotFound` for the organization."""
    organizations.check(db, org_id)
    return users.all_by_creation(db, org_id)


def all_keys(db: Connection, org_id: str) -> list[Row]:
    """Return the organization's keys, oldest first. Raises `NotFound` for the organization."""
    organizations.check(db, org_id)
    return api_keys.all_by_creation(db, org_id)


def find_users(db: Connection, name: str, org_id: str | None) -> list[Row]:
    """Return the users whose id this is or, if there are none, whose email; at most `MAX_FOUND`.

    `org_id`: where to look; `None` is everywhere. Raises `NotFound` for the organization.
    """
    email_key = name.lower()
    if org_id is None:
        return users.all_with_id(db, name, limit=MAX_FOUND) or users.all_with_email(
            db, email_key, limit=MAX_FOUND
        )
    organizations.check(db, org_id)
    found = users.get(db, org_id, name) or users.with_email(db, org_id, email_key)
    return [found] if found else []
