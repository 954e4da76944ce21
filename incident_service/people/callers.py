"""Asks what let a caller in, a key or a session, whether it still does (contract §1 and §11)."""

from __future__ import annotations

from datetime import datetime

from incident_service.database.engine import Connection
from incident_service.people import keys, sessions
from incident_service.people.caller import Caller


def authenticate_again(db: Connection, caller: Caller, *, now: datetime) -> Caller:
    """Return the caller with the role of this moment: what changed in between counts at once.

    Raises `NotAuthorized` if the key was revoked or has expired, or the session has ended.
    """
    if caller.is_session:
        return sessions.authenticate_again(db, caller, now=now)
    return keys.authenticate_again(db, caller, now=now)
