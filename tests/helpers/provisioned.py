"""A file with organizations in it for a server, and whether it is whole afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from incident_service import quickstart
from incident_service.config import ServerUrl
from incident_service.database import either
from incident_service.database.file import FileDatabase
from tests.helpers import engines


def provision(database: Path, organizations: int = 1) -> list[quickstart.Provisioned]:
    """Make a database with that many organizations, alike but apart."""
    file = either.open_database(engines.where(database))
    either.initialise(file)
    made = []
    for _ in range(organizations):
        file.write(None, lambda db, **_: db.execute("UPDATE organizations SET name = 'Earlier'"))
        made.append(file.write(None, quickstart.provision))
    file.close()
    return made


def body(made: quickstart.Provisioned, title: str = "Payments fail") -> dict[str, Any]:
    return {
        "title": title,
        "severity": "critical",
        "ownerScheduleId": made.schedule_id,
        "componentIds": [made.component_id],
    }


def assert_whole(database: Path | ServerUrl, answered: list[dict[str, Any]]) -> None:
    """Every incident that was answered is there, with all that belongs to it."""
    where = engines.where(database) if isinstance(database, Path) else database
    opened = either.open_database(where)
    with opened.read() as db:
        if isinstance(opened, FileDatabase):
            assert db.execute("PRAGMA integrity_check").fetchall() == [{"integrity_check": "ok"}]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
        found = db.execute(
            """
            SELECT i.org_id, i.id, i.sequential_id,
                (SELECT count(*) FROM incident_components c
                 WHERE c.org_id = i.org_id AND c.incident_id = i.id) AS components,
                (SELECT count(*) FROM status_history h
                 WHERE h.org_id = i.org_id AND h.incident_id = i.id) AS states,
                (SELECT count(*) FROM audit_events a
                 WHERE a.org_id = i.org_id AND a.incident_id = i.id AND event = 'incident_opened'
                ) AS openings
            FROM incidents i ORDER BY i.org_id, i.sequential_id
            """
        ).fetchall()
    opened.close()
    rows = [tuple(row.values()) for row in found]
    assert {row[3:] for row in rows} <= {(1, 1, 1)}
    stored = {(row[0], row[1], row[2]) for row in rows}
    assert {(i["orgId"], i["id"], i["sequentialId"]) for i in answered} <= stored
    for org_id in {row[0] for row in rows}:
        numbers = [row[2] for row in rows if row[0] == org_id]
        assert numbers == list(range(1, len(numbers) + 1))
