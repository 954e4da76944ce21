"""Contact methods: how a user can be reached (contract §8)."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from urllib.parse import urlsplit

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.config import WEBHOOK_SCHEMES
from incident_service.database.engine import Connection
from incident_service.errors import Conflict, NotFound, ValidationFailed
from incident_service.paging import apprise_urls, notification_rules
from incident_service.paging.connections import Networks, names_private_host
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.store import Row, changes
from incident_service.store import contact_methods as rows

MAX_URL_LENGTH = 2000
MAX_OF_USER = 20

_MASK = "***"

_SCHEMES_WITH_A_HOST = WEBHOOK_SCHEMES | {"json", "jsons", "mailto", "mailtos"}


def get_all(db: Connection, caller: Caller, user_id: str) -> list[Row]:
    """Return the user's contact methods, oldest first. Raises `NotFound`."""
    users.get(db, caller, user_id)
    return rows.of_user(db, caller.org_id, user_id)


def find(db: Connection, caller: Caller, user_id: str, id: str) -> Row:
    """Return the user's contact method. Raises `NotFound`."""
    users.get(db, caller, user_id)
    row = rows.get(db, caller.org_id, user_id, id)
    if row is None:
        raise NotFound(f"User {user_id} has no contact method {id}.")
    return row


def create(db: Connection, caller: Caller, user_id: str, values: Row, *, now: datetime) -> Row:
    """Make a contact method with a `label` and a `url` that `check_url` accepts.

    Raises `NotFound`, and `Conflict` `too_many_contact_methods` if the user has `MAX_OF_USER`.
    """
    users.get(db, caller, user_id)
    if len(rows.of_user(db, caller.org_id, user_id)) >= MAX_OF_USER:
        raise Conflict(
            f"{user_id} has {MAX_OF_USER} contact methods, and cannot have more. Delete one first.",
            code="too_many_contact_methods",
        )
    method = {
        **values,
        "org_id": caller.org_id,
        "user_id": user_id,
        "id": ids.new_id(),
        "created_at": format_instant(now),
        "works_since": None,
    }
    rows.insert(db, method)
    changes.record(db, "contact_method", None, _shown(method), actor_id=caller.actor_id, now=now)
    return method


def record_outcome(
    db: Connection, caller: Caller, user_id: str, id: str, delivered: bool, *, now: datetime
) -> None:
    """Record whether a test message arrived by the contact method, if that is still there."""
    at = format_instant(now) if delivered else None
    rows.set_works_since(db, caller.org_id, user_id, id, at)


def delete(
    db: Connection, caller: Caller, user_id: str, id: str, by_email: bool, *, now: datetime
) -> None:
    """Delete a contact method, and take it out of the user's notification rules.

    `by_email`: whether users are paged by email too. Raises `NotFound`, and `InvalidRequest`
    `severity_without_rule` if a severity would be left without any rule.
    """
    method = find(db, caller, user_id, id)
    notification_rules.forget_method(db, caller.org_id, user_id, id, by_email)
    rows.delete(db, caller.org_id, user_id, id)
    changes.record(db, "contact_method", _shown(method), None, actor_id=caller.actor_id, now=now)


def _shown(method: Row) -> Row:
    """Return the contact method with its URL as it may be shown."""
    return {**method, "url": shown_url(method["url"])}


def shown_url(url: str) -> str:
    """Return the URL with everything masked that may be a secret: all but scheme and host.

    The host is masked too if URLs of the scheme need not begin with one, or if a later `@` makes it
    unclear which part is the host.
    """
    scheme = _scheme(url)
    if scheme is None:
        return _MASK
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return f"{scheme}://{_MASK}"
    if scheme not in _SCHEMES_WITH_A_HOST or not host or "@" in url.partition(parts.netloc)[2]:
        return f"{scheme}://{_MASK}"
    return f"{scheme}://[{host}]/{_MASK}" if ":" in host else f"{scheme}://{host}/{_MASK}"


def check_url(url: str, allowed: Collection[str]) -> None:
    """Raise `ValidationFailed` if a page cannot go to the URL, or is not allowed to.

    `allowed`: the accepted schemes, in lower case. The error repeats nothing of the URL but its
    scheme.
    """
    fault = _fault(url, allowed)
    if fault is not None:
        raise ValidationFailed({"url": [fault]})


def check_network(url: str, networks: Networks) -> None:
    """Raise `ValidationFailed` if the URL's host is an address that pages may not go to."""
    if networks == "public" and names_private_host(url):
        raise ValidationFailed({"url": ["Leads to an address that is not public."]})


def _fault(url: str, allowed: Collection[str]) -> str | None:
    if len(url) > MAX_URL_LENGTH:
        return f"Longer than maximum length {MAX_URL_LENGTH}."
    if any(character.isspace() or not character.isprintable() for character in url):
        return "Has white space or a control character; encode it as in %20."
    scheme = _scheme(url)
    if scheme is None:
        return "Not a URL, which begins as in https://."
    if scheme not in allowed:
        return f"URLs with the scheme {scheme} are not allowed here."
    if scheme in WEBHOOK_SCHEMES:
        native = apprise_urls.native_schemes(url)
        if not native:
            known = apprise_urls.host_of_service(url)
            if known is not None:
                return f"Leads to {known}, which takes no other webhook; write it as {known}://."
            return _fault_of_webhook(url)
        if not set(native) & set(allowed):
            return f"A URL of {native[0]}, and URLs with that scheme are not allowed here."
        scheme = native[0]
    try:
        apprise_urls.service(url, connect_timeout=1, read_timeout=1)
        header = apprise_urls.framing_header(url)
    except apprise_urls.Unusable as error:
        return f"Not a URL that Apprise can use for {scheme}: {error}."
    return f"Sets the header {header}, which clients may not set." if header else None


def _fault_of_webhook(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        has_host, _ = bool(parts.hostname), parts.port
        if parts.hostname:
            parts.hostname.encode("idna")
    except ValueError:
        return "Not a URL."
    if not has_host:
        return "Has no host."
    if "@" in parts.netloc:
        return "Has a user or a password before the host."
    return None


def _scheme(url: str) -> str | None:
    match = re.match(r"([a-z0-9]{1,20})://", url, re.ASCII | re.IGNORECASE)
    return match[1].lower() if match else None
