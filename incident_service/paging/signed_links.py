"""Acknowledge links in their earlier form, `/ack/{token}`: signed, not kept.

The service no longer makes them, but a page that was sent before an upgrade may carry one.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadData, URLSafeSerializer

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.store import Row, secrets

VERSION = "1"
"""The first character of every token."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def signing_key(db: Connection) -> bytes:
    """Return the key that signs links."""
    return secrets.get(db, "acknowledge")


def serializer(key: bytes) -> URLSafeSerializer:
    """Return what signs a link's values: when it expires, organization, incident and user."""
    return URLSafeSerializer(
        key, salt="acknowledge-link", signer_kwargs={"digest_method": hashlib.sha256}
    )


def read(key: bytes, token: str) -> Row | None:
    """Return the `org_id`, `incident_id`, `user_id` and `expires_at` of a token.

    `None` if the key did not sign it.
    """
    values = _signed_values(key, token)
    if values is None:
        return None
    expires, org_id, incident_id, user_id = values
    return {
        "org_id": org_id,
        "incident_id": str(uuid.UUID(incident_id)),
        "user_id": user_id,
        "expires_at": format_instant(_EPOCH + expires * _MILLISECOND),
    }


def _signed_values(key: bytes, token: str) -> Any:
    signer = serializer(key)
    version, token = token[: len(VERSION)], token[len(VERSION) :]
    # The signature's last character has bits that mean nothing: only one spelling is accepted.
    payload, _, _ = token.rpartition(".")
    if (
        version != VERSION
        or not token.isascii()
        or not hmac.compare_digest(signer.make_signer(signer.salt).sign(payload), token.encode())
    ):
        return None
    try:
        return signer.loads(token)
    except BadData:
        return None
