"""A tool that sends alerts to an organization, at instants of a test's choice."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from incident_service.alerts import intake, integrations
from incident_service.alerts.incoming import IncomingAlert, incoming_alert
from incident_service.database.engine import Connection
from incident_service.paging import firing
from incident_service.people.caller import Caller
from incident_service.store import integrations as rows
from tests.helpers.clocks import write_at
from tests.helpers.rota import START
from tests.helpers.world import World


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def fire(key: str, **values: Any) -> IncomingAlert:
    group = values.pop("group", key)
    return incoming_alert("fire", key, group, **{"title": f"{key} is down", **values})


def resolved(key: str) -> IncomingAlert:
    return incoming_alert("resolve", key, key)


def acknowledge(key: str) -> IncomingAlert:
    return incoming_alert("acknowledge", key, key)


class Tool:
    """An integration of an organization, as it was made."""

    def __init__(self, world: World, org_id: str | None = None, **values: Any) -> None:
        self.world = world
        self.org_id = org_id or world.made.org_id
        self.name = values.pop("name", f"Tool {len(world.rows('SELECT id FROM integrations'))}")
        selectors = values.pop("selectors", [])

        def make(db: Connection, *, now: datetime) -> str:
            given = {"name": self.name, "kind": "generic", **values}
            id: str = integrations.create(db, org_id=self.org_id, values=given, now=now)["id"]
            caller = Caller(self.org_id, "test", None, "org:admin")
            integrations.set_selectors(db, caller, id, selectors, now=now)
            return id

        self.id = write_at(START, world.database, make)

    def row(self) -> dict[str, Any]:
        with self.world.database.read() as db:
            found = rows.get(db, self.org_id, self.id)
        assert found is not None
        return found

    def send(self, seconds: float, *alerts: IncomingAlert) -> list[dict[str, Any]]:
        """Send one delivery."""
        row, instant = self.row(), after(seconds)
        return write_at(instant, self.world.database, intake.take_in, row, alerts)

    def alerts(self) -> list[dict[str, Any]]:
        """Return its alerts, oldest first."""
        sql = "SELECT * FROM alerts WHERE org_id = ? AND integration_id = ? ORDER BY id"
        return self.world.rows(sql, self.org_id, self.id)

    def incidents(self) -> list[dict[str, Any]]:
        """Return the incidents that its alerts opened, oldest first."""
        sql = "SELECT * FROM incidents WHERE org_id = ? AND integration_id = ?"
        return self.world.rows(f"{sql} ORDER BY sequential_id", self.org_id, self.id)


def paged(world: World, seconds: float) -> list[str]:
    """Fire what is due; return who is paged by it, as `user/layer`."""
    before = {row["id"] for row in world.rows("SELECT id FROM deliveries")}
    org_ids = [world.made.org_id]
    while write_at(after(seconds), world.database, firing.fire_due, org_ids, by_email=False):
        pass
    found = world.rows("SELECT * FROM deliveries ORDER BY id")
    return [
        f"{row['user_id']}/{row['layer_position'] or 'owner'}"
        for row in found
        if row["id"] not in before
    ]


def trail(world: World, incident_id: str) -> list[tuple[str, dict[str, Any]]]:
    sql = "SELECT event, details FROM audit_events WHERE incident_id = ? ORDER BY number"
    return [(row["event"], json.loads(row["details"])) for row in world.rows(sql, incident_id)]


def act(world: World, seconds: float, method: str, path: str, **body: Any) -> dict[str, Any]:
    """Make a call as a person, at an instant; return what it answers."""
    real, world.database.clock = world.database.clock, lambda: after(seconds)
    try:
        answer = world.call(method, path, body)
    finally:
        world.database.clock = real
    assert answer.status_code in (200, 201), answer.json
    data: dict[str, Any] = answer.json["data"]
    return data
