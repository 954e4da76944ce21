"""Rows of `audit_events`: the trail of what happened to an incident."""

from __future__ import annotations

import json

from incident_service.db import Connection
from incident_service.store import Row


def append(
    db: Connection,
    *,
    org_id: str,
    incident_id: str,
    id: str,
    event: str,
    at: str,
    actor_id: str | None,
    details: Row,
) -> None:
    """Add an event to an incident's trail, in the transaction of what it records."""
    db.execute(
        """
        INSERT INTO audit_events (org_id, incident_id, id, event, at, actor_id, details)
        VALUES (:org_id, :incident_id, :id, :event, :at, :actor_id, :details)
        """,
        {
            "org_id": org_id,
            "incident_id": incident_id,
            "id": id,
            "event": event,
            "at": at,
            "actor_id": actor_id,
            "details": json.dumps(details, ensure_ascii=False),
        },
    )
