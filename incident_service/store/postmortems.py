"""Rows of `postmortem_versions`, which are only added to, and of `postmortem_templates`."""

from __future__ import annotations

import json

from incident_service.database.engine import Connection
from incident_service.store import Row, insert_row, next_number, one_or_none, put_rows

MAX_NUMBER = 2**63 - 1
"""No version has a greater number."""


def insert(db: Connection, version: Row) -> None:
    """Add a version after the others of its incident.

    `version` has a value for each column but `number`; its `author_ids` are a list.
    """
    stored = {**version, "author_ids": json.dumps(version["author_ids"])}
    insert_row(db, "postmortem_versions", stored, number=next_number("postmortem_versions"))


def latest(db: Connection, org_id: str, incident_id: str) -> Row | None:
    """Return the incident's latest version, with `created_at`, when the first was saved."""
    row = one_or_none(
        db,
        """
        SELECT latest.*, first.saved_at AS created_at FROM postmortem_versions AS latest
        JOIN postmortem_versions AS first
          ON first.org_id = latest.org_id AND first.incident_id = latest.incident_id
          AND first.number = 1
        WHERE latest.org_id = :org_id AND latest.incident_id = :incident_id
        ORDER BY latest.number DESC LIMIT 1
        """,
        {"org_id": org_id, "incident_id": incident_id},
    )
    return row and _parsed(row)


def status(db: Connection, org_id: str, incident_id: str) -> str | None:
    """Return the status of the incident's post-mortem, if it has one."""
    row = one_or_none(
        db,
        """
        SELECT status FROM postmortem_versions
        WHERE org_id = :org_id AND incident_id = :incident_id
        ORDER BY number DESC LIMIT 1
        """,
        {"org_id": org_id, "incident_id": incident_id},
    )
    return None if row is None else str(row["status"])


def get(db: Connection, org_id: str, incident_id: str, number: int) -> Row | None:
    """Return one version."""
    row = one_or_none(
        db,
        """
        SELECT * FROM postmortem_versions
        WHERE org_id = :org_id AND incident_id = :incident_id AND number = :number
        """,
        {"org_id": org_id, "incident_id": incident_id, "number": number},
    )
    return row and _parsed(row)


def newest(db: Connection, org_id: str, incident_id: str, *, before: int, limit: int) -> list[Row]:
    """Return the newest versions numbered below `before`, newest first, without their `body`."""
    rows = db.execute(
        """
        SELECT number, id, status, author_ids, saved_by, saved_by_name, saved_at
        FROM postmortem_versions
        WHERE org_id = :org_id AND incident_id = :incident_id AND number < :before
        ORDER BY number DESC LIMIT :limit
        """,
        {"org_id": org_id, "incident_id": incident_id, "before": before, "limit": limit},
    ).fetchall()
    return [_parsed(row) for row in rows]


def template(db: Connection, org_id: str) -> Row | None:
    """Return the organization's own template, if it has one."""
    return one_or_none(
        db, "SELECT * FROM postmortem_templates WHERE org_id = :org_id", {"org_id": org_id}
    )


def put_template(db: Connection, template: Row) -> None:
    """Set the organization's template; `template` has a value for each column."""
    put_rows(db, "postmortem_templates", [template], key=("org_id",))


def delete_template(db: Connection, org_id: str) -> None:
    """Remove the organization's own template."""
    db.execute("DELETE FROM postmortem_templates WHERE org_id = :org_id", {"org_id": org_id})


def _parsed(row: Row) -> Row:
    return {**row, "author_ids": json.loads(row["author_ids"])}
