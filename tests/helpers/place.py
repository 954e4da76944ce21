"""A file with people to page, written to directly, beside the processes that page."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from incident_service import quickstart
from incident_service.clock import format_instant
from incident_service.config import ALLOWED_SCHEMES, Where
from incident_service.database import either
from incident_service.database.engine import Connection
from incident_service.incidents import opening
from incident_service.paging import contact_methods, policies, subscriptions
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.store import deliveries
from tests.helpers import engines

SCHEMES = {"INCIDENT_SERVICE_ALLOWED_NOTIFICATION_SCHEMES": ",".join({*ALLOWED_SCHEMES, "http"})}


class Place:
    """A database with an organization, whose admin a test speaks for."""

    def __init__(self, path: Path, where: Where | None = None) -> None:
        """`where`: the database, if it is another than the tests' engine has for the path."""
        self.path = path
        self.database = either.open_database(where or engines.where(path))
        either.initialise(self.database)
        self.made = self.database.write(None, quickstart.provision)
        self.caller = Caller(self.made.org_id, "test", self.made.user_id, "org:admin")

    def another(self) -> Place:
        """Make another organization in the same file."""
        self.database.write(None, lambda db, **_: db.execute("UPDATE organizations SET name = id"))
        return Place(self.path, self.database.where)

    def user(self, id: str, *urls: str) -> str:
        """Make a user who is reached at these, else by mail."""

        def make(db: Connection, *, now: datetime) -> None:
            email = f"{id}@example.com"
            users.create(
                db,
                org_id=self.made.org_id,
                id=id,
                email=email,
                role="org:member",
                now=now,
            )
            for url in urls:
                method = {"label": "test", "url": url}
                contact_methods.create(db, self.caller, id, method, now=now)

        self.database.write(self.made.org_id, make)
        return id

    def policy(self, *layers: list[str]) -> str:
        """Make a policy of layers that each page users, and wait longer than any test takes."""
        steps = [
            {"escalate_after_seconds": 3600, "target": {"type": "users", "user_ids": user_ids}}
            for user_ids in layers
        ]
        values = {"name": "Page them", "steps": steps}
        made = self.database.write(self.made.org_id, policies.create, self.caller, values)
        id: str = made["id"]
        return id

    def subscribe(self, url: str, *events: str, **values: Any) -> str:
        """Make a subscription; return its id."""
        given = {"label": "test", "url": url, "events": list(events), **values}
        id: str = self.database.write(self.made.org_id, subscriptions.create, self.caller, given)[
            "id"
        ]
        return id

    def open(self, number: int = 1, **values: Any) -> list[str]:
        """Open incidents in one transaction; return their ids."""
        new = opening.NewIncident("Payments fail", "critical", **values)

        def open_all(db: Connection, *, now: datetime) -> list[str]:
            return [
                opening.open_incident(db, self.caller, new, now=now)["id"] for _ in range(number)
            ]

        return self.database.write(self.made.org_id, open_all)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        with self.database.read() as db:
            return db.execute(sql).fetchall()

    def count(self, table: str, where: str = "true") -> int:
        number: int = self.rows(f"SELECT count(*) AS n FROM {table} WHERE {where}")[0]["n"]
        return number

    def let_a_minute_pass(self) -> None:
        """Set what waits for its time back, so that it is due; not what waits for its turn."""

        def set_back(db: Connection, *, now: datetime) -> None:
            at = format_instant(now)
            db.execute("UPDATE incident_timers SET due_at = ? WHERE due_at > ?", (at, at))
            db.execute(
                "UPDATE deliveries SET due_at = ? WHERE due_at > ? AND due_at < ?",
                (at, at, deliveries.PARKED),
            )

        self.database.write(self.made.org_id, set_back)

    def trail(self, id: str) -> list[tuple[str, dict[str, Any]]]:
        found = self.rows(
            f"SELECT event, details FROM audit_events WHERE incident_id = '{id}' ORDER BY number"
        )
        return [(row["event"], json.loads(row["details"])) for row in found]

    def events(self, event: str) -> Counter[str]:
        """Return how often each incident has an event."""
        found = self.rows(f"SELECT incident_id FROM audit_events WHERE event = '{event}'")
        return Counter(row["incident_id"] for row in found)
