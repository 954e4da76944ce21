"""A year of an organization's work, of any size, for what looks back on it.

What is set up is made by the service's own functions. The incidents go in as rows, with the events
of their trails that reports read: 100,000 of them take about a minute.
"""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from incident_service import ids, quickstart
from incident_service.clock import format_instant
from incident_service.database import word_index
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.oncall import layers, overrides, schedules
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.status import components
from tests.helpers.clocks import write_at

SPAN = timedelta(days=364)

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")

TURNS = 6
"""How many people a layer has."""

Row = dict[str, Any]

_INCIDENT = """
    INSERT INTO incidents (
        org_id, id, sequential_id, title, severity, status, owner_id, owner_schedule_id,
        acknowledged_at, acknowledged_by, first_acknowledged_at, first_acknowledged_by, resolved_at,
        is_provisional, created_by, created_at, latest_at, updated_at, public_updated_at)
    VALUES (
        :org_id, :id, :number, :title, :severity, :status, :owner_id, :schedule_id,
        :acknowledged_at, :acknowledged_by, :acknowledged_at, :acknowledged_by, :resolved_at,
        :is_provisional, :owner_id, :opened_at, :opened_at, :opened_at, :opened_at)
"""

_COMPONENT = """
    INSERT INTO incident_components (org_id, incident_id, component_id, ordinal, sequential_id)
    VALUES (:org_id, :id, :component_id, :ordinal, :number)
"""

_EVENT = """
    INSERT INTO audit_events (
        org_id, incident_id, number, id, event, at, actor_id, details, paged_user_id,
        paged_schedule_id)
    VALUES (
        :org_id, :id, :event_number, :event_id, :event, :at, :actor_id, :details, :paged_user_id,
        CASE WHEN :paged_user_id IS NOT NULL THEN :schedule_id END)
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is of everything; of pages, the mean for each incident."""

    incidents: int = 100_000
    people: int = 200
    schedules: int = 20
    components: int = 50
    pages: int = 2


def fill(
    database: FileDatabase, made: quickstart.Provisioned, until: datetime, sizes: Sizes
) -> None:
    """Give the organization, which has no incident yet, the year that ends at `until`.

    It is the same one each time, but for ids.
    """
    year = _Year(made, until, sizes)
    write_at(until - SPAN, database, year.set_up)
    _insert(database.path, year)


class _Year:
    """Makes the year up."""

    def __init__(self, made: quickstart.Provisioned, until: datetime, sizes: Sizes) -> None:
        self.org_id = made.org_id
        self.number = sizes.incidents
        self._sizes = sizes
        self._starts_at = until - SPAN
        self._chance = random.Random(12)
        self._caller = Caller(made.org_id, "year", made.user_id, "org:admin")
        self._people = [made.user_id]
        self._schedules: list[str | None] = [None, made.schedule_id]
        self._components = [made.component_id]

    def set_up(self, db: Connection, *, now: datetime) -> None:
        """Make people, components and schedules with handoffs, and let people stand in."""
        for n in range(1, self._sizes.people):
            user = users.create(
                db,
                org_id=self.org_id,
                email=f"person-{n}@example.com",
                first_name=f"Person {n}",
                role="org:member",
                now=now,
            )
            self._people.append(user["id"])
        for n in range(1, self._sizes.components):
            part = {"name": f"Service {n}"}
            self._components.append(components.create(db, self._caller, part, now=now)["id"])
        for n in range(1, self._sizes.schedules):
            values = {"name": f"Team {n}", "timezone": ZONES[n % len(ZONES)]}
            schedule = schedules.create(db, self._caller, values, now=now)
            self._schedules.append(schedule["id"])
            for position, days in enumerate((1 if n % 4 == 0 else 7, 7)):
                self._layer(db, schedule["id"], f"Layer {position}", days, now)
            self._stand_in(db, schedule["id"], now)

    def _layer(self, db: Connection, schedule_id: str, name: str, days: int, now: datetime) -> None:
        values = {
            "name": name,
            "rotation_type": "daily" if days == 1 else "weekly",
            "rotation_length_days": days,
            "handoff_time": "09:00",
            "effective_from": format_instant(now),
            "participant_ids": self._chance.sample(self._people, min(TURNS, len(self._people))),
        }
        layers.add(db, self._caller, schedule_id, values, now=now)

    def _stand_in(self, db: Connection, schedule_id: str, now: datetime) -> None:
        """Let somebody else be on call for half a day of each month."""
        for month in range(12):
            begins = now + timedelta(days=30 * month + 3, hours=5)
            values = {
                "user_id": self._chance.choice(self._people),
                "starts_at": format_instant(begins),
                "ends_at": format_instant(begins + timedelta(hours=12)),
            }
            overrides.create(db, self._caller, schedule_id, values, now=now)

    def incidents(self) -> Iterator[Row]:
        """Yield every incident, oldest first."""
        chance = self._chance
        for n in range(1, self.number + 1):
            opened = self._starts_at + SPAN * (n - chance.random()) / self.number
            acknowledged = opened + timedelta(seconds=chance.expovariate(1 / 240))
            resolved = opened + timedelta(seconds=chance.expovariate(1 / 3600))
            resolved = max(resolved, acknowledged)
            is_acknowledged, is_resolved = chance.random() < 0.9, chance.random() < 0.98
            person = chance.choice(self._people)
            yield {
                "org_id": self.org_id,
                "id": ids.new_id(),
                "number": n,
                "title": f"Incident {n}",
                "severity": chance.choices(SEVERITIES, (1, 2, 4, 3))[0],
                "status": "resolved" if is_resolved else "investigating",
                "owner_id": person,
                "schedule_id": chance.choice(self._schedules),
                "acknowledged_at": format_instant(acknowledged) if is_acknowledged else None,
                "acknowledged_by": person if is_acknowledged else None,
                "resolved_at": format_instant(resolved) if is_resolved else None,
                "is_provisional": chance.random() < 0.02,
                "opened_at": format_instant(opened),
            }

    def affected(self, incident: Row) -> Iterator[Row]:
        """Yield the one or two components of an incident."""
        number = min(self._chance.randint(1, 2), len(self._components))
        for ordinal, id in enumerate(self._chance.sample(self._components, number)):
            yield {**incident, "component_id": id, "ordinal": ordinal}

    def events(self, incident: Row) -> Iterator[Row]:
        """Yield the pages, each of one message or two, and the acknowledgement."""
        shared = {**incident, "actor_id": None, "at": incident["opened_at"]}
        number = 0
        for layer in range(self._chance.randint(0, 2 * self._sizes.pages)):
            user_id = self._chance.choice(self._people)
            page = {"userId": user_id, "layer": layer, "attempt": 1}
            page = {**page, "contactMethodId": None, "madeAt": incident["opened_at"]}
            for message in range(self._chance.randint(1, 2)):
                number += 1
                counted = None if message else user_id
                yield _event(shared, number, "page_sent", page, paged_user_id=counted)
        if incident["acknowledged_at"]:
            acted = {"at": incident["acknowledged_at"], "actor_id": incident["acknowledged_by"]}
            yield _event({**shared, **acted}, number + 1, "incident_acknowledged", {})


def _event(
    incident: Row, number: int, event: str, details: Row, *, paged_user_id: str | None = None
) -> Row:
    of_event = {"event_number": number, "event_id": ids.new_id(), "event": event}
    paged = {"paged_user_id": paged_user_id, "details": json.dumps(details)}
    return {**incident, **of_event, **paged}


def _insert(path: Path, year: _Year) -> None:
    """Insert the year's incidents with what belongs to them."""
    connection = sqlite3.connect(path)
    word_index.register(connection)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    # It looks whether each row is there, which takes longer than to insert it.
    guard = "audit_events_replaces_nothing"
    (sql,) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (guard,)).fetchone()
    connection.execute(f"DROP TRIGGER {guard}")
    incidents = list(year.incidents())
    connection.executemany(_INCIDENT, incidents)
    for statement, belonging in ((_COMPONENT, year.affected), (_EVENT, year.events)):
        connection.executemany(statement, (row for one in incidents for row in belonging(one)))
    connection.execute(sql)
    connection.execute(
        """
        UPDATE organizations SET last_incident_number = ?,
            last_incident_at = (SELECT max(latest_at) FROM incidents WHERE org_id = ?) WHERE id = ?
        """,
        (year.number, year.org_id, year.org_id),
    )
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    connection.close()
