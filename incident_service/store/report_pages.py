"""Whom pages reached, and who acknowledged incidents first: all of one user in a row."""

from __future__ import annotations

import json
from collections.abc import Iterator

from incident_service.database.engine import Connection


def pages(
    db: Connection, org_id: str, since: str, before: str, *, schedule_id: str | None
) -> Iterator[tuple[str, list[str], list[str | None]]]:
    """Yield each user with the pages sent in `since <= t < before`: when, and of which schedules.

    A schedule is the incident's, null for none. Pages of provisional incidents, and users without a
    page, are left out. `schedule_id`: of its incidents alone.
    """
    rows = db.execute(
        """
        SELECT person.id AS user_id, json_group_array(page.at) AS instants,
            json_group_array(page.paged_schedule_id) AS schedule_ids
        FROM users AS person
        CROSS JOIN audit_events AS page  -- in this order: a user's pages are together in its index
          ON page.org_id = person.org_id AND page.paged_user_id = person.id
          AND page.at >= :since AND page.at < :before
        WHERE person.org_id = :org_id
          AND (page.paged_schedule_id = :schedule_id OR :schedule_id IS NULL)
          AND page.incident_id NOT IN (
              SELECT id FROM incidents WHERE org_id = :org_id AND is_provisional = 1)
        GROUP BY person.id
        """,
        {"org_id": org_id, "since": since, "before": before, "schedule_id": schedule_id},
    )
    return (
        (row["user_id"], json.loads(row["instants"]), json.loads(row["schedule_ids"]))
        for row in rows
    )


def first_acknowledgements(
    db: Connection, org_id: str, since: str, before: str, *, schedule_id: str | None
) -> Iterator[tuple[str, list[int]]]:
    """Yield who acknowledged incidents first, with the milliseconds from each one's opening.

    Of those opened in `since <= t < before` that are not provisional. `schedule_id`: of its
    incidents alone.
    """
    rows = db.execute(
        """
        SELECT first_acknowledged_by AS user_id, json_group_array(acknowledge_ms) AS durations
        FROM incidents
        WHERE org_id = :org_id AND created_at >= :since AND created_at < :before
          AND is_provisional = 0 AND first_acknowledged_by IS NOT NULL
          AND (owner_schedule_id = :schedule_id OR :schedule_id IS NULL)
        GROUP BY first_acknowledged_by
        """,
        {"org_id": org_id, "since": since, "before": before, "schedule_id": schedule_id},
    )
    return ((row["user_id"], json.loads(row["durations"])) for row in rows)
