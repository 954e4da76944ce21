"""Rows of `acknowledge_links`."""

from __future__ import annotations

import json
from collections.abc import Sequence

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_into, one_or_none


def put(db: Connection, links: Sequence[Row]) -> dict[tuple[str, str, str], str]:
    """Add links, or let those of the same incident and user expire later.

    Each of `links` has a value for each column. Return the tokens by organization, incident and
    user.
    """
    if not links:
        return {}
    db.executemany(
        f"""
        {insert_into("acknowledge_links", links[0])}
        ON CONFLICT (org_id, incident_id, user_id) DO UPDATE SET
            expires_at = max(acknowledge_links.expires_at, excluded.expires_at)
        """,
        links,
    )
    rows = db.execute(
        """
        SELECT link.token, link.org_id, link.incident_id, link.user_id
        FROM json_each(:links) AS each CROSS JOIN acknowledge_links AS link
          ON link.org_id = json_extract(each.value, '$.org_id')
            AND link.incident_id = json_extract(each.value, '$.incident_id')
            AND link.user_id = json_extract(each.value, '$.user_id')
        """,
        {"links": json.dumps(links)},
    ).fetchall()
    return {(row["org_id"], row["incident_id"], row["user_id"]): row["token"] for row in rows}


def user_ids(db: Connection, org_id: str, incident_id: str) -> list[str]:
    """Return the users who have a link to the incident, by id: all who were paged for it."""
    rows = db.execute(
        """
        SELECT user_id FROM acknowledge_links
        WHERE org_id = :org_id AND incident_id = :incident_id ORDER BY user_id
        """,
        {"org_id": org_id, "incident_id": incident_id},
    )
    return [row["user_id"] for row in rows]


def get(db: Connection, token: str) -> Row | None:
    """Return the link."""
    return one_or_none(db, "SELECT * FROM acknowledge_links WHERE token = :token", {"token": token})
