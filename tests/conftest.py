"""A world of its own for each test: a database file, an application and an organization in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from incident_service import quickstart
from incident_service.app import build_routes, configure
from incident_service.config import Settings
from incident_service.database.file import Database
from incident_service.people import accounts
from incident_service.web import page_cache
from tests.helpers.described import DescribedClient

# How long an example takes is the machine's affair.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")


@dataclass
class World:
    """An organization with somebody on call, and a client that has its key."""

    app: Flask
    database: Database
    client: Any
    made: quickstart.Provisioned

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return the seed's body; a change to `...` leaves the field out."""
        body = {
            "title": "Payment service elevated error rate",
            "description": "The payment processing service is returning 5xx errors.",
            "severity": "critical",
            "ownerScheduleId": self.made.schedule_id,
            "componentIds": [self.made.component_id],
            **changes,
        }
        return {name: value for name, value in body.items() if value is not ...}

    def post(self, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """Open an incident as the organization's admin."""
        return self.client.post(
            "/v1/incidents",
            data=json.dumps(self.body() if body is None else body),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.made.key}", **(headers or {})},
        )

    def call(
        self, method: str, path: str, body: Any = ..., *, key: str | None = None, **query: str
    ) -> Any:
        """Make a call, as the organization's admin unless another key is given."""
        return self.client.open(
            f"/v1/{path}",
            method=method,
            query_string=query,
            headers={"Authorization": f"Bearer {key or self.made.key}"},
            **({} if body is ... else {"json": body}),
        )

    def make(self, path: str, **fields: Any) -> dict[str, Any]:
        """Create something, and return it."""
        answer = self.call("POST", path, fields)
        assert answer.status_code == 201, answer.json
        made: dict[str, Any] = answer.json["data"]
        return made

    def execute(self, sql: str, *values: Any) -> None:
        """Change rows as no client can."""
        self.database.write(lambda db, **_: db.execute(sql, values))

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        with self.database.read() as db:
            return db.execute(sql, values).fetchall()


@pytest.fixture(scope="session")
def wired() -> Flask:
    """The application's routes: of every test's fixtures they take the longest to make."""
    app = build_routes()
    app.test_client_class = DescribedClient
    return app


@pytest.fixture
def app(wired: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    # So that no uptime changes in the middle of a test.
    monkeypatch.setattr(page_cache, "PERIOD", timedelta(days=1))
    configure(wired, Settings(database=tmp_path / "test.db", write_timeout=0.3))
    return wired


@pytest.fixture
def world(app: Flask) -> World:
    database: Database = app.extensions["incident_service.database"]
    made = database.write(quickstart.provision)
    return World(app, database, app.test_client(), made)


@pytest.fixture
def member(world: World) -> str:
    """The key of a member of the organization."""
    user_id = world.database.write(
        accounts.create_user,
        org_id=world.made.org_id,
        email="member@example.com",
        id="member",
        role="org:member",
    )
    _, key = world.database.write(
        accounts.create_key,
        org_id=world.made.org_id,
        user_id=user_id,
        role="org:member",
        name="member",
    )
    return key


@pytest.fixture
def other_org(world: World) -> quickstart.Provisioned:
    """Another organization with the same things, in the same file."""
    world.execute("UPDATE organizations SET name = 'First'")
    return world.database.write(quickstart.provision)
