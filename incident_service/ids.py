"""Identifiers: UUIDv7 for things, others for people and what they belong to; and secret tokens."""

from __future__ import annotations

import hashlib
import os
import re
import secrets

import uuid_utils

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)

# A forked worker would use its parent's random numbers, and make the same ids.
os.register_at_fork(after_in_child=uuid_utils.reseed_rng)


def new_id() -> str:
    """Return a new UUIDv7, lower case; within one process it sorts after all earlier ones."""
    return str(uuid_utils.uuid7())


def new_request_id() -> str:
    """Return a new id of a request: a random UUID, which tells nothing, not even the time."""
    return str(uuid_utils.uuid4())


def new_org_id() -> str:
    """Return a new organization's id, `org_` and 32 hexadecimal digits."""
    return f"org_{uuid_utils.uuid7().hex}"


def new_user_id() -> str:
    """Return a new user's id, `user_` and 32 hexadecimal digits."""
    return f"user_{uuid_utils.uuid7().hex}"


def new_invitation_id() -> str:
    """Return a new invitation's id, `orginv_` and 32 hexadecimal digits."""
    return f"orginv_{uuid_utils.uuid7().hex}"


def new_token() -> str:
    """Return a new token: 32 characters, as long as the routing keys of PagerDuty."""
    return secrets.token_hex(16)


def hash_token(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def canonical_uuid(text: str) -> str:
    """Return the UUID in lower case.

    Raises `ValueError` if the text is not the canonical form: five groups of hexadecimal digits in
    any letter case.
    """
    lowered = text.lower()
    if _UUID.fullmatch(lowered) is None:
        raise ValueError("Not a valid UUID.")
    return lowered
