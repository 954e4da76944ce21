"""Mails links that sign people in to the console, to those who ask for one (contract §11)."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.database.engine import Connection, savepoint
from incident_service.paging.fairness import receiver_of
from incident_service.paging.page import SignInLink
from incident_service.people import sign_in_links
from incident_service.store import Row, deliveries, users
from incident_service.store import sign_in_links as rows

WINDOW = timedelta(minutes=10)

MAX_IN_WINDOW = 2
"""How often links are mailed to one email within `WINDOW`: nobody floods another's mailbox.

Nor keeps them out: who is mailed no link has one that is good for 5 minutes more.
"""

MAX_ORGANIZATIONS = 10
"""How many users one email may stand for; each gets a link of their own."""


def request(db: Connection, email: str, by_email: bool, *, now: datetime) -> None:
    """Mail a link to each user, in any organization, who has the email.

    `by_email`: whether mail can be sent. Nothing tells whether there is such a user: if there is
    none, as much is written, and undone. Beyond `MAX_IN_WINDOW`, nothing happens.
    """
    if not by_email:
        return
    email_key, at = email.lower(), format_instant(now)
    email_hash, since = ids.hash_token(email_key), format_instant(now - WINDOW)
    if rows.requests_since(db, email_hash, since=since, limit=MAX_IN_WINDOW) == MAX_IN_WINDOW:
        return
    rows.insert_request(db, {"id": ids.new_id(), "email_hash": email_hash, "created_at": at})
    found = users.all_with_email(db, email_key, limit=MAX_ORGANIZATIONS)
    for user in found:
        _mail_link(db, user, now)
    if not found:
        _take_as_long(db, now)


def _mail_link(db: Connection, user: Row, now: datetime) -> None:
    link = sign_in_links.create(db, user["org_id"], user["id"], method="mail", now=now)
    mail = {
        "org_id": user["org_id"],
        "id": ids.new_id(),
        "kind": "sign_in",
        "sign_in_link_id": link["id"],
        "receiver": receiver_of(None),
        "created_at": format_instant(now),
    }
    deliveries.insert(db, [mail])


class _Undone(Exception):
    """Ends what was done only for the time that it takes."""


def _take_as_long(db: Connection, now: datetime) -> None:
    """Do for some user what is done for one who is found, and undo it."""
    user = users.any_user(db)
    with suppress(_Undone), savepoint(db):
        if user is not None:
            _mail_link(db, user, now)
            raise _Undone


def message(db: Connection, delivery: Row, link: Row, *, base_url: str) -> SignInLink:
    """Return the mail that a delivery carries; `link` is as `deliveries.about` has it."""
    return SignInLink(
        id=delivery["id"],
        org_id=delivery["org_id"],
        user_email=link["user_email"],
        organization=link["organization_name"],
        url=sign_in_links.url_of(base_url, sign_in_links.token_of(db, link["id"])),
        expires_at=link["expires_at"],
    )
