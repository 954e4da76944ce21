"""A file with organizations in it for a server, and whether it is whole afterwards."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from incident_service import quickstart
from incident_service.database import maintenance
from incident_service.database.file import Database


def provision(database: Path, organizations: int = 1) -> list[quickstart.Provisioned]:
    """Make a database with that many organizations, alike but apart."""
    file = Database(database)
    maintenance.initialise(file)
    made = []
    for _ in range(organizations):
        file.write(lambda db, **_: db.execute("UPDATE organizations SET name = 'Earlier'"))
        made.append(file.write(quickstart.provision))
    file.close()
    return made


def body(made: quickstart.Provisioned, title: str = "Payments fail") -> dict[str, Any]:
    return {
        "title": title,
        "severity": "critical",
        "ownerScheduleId": made.schedule_id,
        "componentIds": [made.component_id],
    }


def assert_whole(database: Path, answered: list[dict[str, Any]]) -> None:
    """Every incident that was answered is there, with all that belongs to it."""
    connection = sqlite3.connect(database)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    rows = connection.execute(
        """
        SELECT i.org_id, i.id, i.sequential_id,
            (SELECT count(*) FROM incident_components c
             WHERE c.org_id = i.org_id AND c.incident_id = i.id),
            (SELECT count(*) FROM status_history h
             WHERE h.org_id = i.org_id AND h.incident_id = i.id),
            (SELECT count(*) FROM audit_events a
             WHERE a.org_id = i.org_id AND a.incident_id = i.id AND event = 'incident_opened')
        FROM incidents i ORDER BY i.org_id, i.sequential_id
        """
    ).fetchall()
    connection.close()
    assert {row[3:] for row in rows} <= {(1, 1, 1)}
    stored = {(row[0], row[1], row[2]) for row in rows}
    assert {(i["orgId"], i["id"], i["sequentialId"]) for i in answered} <= stored
    for org_id in {row[0] for row in rows}:
        numbers = [row[2] for row in rows if row[0] == org_id]
        assert numbers == list(range(1, len(numbers) + 1))
