"""A world of its own for each test: a database file, an application and an organization in it."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from shutil import copy, disk_usage

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings

from incident_service import quickstart
from incident_service.app import build_routes, configure
from incident_service.config import Settings, Where
from incident_service.database import maintenance
from incident_service.database import server as server_engine
from incident_service.database.file import FileDatabase
from incident_service.database.server import ServerDatabase
from incident_service.http import page_cache
from incident_service.paging import turns
from incident_service.people import keys, users
from tests.helpers import engines, twice
from tests.helpers.described import DescribedClient
from tests.helpers.provisioned import provision
from tests.helpers.rota import Rota
from tests.helpers.servers import GENEROUS
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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--engine",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help=f"What the service keeps its data in; {engines.VARIABLE} names a PostgreSQL server.",
    )
    parser.addoption(
        "--in-turn",
        action="store_true",
        help="On a server, run a third of the faces' tests, another one each day.",
    )
    parser.addoption(
        "--twice",
        action="store_true",
        help="Run everything that the service writes twice, the first time in vain.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Keep the tests' files in memory where there is room: no commit then waits for a disk."""
    if config.getoption("--twice"):
        twice.install(FileDatabase, ServerDatabase)
    config.addinivalue_line(
        "markers", "sqlite_only(reason): it is about SQLite, or its file; not for other engines"
    )
    config.addinivalue_line(
        "markers", "every_engine: it makes a database without the fixture `app`; for every engine"
    )
    if MEMORY.is_dir() and disk_usage(MEMORY).free > 2**31:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_xdist_auto_num_workers() -> int:
    """Run half as many more tests at once than there are cores: those of `live` wait a lot."""
    wanted = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS")
    return int(wanted) if wanted else len(os.sched_getaffinity(0)) * 3 // 2


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not for the engine: a run on the other one has it."""
    engine = config.getoption("--engine")
    is_in_turn = engine == "postgres" and config.getoption("--in-turn")
    today = date.today()
    chosen: list[pytest.Item] = []
    others: list[pytest.Item] = []
    for item in items:
        runs = engines.is_for(engine, item)
        if is_in_turn and not engines.has_its_turn(item, today):
            runs = False
        (chosen if runs else others).append(item)
    config.hook.pytest_deselected(items=others)
    items[:] = chosen
    if engine == "postgres" and engines.VARIABLE not in os.environ:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"no server: {engines.VARIABLE} is not set"))


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what lasts for the whole run: it takes long to look."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def server(request: pytest.FixtureRequest) -> Iterator[engines.Server | None]:
    """The PostgreSQL server, if the tests run on one."""
    if request.config.getoption("--engine") == "sqlite" or engines.VARIABLE not in os.environ:
        yield None
        return
    process = os.environ.get("PYTEST_XDIST_WORKER", "main")
    url = os.environ.pop(engines.VARIABLE)  # the service takes it for a setting that is misspelt
    engines.current = engines.Server(url, process)
    yield engines.current
    engines.current.close()


@pytest.fixture
def postgres(server: engines.Server | None) -> engines.Server:
    """The server, for a test that is about PostgreSQL alone."""
    assert server is not None
    return server


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
    maintenance.initialise(FileDatabase(path))
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
    server: engines.Server | None,
) -> Iterator[Flask]:
    """The application on a file of its own; an organization is in it if the test has a `world`."""
    where: Where
    is_provisioned = "world" in request.fixturenames
    if server is not None:
        where, made = server.fresh(is_provisioned=is_provisioned)
        monkeypatch.setattr(server_engine, "ServerDatabase", engines.KeptConnections)
    else:
        template, made = (
            request.getfixturevalue("provisioned")
            if is_provisioned
            else (request.getfixturevalue("blank"), None)
        )
        where = tmp_path / "test.db"
        copy(template, where)
    # So that no uptime changes in the middle of a test.
    monkeypatch.setattr(page_cache, "PERIOD", timedelta(days=1))
    # So that no write does less than it may because the machine is slow.
    monkeypatch.setattr(turns, "LONG_WRITE_SECONDS", GENEROUS)
    configure(wired, Settings(database=where, write_timeout=0.3))
    wired.extensions["tests.made"] = made
    yield wired
    if server is None:
        wired.extensions["incident_service.database"].close()


@pytest.fixture
def world(app: Flask) -> World:
    made = app.extensions["tests.made"]
    return World(app, app.extensions["incident_service.database"], app.test_client(), made)


@pytest.fixture
def member(world: World) -> str:
    """The key of a member of the organization."""
    user = world.database.write(
        world.made.org_id,
        users.create,
        org_id=world.made.org_id,
        email="member@example.com",
        id="member",
        role="org:member",
    )
    made = world.database.write(
        world.made.org_id,
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
    return world.database.write(None, quickstart.provision)


@pytest.fixture
def rota(world: World) -> Rota:
    """People who can be reached, in the world's organization."""
    return Rota(world)
