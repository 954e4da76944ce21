"""Users: the people of an organization (contract §6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from incident_service import emails, ids
from incident_service.clock import format_instant, parse_instant, sortable
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, Forbidden, InvalidRequest, NotFound, ValidationFailed
from incident_service.people import organizations
from incident_service.people.caller import Caller, Role
from incident_service.store import (
    ALL,
    Row,
    api_keys,
    calendar_feeds,
    contact_methods,
    notification_rules,
    sessions,
    sign_in_links,
)
from incident_service.store import changes as log
from incident_service.store import users as rows

MAX_USERS = 10_000
"""How many an organization may have, pending invitations included: the list has all of them."""

MAX_ORGANIZATIONS = 10
"""Of how many organizations one person chooses one at most when signing in."""

LISTED_AT_MOST = 20
"""How many uses one error message lists; it counts the others."""


def is_email(text: str) -> bool:
    """Whether the text can be a user's email: one address, as a mail server reads it."""
    return emails.mail_address(text) is not None


def display_name(user: Row) -> str:
    """Return the user's first and last name, or else the email."""
    names = filter(None, (user["first_name"], user["last_name"]))
    return " ".join(names).strip() or str(user["email"])


def get_all(db: Connection, caller: Caller) -> list[Row]:
    """Return all users, oldest first."""
    return rows.all_by_creation(db, caller.org_id)


@dataclass(frozen=True, slots=True)
class Person:
    """A user, as a list of people to choose from shows them."""

    id: str
    name: str
    email: str


def search(db: Connection, caller: Caller, text: str, *, limit: int) -> tuple[list[Person], bool]:
    """Return users by name whose name or email has each word of a text, and whether more do.

    Letter case aside.
    """
    wanted = text.casefold().split()
    ascii_words = [word for word in wanted if word.isascii()]  # SQL folds no other letters
    most = limit + 1 if len(ascii_words) == len(wanted) else ALL
    found = rows.by_name(db, caller.org_id, ascii_words, limit=most)
    people = [Person(row["id"], display_name(row), row["email"]) for row in found]
    fitting = [
        person
        for person in people
        if all(word in f"{person.name} {person.email}".casefold() for word in wanted)
    ]
    return fitting[:limit], len(fitting) > limit


def get(db: Connection, caller: Caller, id: str) -> Row:
    """Return the user. Raises `NotFound`."""
    row = rows.get(db, caller.org_id, id)
    if row is None:
        raise NotFound(f"There is no user {id} in your organization.")
    return row


def everywhere_with_email(db: Connection, email: str) -> list[Row]:
    """Return the users of any organization who have this email, each with `organization_name`.

    Letter case does not matter. It makes some other letters equal to ASCII ones, as the Kelvin
    sign to `k`: these may be somebody else's address, so it then has to be spelt the same.
    """
    found = rows.all_with_email(db, email.lower(), limit=MAX_ORGANIZATIONS)
    return [row for row in found if email.isascii() or row["email"] == email]


def create(
    db: Connection,
    *,
    org_id: str,
    email: str,
    role: Role,
    id: str | None = None,
    first_name: str | None = None,
    last_name: str | None = None,
    actor_id: str | None = None,
    now: datetime,
) -> Row:
    """Make a user and return them; without an id given, they get a new one.

    `actor_id`: who makes them, or `None` for a command. Raises `ValidationFailed` for the id,
    `NotFound` for the organization, and `Conflict` with `id_taken`, `email_taken` or
    `too_many_users` (contract §6).
    """
    if id is not None and ("/" in id or id in (".", "..")):  # no path could name the user
        raise ValidationFailed({"id": ['Must not contain "/", and must not be "." or "..".']})
    organizations.check(db, org_id)
    check_place(db, org_id, now=now)
    if id is not None and rows.id_was_used(db, org_id, id):
        raise Conflict(f"id: {id} is, or was, another user's.", code="id_taken")
    at = format_instant(now)
    user = {
        "org_id": org_id,
        "id": id or ids.new_user_id(),
        "email": email,
        "email_key": free_email_key(db, org_id, email),
        "first_name": first_name,
        "last_name": last_name,
        "role": role,
        "created_at": at,
        "updated_at": at,
    }
    rows.insert(db, user)
    log.record(db, "user", None, user, actor_id=actor_id, now=now)
    return user


def change(db: Connection, caller: Caller, id: str, changes: Row, *, now: datetime) -> Row:
    """Set some of a user's values; members set their own names alone (contract §1).

    Raises `NotFound`, `Forbidden`, and `Conflict` with `email_taken` or `last_admin`.
    """
    row = get(db, caller, id)
    is_own = id == caller.user_id and changes.keys() <= {"first_name", "last_name"}
    if caller.role != "org:admin" and not is_own:
        raise Forbidden("Only admins change the email or the role of a user.")
    if not changes:
        return row
    columns = {**changes, "updated_at": format_instant(now)}
    if "email" in changes:
        columns["email_key"] = free_email_key(db, caller.org_id, changes["email"], user_id=id)
    if changes.get("role", row["role"]) != "org:admin":
        _refuse_last_admin(db, row)
    rows.update(db, caller.org_id, id, columns)
    changed = {**row, **columns}
    log.record(db, "user", row, changed, actor_id=caller.actor_id, now=now)
    return changed


def delete(db: Connection, caller: Caller, id: str, *, now: datetime) -> None:
    """Delete a user with contact methods, rules and feeds; end their sessions, revoke their keys.

    Records keep naming them. Called by `offboarding`, which hands on their open incidents. Raises
    `NotFound`, and `Conflict` with `user_in_use` or `last_admin`.
    """
    row = get(db, caller, id)
    _refuse_in_use(db, row, now)
    _refuse_last_admin(db, row)
    at = format_instant(now)
    rows.update(db, caller.org_id, id, {"deleted_at": at})
    sign_in_links.delete(db, sign_in_links.of_user(db, caller.org_id, id))
    gone: dict[log.ResourceType, list[Row]] = {
        "notification_rules": notification_rules.delete(db, caller.org_id, id),
        "api_key": api_keys.revoke_of_user(db, caller.org_id, id, at=at),
        "session": sessions.delete_of_user(db, caller.org_id, id),
        "contact_method": contact_methods.delete_of_user(db, caller.org_id, id),
        "calendar_feed": calendar_feeds.delete_of_user(db, caller.org_id, id),
        "user": [row],
    }
    for resource_type, things in gone.items():
        for thing in things:
            log.record(db, resource_type, thing, None, actor_id=caller.actor_id, now=now)


def change_role(db: Connection, caller: Caller, id: str, role: Role, *, now: datetime) -> Row:
    """Set the role of another user than the caller's own.

    Raises `NotFound`, `InvalidRequest` `cannot_change_own_role`, and `Conflict` `last_admin`.
    """
    get(db, caller, id)
    if id == caller.user_id:
        raise InvalidRequest(
            f"User {id} is your own: ask another admin to change its role.",
            code="cannot_change_own_role",
        )
    return change(db, caller, id, {"role": role}, now=now)


def check_place(db: Connection, org_id: str, *, now: datetime) -> None:
    """Raise `Conflict` `too_many_users` if users and pending invitations are as many as may be."""
    if rows.is_full(db, org_id, MAX_USERS, at=format_instant(now)):
        raise Conflict(
            f"The organization has {MAX_USERS} users and pending invitations, as many as it may "
            "have.",
            code="too_many_users",
        )


def free_email_key(
    db: Connection,
    org_id: str,
    email: str,
    *,
    user_id: str | None = None,
    field: str = "email",
) -> str:
    """Return the key under which an email is unique; `field` is what the caller calls it.

    Raises `Conflict` `email_taken` if another user than `user_id` has it.
    """
    email_key = email.lower()
    taken_by = rows.with_email(db, org_id, email_key)
    if taken_by is not None and taken_by["id"] != user_id:
        raise Conflict(f"{field}: {email} is another user's.", code="email_taken")
    return email_key


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
