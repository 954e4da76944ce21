"""A world of its own for each test: a database file, an application and an organization in it."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from shutil import copy, disk_usage

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from incident_service import quickstart
from incident_service.app import build_routes, configure
from incident_service.config import Settings
from incident_service.database import maintenance
from incident_service.database.file import Database
from incident_service.http import page_cache
from incident_service.people import keys, users
from tests.helpers.described import DescribedClient
from tests.helpers.provisioned import provision
from tests.helpers.rota import Rota
from tests.helpers.world import World

# How long an example takes is the machine's affair. A quick run tries the same examples as the last
# one, so that what fails is what was changed; a thorough run tries others each time.
settings.register_profile(
    "quick",
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "thorough", settings.get_profile("quick"), max_examples=2000, derandomize=False
)
settings.load_profile("quick")

# The processes that tests start need not compile the package each on its own.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

MEMORY = Path("/dev/shm")


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' files in memory where there is room: no commit then waits for a disk."""
    if MEMORY.is_dir() and disk_usage(MEMORY).free > 2**31:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_auto_num_workers() -> int:
    """Run half as many more tests at once than there are cores: those of `live` wait a lot."""
    wanted = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(wanted) if wanted else len(os.sched_getaffinity(0)) * 3 // 2


@pytest.fixture(scope="session")
def wired() -> Flask:
    """The application's routes: of every test's fixtures they take the longest to make."""
    app = build_routes()
    app.test_client_class = DescribedClient
    return app


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with nothing in it: a copy of it costs a tenth of one that is made."""
    path = tmp_path_factory.mktemp("blank") / "blank.db"
    maintenance.initialise(Database(path))
    return path


@pytest.fixture(scope="session")
def provisioned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, quickstart.Provisioned]:
    """A database with an organization, and what is in it."""
    path = tmp_path_factory.mktemp("provisioned") / "provisioned.db"
    (made,) = provision(path)
    return path, made


@pytest.fixture
def app(
    wired: Flask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Flask:
    """The application on a file of its own; an organization is in it if the test has a `world`."""
    if "world" in request.fixturenames:
        template, _ = request.getfixturevalue("provisioned")
    else:
        template = request.getfixturevalue("blank")
    # So that no uptime changes in the middle of a test.
    monkeypatch.setattr(page_cache, "PERIOD", timedelta(days=1))
    path = tmp_path / "test.db"
    copy(template, path)
    configure(wired, Settings(database=path, write_timeout=0.3))
    return wired


@pytest.fixture
def world(app: Flask, provisioned: tuple[Path, quickstart.Provisioned]) -> World:
    _, made = provisioned
    return World(app, app.extensions["incident_service.database"], app.test_client(), made)


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
