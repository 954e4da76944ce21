"""A large organization, as a file that the bench of the console asks about.

What is set up is made by the service's own functions, and so is what is open. The incidents that
are over, and the trail of the one with the longest story, go in as rows.
"""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from incident_service import clock, ids, quickstart
from incident_service.alerts import integrations
from incident_service.clock import format_instant
from incident_service.database import maintenance, word_index
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.incidents import lifecycle, opening, responding, updates
from incident_service.incidents.lifecycle import STATUSES
from incident_service.oncall import layers, overrides, schedules
from incident_service.paging import contact_methods, policies
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.status import components, status_pages
from incident_service.store import alerts, audit
from tests.helpers.clocks import write_at

PEOPLE = 500
SCHEDULES = 200
POLICIES = 200
INTEGRATIONS = 20
COMPONENTS = 50
OPEN = 30
AGE = timedelta(days=730)
"""For how long the organization has been at work."""

TURNS = 6
"""How many people a layer has."""

ALERTS = 200
UPDATES = 60
PAGES = 400
RESPONDERS = 8
"""Of the incident with the longest story."""

_FIRST = "Ada Ben Chloé Dmitri Eva Farid Grace Hiro Ines Jan Kofi Lena Mina Noor Olu Pia Quinn Ravi"
_LAST = "Admin Bauer Cohen Dubois Eriksen Fischer García Haddad Ito Jansen Kim Lopez Müller Novak"
_WRONG = ("is slow", "answers with errors", "is down", "loses messages", "fills its disk")

_INCIDENT = """
    INSERT INTO incidents (
        org_id, id, sequential_id, title, description, severity, status, owner_id,
        owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, resolved_at,
        created_by, created_at, latest_at, updated_at, public_updated_at)
    VALUES (
        :org_id, :id, :number, :title, 'Errors above 5 %.', :severity, 'resolved', :owner_id,
        :schedule_id, :policy_id, :opened, :owner_id, :resolved,
        :owner_id, :opened, :opened, :resolved, :resolved)
"""

_COMPONENT = """
    INSERT INTO incident_components (org_id, incident_id, component_id, ordinal, sequential_id)
    SELECT org_id, id, :ids ->> (sequential_id % json_array_length(:ids)), 0, sequential_id
    FROM incidents
"""

_HISTORY = """
    INSERT INTO status_history (
        org_id, incident_id, number, id, status, changed_at, changed_by, resolution_note)
    SELECT
        org_id, incidents.id, step.key + 1, hex(randomblob(16)), step.value,
        CASE step.value WHEN 'resolved' THEN resolved_at ELSE created_at END, owner_id, NULL
    FROM incidents, json_each(:statuses) AS step
"""

_TRAIL = """
    INSERT INTO audit_events (org_id, incident_id, number, id, event, at, actor_id, details)
    SELECT
        org_id, incidents.id, step.key + 1, hex(randomblob(16)), step.value ->> 0,
        created_at, owner_id, step.value -> 1
    FROM incidents, json_each(:events) AS step
"""

_EVENTS = [
    ("incident_opened", {"severity": "high", "componentIds": []}),
    ("page_sent", {"userId": "", "layer": None, "contactMethodId": None, "attempt": 1}),
    ("incident_acknowledged", {}),
    *(
        ("status_changed", {"before": before, "after": after})
        for before, after in itertools.pairwise(STATUSES)
    ),
]
"""What an incident that is over tells."""


@dataclass(frozen=True)
class Large:
    """What is in the file: what its first admin has made, and an incident with a long story."""

    made: quickstart.Provisioned
    number: int


def make(path: Path, incidents: int) -> Large:
    """Make the file, or take the one that is there, and return what is in it."""
    about = path.with_suffix(".json")
    if about.exists():
        known = json.loads(about.read_text())
        return Large(quickstart.Provisioned(**known["made"]), known["number"])
    now = clock.now()
    database = FileDatabase(path)
    maintenance.initialise(database)
    made = write_at(now - AGE, database, quickstart.provision)
    making = _Making(made, now)
    write_at(now - AGE, database, making.set_up)
    connection = sqlite3.connect(path)
    word_index.register(connection)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    making.insert_over(connection, incidents - OPEN)
    connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    connection.close()
    found = Large(made, write_at(now, database, making.open_incidents))
    database.close()
    about.write_text(json.dumps(asdict(found)))
    return found


class _Making:
    """Makes the organization; the same one each time, but for ids and instants."""

    def __init__(self, made: quickstart.Provisioned, now: datetime) -> None:
        self._made = made
        self._now = now
        self._chance = random.Random(11)
        self._caller = Caller(made.org_id, "bench", made.user_id, "org:admin")
        self._people = [made.user_id]
        self._schedules = [made.schedule_id]
        self._policies = [made.policy_id]
        self._components = [made.component_id]
        self._integrations: list[str] = []

    def set_up(self, db: Connection, *, now: datetime) -> None:
        """Make everything but incidents."""
        for n in range(1, PEOPLE):
            self._people.append(self._person(db, n, now))
        for n in range(1, COMPONENTS):
            part = {"name": f"Service {n}", "group_label": f"Group {n % 7}"}
            self._components.append(components.create(db, self._caller, part, now=now)["id"])
        for n in range(1, SCHEDULES):
            self._schedules.append(self._schedule(db, n, now))
        self._layer(db, self._made.schedule_id, "Nights", 1, now)
        for n in range(1, POLICIES):
            self._policies.append(self._policy(db, n, now))
        page = {
            "slug": "bench",
            "title": "Bench",
            "published": True,
            "component_ids": self._components,
        }
        status_pages.create(db, self._caller, page, now=now)
        for n in range(INTEGRATIONS):
            tool = {"name": f"Monitoring {n}", "kind": "generic"}
            found = integrations.create(db, org_id=self._made.org_id, values=tool, now=now)
            self._integrations.append(found["id"])
        # All of it has been at work for long.
        db.execute("UPDATE contact_methods SET works_since = created_at")
        db.execute("UPDATE integrations SET last_received_at = created_at")

    def _person(self, db: Connection, n: int, now: datetime) -> str:
        first, last = self._chance.choice(_FIRST.split()), self._chance.choice(_LAST.split())
        user = users.create(
            db,
            org_id=self._made.org_id,
            email=f"{first}.{last}.{n}@example.com".lower(),
            first_name=first,
            last_name=last,
            role="org:admin" if n % 50 == 0 else "org:member",
            now=now,
        )
        id: str = user["id"]
        way = {"label": "Hook", "url": f"https://hooks.example.com/{n}"}
        contact_methods.create(db, self._caller, id, way, now=now)
        return id

    def _schedule(self, db: Connection, n: int, now: datetime) -> str:
        zone = self._chance.choice(("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo"))
        values = {"name": f"Team {n}", "timezone": zone}
        id: str = schedules.create(db, self._caller, values, now=now)["id"]
        self._layer(db, id, "Day" if n % 3 == 0 else "Week", 1 if n % 3 == 0 else 7, now)
        self._layer(db, id, "Reserve", 7, now)
        if n % 10 == 0:
            begins = self._now + timedelta(days=self._chance.randrange(20))
            stands_in = {
                "user_id": self._chance.choice(self._people),
                "starts_at": format_instant(begins),
                "ends_at": format_instant(begins + timedelta(hours=20)),
            }
            overrides.create(db, self._caller, id, stands_in, now=now)
        return id

    def _layer(self, db: Connection, schedule_id: str, name: str, days: int, now: datetime) -> None:
        values = {
            "name": name,
            "rotation_type": "daily" if days == 1 else "weekly",
            "rotation_length_days": days,
            "handoff_time": "09:00",
            "effective_from": format_instant(now),
            "participant_ids": self._chance.sample(self._people, TURNS),
        }
        layers.add(db, self._caller, schedule_id, values, now=now)

    def _policy(self, db: Connection, n: int, now: datetime) -> str:
        of_users = {"type": "users", "user_ids": self._chance.sample(self._people, 2)}
        targets = (
            {"type": "schedule", "schedule_id": self._schedules[n % len(self._schedules)]},
            {"type": "schedule", "schedule_id": self._chance.choice(self._schedules)},
            of_users,
        )
        steps = [{"escalate_after_seconds": 300, "target": target} for target in targets]
        values = {"name": f"Policy {n}", "steps": steps}
        id: str = policies.create(db, self._caller, values, now=now)["id"]
        return id

    def insert_over(self, connection: sqlite3.Connection, number: int) -> None:
        """Insert so many incidents that are over, with all that belongs to them."""
        connection.executemany(_INCIDENT, self._over(number))
        connection.execute(_COMPONENT, {"ids": json.dumps(self._components)})
        # Each looks whether its row is there, which takes longer than to insert it.
        guards = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name IN (?, ?)",
            ("status_history_replaces_nothing", "audit_events_replaces_nothing"),
        ).fetchall()
        for name, _ in guards:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(_HISTORY, {"statuses": json.dumps(STATUSES)})
        connection.execute(_TRAIL, {"events": json.dumps(_EVENTS)})
        for _, sql in guards:
            connection.execute(sql)
        connection.execute(
            """
            UPDATE organizations SET last_incident_number = ?,
                last_incident_at = (SELECT max(latest_at) FROM incidents) WHERE id = ?
            """,
            (number, self._made.org_id),
        )
        connection.commit()

    def _over(self, number: int) -> Iterator[dict[str, Any]]:
        chance = self._chance
        for n in range(1, number + 1):
            opened = self._now - AGE + AGE * 0.999 * n / number
            yield {
                "org_id": self._made.org_id,
                "id": ids.new_id(),
                "number": n,
                "title": f"Service {n % COMPONENTS} {chance.choice(_WRONG)}, {n}",
                "severity": chance.choices(SEVERITIES, (1, 2, 4, 3))[0],
                "owner_id": chance.choice(self._people),
                "schedule_id": chance.choice(self._schedules),
                "policy_id": chance.choice(self._policies),
                "opened": format_instant(opened),
                "resolved": format_instant(opened + timedelta(hours=1)),
            }

    def open_incidents(self, db: Connection, *, now: datetime) -> int:
        """Open some, the last of which has a long story; return its number."""
        for n in range(OPEN):
            at = now - timedelta(minutes=30 * (OPEN - n))
            new = opening.NewIncident(
                title=f"Service {n} {_WRONG[n % len(_WRONG)]}",
                severity=SEVERITIES[n % len(SEVERITIES)],
                description="Errors above 5 %, see https://grafana.example.com/d/checkout",
                owner_id=self._made.user_id if n % 10 == 0 else None,
                owner_schedule_id=self._schedules[n],
                component_ids=tuple(self._chance.sample(self._components, 2)),
                integration_id=self._integrations[n % INTEGRATIONS] if n % 6 == 5 else None,
                is_provisional=n % 6 == 5,
            )
            incident = opening.open_incident(db, self._caller, new, now=at)
            if n % 2 == 0:
                lifecycle.acknowledge(db, self._caller, incident["id"], now=at)
        self._tell_much(db, incident, now=at)
        number: int = incident["sequential_id"]
        return number

    def _tell_much(self, db: Connection, incident: dict[str, Any], *, now: datetime) -> None:
        id, caller = incident["id"], self._caller
        text = "We have found out more, and tell it here in two lines or so. " * 2
        for n in range(UPDATES):
            update = updates.NewUpdate("internal" if n % 4 else "public", text)
            updates.post(db, caller, id, update, now=now)
        helpers = self._people[1 : 1 + RESPONDERS]
        responding.add_responders(db, caller, id, helpers, by_email=False, now=now)
        at = format_instant(now)
        attached = [self._alert(id, n, at) for n in range(ALERTS)]
        alerts.insert(db, attached)
        for part in range(0, ALERTS, 10):
            told = {"alertIds": [alert["id"] for alert in attached[part : part + 10]]}
            audit.append(db, incident, "alert_attached", told, actor_id=None, at=at)
        for n in range(PAGES):
            page = {
                "userId": self._people[n % PEOPLE],
                "layer": n % 3,
                "contactMethodId": None,
                "attempt": 1,
            }
            audit.append(db, incident, "page_sent", page, actor_id=None, at=at)

    def _alert(self, incident_id: str, n: int, at: str) -> dict[str, Any]:
        return {
            "org_id": self._made.org_id,
            "id": ids.new_id(),
            "integration_id": self._integrations[n % INTEGRATIONS],
            "dedup_key": f"{n}",
            "group_key": "checkout",
            "status": "firing",
            "severity": SEVERITIES[n % len(SEVERITIES)],
            "title": f"Latency above 2 s on host-{n}",
            "description": "The 99th percentile has been above 2 s for ten minutes.",
            "attributes": {"alertname": "Latency", "instance": f"host-{n}", "team": "checkout"},
            "links": [{"text": "Runbook", "href": "https://wiki.example.com/latency"}],
            "component_id": self._components[n % COMPONENTS],
            "incident_id": incident_id,
            "outcome": "incident",
            "count": 3,
            "first_at": at,
            "last_at": at,
            "resolved_at": None,
            "notified_at": None,
            "is_storm": False,
        }
