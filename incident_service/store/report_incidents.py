"""What the report on incidents reads, many incidents in a row: of a year there are many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from incident_service.database.engine import Connection
from incident_service.store import one_or_none


class Cell(NamedTuple):
    """Incidents of one severity and one schedule; its lists are in the same order."""

    severity: str
    schedule_id: str | None
    acknowledge: Sequence[int | None]
    """The milliseconds from the opening to the first acknowledgement."""
    resolve: Sequence[int | None]
    """The milliseconds from the opening to the resolution."""
    numbers: Sequence[int]


def is_more_than(db: Connection, org_id: str, since: str, before: str, limit: int) -> bool:
    """Whether more incidents than `limit` opened in `since <= t < before`."""
    query = """
        SELECT 1 FROM incidents
        WHERE org_id = :org_id AND created_at >= :since AND created_at < :before
        LIMIT 1 OFFSET :limit
        """
    values = {"org_id": org_id, "since": since, "before": before, "limit": limit}
    return one_or_none(db, query, values) is not None


def cells(db: Connection, org_id: str, since: str, before: str) -> Iterator[Cell]:
    """Yield the incidents that opened in `since <= t < before`, but provisional ones."""
    rows = db.execute(
        """
        SELECT severity, owner_schedule_id AS schedule_id,
            json_group_array(acknowledge_ms) AS acknowledge,
            json_group_array(resolve_ms) AS resolve,
            json_group_array(sequential_id) AS numbers
        FROM incidents
        WHERE org_id = :org_id AND created_at >= :since AND created_at < :before
          AND is_provisional = 0
        GROUP BY severity, owner_schedule_id
        """,
        {"org_id": org_id, "since": since, "before": before},
    )
    for row in rows:
        lists = (json.loads(row[name]) for name in ("acknowledge", "resolve", "numbers"))
        yield Cell(row["severity"], row["schedule_id"], *lists)


def affected(
    db: Connection, org_id: str, first: int, last: int
) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield each component's id with the `sequential_id` of every incident that affects it.

    Of the incidents from `first` to `last`; without components that none affects.
    """
    rows = db.execute(
        """
        SELECT component.id, json_group_array(affected.sequential_id) AS numbers
        FROM components AS component
        CROSS JOIN incident_components AS affected  -- in this order: an index has the numbers
          ON affected.org_id = component.org_id AND affected.component_id = component.id
          AND affected.sequential_id BETWEEN :first AND :last
        WHERE component.org_id = :org_id
        GROUP BY component.id
        """,
        {"org_id": org_id, "first": first, "last": last},
    )
    return ((row["id"], json.loads(row["numbers"])) for row in rows)
