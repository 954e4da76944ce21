"""The link in a page that acknowledges an incident without an API key (contract §8)."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from incident_service import incidents
from incident_service.caller import Caller
from incident_service.db import Connection
from incident_service.errors import NotFound
from incident_service.store import Row, organizations, secrets, users
from incident_service.store import incidents as rows

GOOD_FOR = timedelta(days=7)

_VERSION = "1"
"""In front, also lest a link begin with a full stop: proxies like to refuse such paths."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)

_WRONG = "This link is not valid. Perhaps only a part of it was copied."
_EXPIRED = "This link has expired: it was good for 7 days."
_GONE = "What this link leads to is no longer there."


@dataclass(frozen=True, slots=True)
class Link:
    """What a link stands for: one user who may acknowledge one incident, for a while."""

    org_id: str
    incident_id: str
    user_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class View:
    """What a link leads to: the incident, the link's user, and who has acknowledged already.

    `acknowledger` is `None` where nobody has, and where it was no user who is still there.
    """

    link: Link
    incident: Row
    user: Row
    acknowledger: Row | None


def signing_key(db: Connection) -> bytes:
    """Return the key that signs links."""
    return secrets.get(db, "acknowledge")


def token(key: bytes, *, org_id: str, incident_id: str, user_id: str, now: datetime) -> str:
    """Return the last part of a link made at `now`: letters, digits, `-`, `_` and `.` alone.

    With ids that the service made it is shorter than 250 characters, so that a text message
    holds it; a long id that a client chose for a user makes it longer.
    """
    expires = (now + GOOD_FOR - _EPOCH) // _MILLISECOND
    signed = _serializer(key).dumps([expires, org_id, uuid.UUID(incident_id).hex, user_id])
    assert isinstance(signed, str)  # what a URL-safe serializer makes
    return _VERSION + signed


def read(key: bytes, token: str, *, now: datetime) -> Link:
    """Return what a token stands for. Raises `NotFound` where it is not ours, or has expired."""
    expires, org_id, incident_id, user_id = _signed_values(key, token)
    expires_at = _EPOCH + expires * _MILLISECOND
    if now >= expires_at:
        raise NotFound(_EXPIRED)
    return Link(org_id, str(uuid.UUID(incident_id)), user_id, expires_at)


def look(db: Connection, token: str, *, now: datetime) -> View:
    """Return what a link leads to, and change nothing.

    Raises `NotFound` where the token is not ours, has expired, or names what is gone.
    """
    link = read(signing_key(db), token, now=now)
    organization = organizations.get(db, link.org_id)
    user = users.get(db, link.org_id, link.user_id)
    incident = rows.get(db, link.org_id, link.incident_id)
    if organization is None or user is None or incident is None:
        raise NotFound(_GONE)
    return _view(db, link, incident, user)


def acknowledge(db: Connection, token: str, *, now: datetime) -> View:
    """Acknowledge the link's incident as its user; raises as `look` does.

    Nothing changes where somebody had, or where it is resolved.
    """
    view = look(db, token, now=now)
    link, role = view.link, view.user["role"]
    caller = Caller(org_id=link.org_id, key_id="", user_id=link.user_id, role=role)
    incidents.acknowledge(db, caller, link.incident_id, now=now)
    return look(db, token, now=now)


def _view(db: Connection, link: Link, incident: Row, user: Row) -> View:
    by = incident["acknowledged_by"]
    return View(link, incident, user, users.get(db, link.org_id, by) if by else None)


def _serializer(key: bytes) -> URLSafeSerializer:
    return URLSafeSerializer(
        key, salt="acknowledge-link", signer_kwargs={"digest_method": hashlib.sha256}
    )


def _signed_values(key: bytes, token: str) -> Any:
    serializer = _serializer(key)
    version, token = token[: len(_VERSION)], token[len(_VERSION) :]
    # The signature's last character has bits that mean nothing; only one spelling is ours.
    payload, _, _ = token.rpartition(".")
    if (
        version != _VERSION
        or not token.isascii()
        or not hmac.compare_digest(
            serializer.make_signer(serializer.salt).sign(payload), token.encode()
        )
    ):
        raise NotFound(_WRONG)
    try:
        return serializer.loads(token)
    except BadData:
        raise NotFound(_WRONG) from None
