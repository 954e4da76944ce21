"""The link in a page: its user acts on the incident by it, without an API key (§8)."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta

from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.store import links

GOOD_FOR = timedelta(days=7)

LENGTH = 22
"""Characters of a token: letters and digits."""

_LETTERS = string.ascii_letters + string.digits


User = tuple[str, str, str]
"""An organization, an incident and a user who is paged about it, by their ids."""


def renew(db: Connection, users: Iterable[User], *, now: datetime) -> dict[User, str]:
    """Return the tokens of the users' links to incidents, and let them work for 7 more days.

    All pages to one user about one incident carry the same link.
    """
    return links.put(
        db,
        [
            {
                "token": "".join(secrets.choice(_LETTERS) for _ in range(LENGTH)),
                "org_id": org_id,
                "incident_id": incident_id,
                "user_id": user_id,
                "expires_at": format_instant(now + GOOD_FOR),
            }
            for org_id, incident_id, user_id in dict.fromkeys(users)
        ],
    )
