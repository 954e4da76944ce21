"""The link that a page carries, by which its user acts on the incident without an API key (§8)."""

from __future__ import annotations

import secrets
import string
from datetime import datetime, timedelta

from incident_service.clock import format_instant
from incident_service.database.file import Connection
from incident_service.store import links

GOOD_FOR = timedelta(days=7)

LENGTH = 22
"""Letters and digits of a token."""

_LETTERS = string.ascii_letters + string.digits


def renew(db: Connection, *, org_id: str, incident_id: str, user_id: str, now: datetime) -> str:
    """Return the token of the user's link to the incident, which is good for 7 days from now.

    22 letters and digits; the user's later pages about the incident carry the same.
    """
    return links.put(
        db,
        {
            "token": "".join(secrets.choice(_LETTERS) for _ in range(LENGTH)),
            "org_id": org_id,
            "incident_id": incident_id,
            "user_id": user_id,
            "expires_at": format_instant(now + GOOD_FOR),
        },
    )
