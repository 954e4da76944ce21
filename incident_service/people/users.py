"""Users: the people of an organization (contract §6)."""

from __future__ import annotations

from datetime import datetime

from incident_service.clock import format_instant, parse_instant, sortable
from incident_service.database.file import Connection
from incident_service.errors import Conflict, NotFound
from incident_service.people import accounts
from incident_service.people.caller import Caller
from incident_service.store import Row, api_keys, contact_methods
from incident_service.store import users as rows

LISTED_AT_MOST = 20
"""Things that one error message names; it counts the others."""


def display_name(user: Row) -> str:
    """Return what people call the user: first and last name, else the email."""
    names = filter(None, (user["first_name"], user["last_name"]))
    return " ".join(names).strip() or str(user["email"])


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all users, oldest first."""
    return rows.all_by_creation(db, caller.org_id)


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the user. Raises `NotFound`."""
    row = rows.get(db, caller.org_id, id)
    if row is None:
        raise NotFound(f"There is no user {id} in your organization.")
    return row


def create(db: Connection, caller: Caller, values: Row, *, now: datetime) -> Row:
    """Make a user with `email`, `role`, and `id`, `first_name` and `last_name` where given.

    Raises `Conflict` with `id_taken` or `email_taken`.
    """
    id = accounts.create_user(db, org_id=caller.org_id, **values, now=now)
    return get(db, caller, id)


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a user's values.

    Raises `NotFound`, and `Conflict` with `email_taken` or `last_admin`.
    """
    row = get(db, caller, id)
    if not changes:
        return row
    columns = {**changes, "updated_at": format_instant(now)}
    if "email" in changes:
        columns["email_key"] = accounts.free_email_key(
            db, caller.org_id, changes["email"], user_id=id
        )
    if changes.get("role", row["role"]) != "org:admin":
        _refuse_last_admin(db, row)
    rows.update(db, caller.org_id, id, columns)
    return {**row, **columns}


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a user and their contact methods, and revoke their keys; records keep naming them.

    Called by `offboarding`, which hands on their open incidents. Raises `NotFound`, and `Conflict`
    with `user_in_use` or `last_admin`.
    """
    row = get(db, caller, id)
    _refuse_in_use(db, row, now)
    _refuse_last_admin(db, row)
    at = format_instant(now)
    rows.update(db, caller.org_id, id, {"deleted_at": at})
    api_keys.revoke_of_user(db, caller.org_id, id, at=at)
    contact_methods.delete_of_user(db, caller.org_id, id)


def _refuse_in_use(db: Connection, user: Row, now: datetime) -> None:
    """Raise `Conflict` `user_in_use`, and name all that keeps the user from being deleted."""
    uses = _uses(db, user["org_id"], user["id"], now)
    if uses:
        listed = uses[:LISTED_AT_MOST]
        if len(uses) > LISTED_AT_MOST:
            listed.append(f"{len(uses) - LISTED_AT_MOST} more")
        *first, last = listed
        listed_text = f"{', '.join(first)} and {last}" if first else last
        raise Conflict(f"User {user['id']} is on {listed_text}.", code="user_in_use")


def _uses(db: Connection, org_id: str, id: str, now: datetime) -> list[str]:
    """Return the layers, overrides and policies that the user is on, now or later."""
    return [
        *(
            f"layer {layer['name']} of schedule {layer['schedule_name']}"
            for layer in rows.layers_with(db, org_id, id)
            if layer["effective_until"] is None or parse_instant(layer["effective_until"]) > now
        ),
        *(
            f"override {override['id']} of schedule {override['schedule_name']}"
            for override in rows.overrides_with(db, org_id, id, after_utc=sortable(now))
        ),
        *(f"escalation policy {policy['name']}" for policy in rows.policies_with(db, org_id, id)),
    ]


def _refuse_last_admin(db: Connection, user: Row) -> None:
    if user["role"] == "org:admin" and not rows.is_another_admin(db, user["org_id"], user["id"]):
        raise Conflict(f"User {user['id']} is the last admin.", code="last_admin")
