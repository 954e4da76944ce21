"""The names of what acts without being a user: rows of `api_keys` and of `integrations`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection


def names(db: Connection, org_id: str, ids: Sequence[str]) -> dict[str, str]:
    """Return what those keys and integrations are called, or were before they went, by id."""
    rows = db.execute(
        """
        SELECT id, name FROM api_keys
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        UNION ALL
        SELECT id, name FROM integrations
        WHERE org_id = :org_id AND id IN (SELECT value FROM json_each(:ids))
        """,
        {"org_id": org_id, "ids": json.dumps(ids)},
    ).fetchall()
    return {row["id"]: row["name"] for row in rows}
