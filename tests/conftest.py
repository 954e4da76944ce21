"""A world of its own for each test: a database file, an application and an organization in it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from incident_service import quickstart
from incident_service.app import build_routes, configure
from incident_service.config import Settings
from incident_service.database.file import Database
from incident_service.people import keys, users
from incident_service.web import page_cache
from tests.helpers.described import DescribedClient
from tests.helpers.rota import Rota
from tests.helpers.world import World

# How long an example takes is the machine's affair.
settings.register_profile("anywhere", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")


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
    user = world.database.write(
        users.create,
        org_id=world.made.org_id,
        email="member@example.com",
        id="member",
        role="org:member",
    )
    made = world.database.write(
        keys.create,
        org_id=world.made.org_id,
        user_id=user["id"],
        role="org:member",
        name="member",
    )
    return str(made["key"])


@pytest.fixture
def other_org(world: World) -> quickstart.Provisioned:
    """Another organization with the same things, in the same file."""
    world.execute("UPDATE organizations SET name = 'First'")
    return world.database.write(quickstart.provision)


@pytest.fixture
def rota(world: World) -> Rota:
    """People who can be reached, in the world's organization."""
    return Rota(world)
