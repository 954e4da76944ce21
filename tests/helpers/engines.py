"""Databases for tests on a PostgreSQL server (`--engine=postgres`), each as fresh as a new file.

To clone a database takes longer than most tests. So each process of the tests keeps one, and
between two tests deletes all rows and copies the first ones back, past triggers and keys.
"""

from __future__ import annotations

import os
import sqlite3
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path
from threading import Lock
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit
from zlib import crc32

import psycopg
import pytest
from psycopg.rows import dict_row

from incident_service import quickstart
from incident_service.config import ServerUrl, Settings, Where
from incident_service.database import server_maintenance
from incident_service.database.server import ServerDatabase
from incident_service.database.server_pool import Pool

VARIABLE = "INCIDENT_SERVICE_TEST_POSTGRES"
"""The URL of a server for tests, and of a role on it that may do everything."""

_OF_TEMPLATE = """
    SELECT table_name AS name,
        string_agg(column_name, ', ' ORDER BY ordinal_position)
            FILTER (WHERE is_generated = 'NEVER') AS columns,
        max(column_name) FILTER (WHERE is_identity = 'YES') AS identity
    FROM information_schema.columns
    JOIN information_schema.tables USING (table_schema, table_name)
    WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
    GROUP BY table_name
    """


TOUCHED_BY_OTHERS = (
    "tests/api/test_openapi.py",
    "tests/http/test_base_path.py",
    "tests/http/test_protection.py",
    "tests/live/test_console_pages.py",
    "tests/test_emails.py",
    "tests/web/console/test_forms.py",
    "tests/web/console/test_lane_templates.py",
    "tests/web/console/test_session_cookie.py",
    "tests/web/test_browser.py",
    "tests/web/test_docs.py",
    "tests/web/test_help.py",
)
"""Tests that touch the database only as others do: they are about headers, links and looks."""

FACES = ("tests/api/", "tests/http/", "tests/inbound/", "tests/web/")
"""Tests of what translates the outside world. Of all statements, they alone run one in eleven."""

DAYS = 3
"""In so many days every file of theirs has its turn, if they take turns."""

IntegrityError = (sqlite3.IntegrityError, psycopg.IntegrityError)
"""What the engines raise if a row breaks a rule of the tables."""

current: Server | None = None
"""The server that the tests run on, if they do."""


def is_for(engine: str, item: pytest.Item) -> bool:
    """Whether a test is for the engine.

    All are for SQLite but those that ask for the server. On a server run those that touch a
    database, unless they are about SQLite, or others do the same to it.
    """
    fixtures = getattr(item, "fixturenames", ())
    if engine == "sqlite":
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        return "postgres" not in fixtures and "server" not in parameters.values()
    if item.get_closest_marker("sqlite_only") or item.nodeid.startswith(TOUCHED_BY_OTHERS):
        return False
    touches = "app" in fixtures or "postgres" in fixtures
    return touches or item.get_closest_marker("every_engine") is not None


def has_its_turn(item: pytest.Item, today: date) -> bool:
    """Whether a test runs today on a server, if those of the faces take turns."""
    file = item.nodeid.partition("::")[0]
    return not file.startswith(FACES) or crc32(file.encode()) % DAYS == today.toordinal() % DAYS


def where(path: Path) -> Where:
    """Return where a test keeps its data: the file, or a database on the server in its place."""
    return path if current is None else current.named(path)


def variable(path: Path) -> str:
    """As `where`, for the environment of a process."""
    return Settings(database=where(path)).database_variable


class KeptConnections(ServerDatabase):
    """A database whose connections are used by the next test too, with the plans that they know.

    A new connection knows neither tables nor plans, and to learn them takes longer than most tests.
    """

    _pools: ClassVar[dict[ServerUrl, Pool]] = {}

    def _open_state(self) -> None:
        self._pool = self._pools.setdefault(self.where, Pool(self.connect, self._connections))


class Server:
    """The databases of one process of the tests."""

    def __init__(self, url: str, process: str) -> None:
        self._url = url
        self._prefix = f"test_{process}_{os.getpid()}"
        self._numbers = count(1)
        self._made: list[str] = []
        self._named: dict[Path, ServerUrl] = {}
        self._naming = Lock()
        self._reused: dict[bool, _Reused] = {}

    def fresh(self, *, is_provisioned: bool) -> tuple[ServerUrl, quickstart.Provisioned | None]:
        """Return a database of which nobody uses what it held before, and what is in it."""
        if is_provisioned not in self._reused:
            self._reused[is_provisioned] = _Reused(self.new(), is_provisioned)
        reused = self._reused[is_provisioned]
        reused.restore()
        return reused.url, reused.made

    def new(self) -> ServerUrl:
        """Return a database of its own, with the tables and nothing in them."""
        return self._create(self._template())

    def bare(self, encoding: str = "UTF8") -> ServerUrl:
        """Return a database of its own, with no tables."""
        return self._create("template0", encoding)

    def named(self, path: Path) -> ServerUrl:
        """Return the database in the place of a file, the same each time."""
        with self._naming:  # threads of a test may ask at once
            if path not in self._named:
                self._named[path] = self.new()
            return self._named[path]

    def close(self) -> None:
        """Drop all that was made."""
        with self._connected() as connection:
            for name in self._made:
                connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    @cache  # noqa: B019 (there is one for the whole run)
    def _template(self) -> str:
        url = self._create("template0")
        database = ServerDatabase(url)
        server_maintenance.initialise(database)
        database.close()
        return self._made[-1]

    def _create(self, template: str, encoding: str = "UTF8") -> ServerUrl:
        name = f"{self._prefix}_{next(self._numbers)}"
        with self._connected() as connection:
            # Copying files is the quicker way where nothing is synced.
            connection.execute(
                f"CREATE DATABASE {name} TEMPLATE {template} ENCODING '{encoding}' LOCALE 'C' "
                "STRATEGY file_copy"
            )
        self._made.append(name)
        return ServerUrl(urlunsplit(urlsplit(self._url)._replace(path=f"/{name}")))

    def _connected(self) -> psycopg.Connection[object]:
        return psycopg.connect(self._url, autocommit=True)


class _Reused:
    """A database whose rows are put back as they were at first."""

    def __init__(self, url: ServerUrl, is_provisioned: bool) -> None:
        self.url = url
        self.made: quickstart.Provisioned | None = None
        if is_provisioned:
            database = ServerDatabase(url)
            self.made = database.write(None, quickstart.provision)
            database.close()
        self._connection = psycopg.connect(url.url, autocommit=True, row_factory=dict_row)
        self._connection.execute("SET session_replication_role = replica")  # fires no triggers
        self._keep()

    def restore(self) -> None:
        """Put the rows back as they were at first."""
        self._connection.execute("SELECT kept.restore()")

    def _keep(self) -> None:
        """Copy what the tables hold now aside, and make a function that puts it back.

        A connection plans the statements of a function once.
        """
        run = self._connection.execute
        run("CREATE SCHEMA kept")
        deletes, inserts = [], []
        for table in run(_OF_TEMPLATE).fetchall():
            name, columns = table["name"], table["columns"]
            deletes.append(f"DELETE FROM {name}")
            (number,) = run(f"SELECT count(*) AS n FROM {name}").fetchall()
            if number["n"]:
                run(f"CREATE TABLE kept.{name} AS SELECT {columns} FROM {name}")
                inserts.append(
                    f"INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE "
                    f"SELECT {columns} FROM kept.{name}"
                )
            if table["identity"]:
                next_value = f"coalesce(max({table['identity']}), 0) + 1"
                inserts.append(
                    f"PERFORM setval(pg_get_serial_sequence('{name}', '{table['identity']}'), "
                    f"{next_value}, false) FROM {name}"
                )
        body = "; ".join([*deletes, *inserts])
        run(
            "CREATE FUNCTION kept.restore() RETURNS void LANGUAGE plpgsql "
            f"AS $$ BEGIN {body}; END $$"
        )
