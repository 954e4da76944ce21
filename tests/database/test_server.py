"""The PostgreSQL engine: turns of organizations, what runs again, what is busy."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from incident_service.config import ServerUrl, Settings
from incident_service.database import either, server_errors, server_maintenance
from incident_service.database import server as engine_of_servers
from incident_service.database.engine import Connection, savepoint
from incident_service.database.server import MAX_TRIES, ServerDatabase
from incident_service.errors import (
    Busy,
    Conflict,
    InvalidSetting,
    OtherTool,
    StorageFull,
    UnusableDatabase,
)
from incident_service.people import organizations
from tests.helpers import engines

SECRET = "postgresql://ada:s3cret@127.0.0.1:1/x?sslpassword=s3cret&target_session_attrs=read-write"


@pytest.fixture
def database(postgres: engines.Server) -> Iterator[ServerDatabase]:
    where, _ = postgres.fresh(is_provisioned=False)
    database = ServerDatabase(where, write_timeout=5.0)
    yield database
    database.close()


@pytest.fixture
def orgs(database: ServerDatabase) -> list[str]:
    return sorted(database.write(None, organizations.create, name=name) for name in "abc")


def rename(db: Connection, org_id: str, name: str) -> None:
    db.execute("UPDATE organizations SET name = :name WHERE id = :id", {"id": org_id, "name": name})


def names(database: ServerDatabase) -> set[str]:
    with database.read() as db:
        return {row["name"] for row in db.execute("SELECT name FROM organizations")}


@contextmanager
def held(database: ServerDatabase, org_id: str) -> Iterator[None]:
    """Hold an organization's row, as another machine would."""
    begun, over = threading.Event(), threading.Event()

    def hold(db: Connection, *, now: datetime) -> None:
        begun.set()
        assert over.wait(10)

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(database.write, org_id, hold)
        assert begun.wait(10)
        try:
            yield
        finally:
            over.set()
            future.result()


def test_writes_of_one_organization_take_turns_and_see_the_one_before(
    database: ServerDatabase, orgs: list[str]
) -> None:
    def count(db: Connection, *, now: datetime) -> tuple[int, datetime]:
        query = "SELECT last_incident_number AS n FROM organizations WHERE id = :id"
        number: int = db.execute(query, {"id": orgs[0]}).fetchone()["n"]
        change = "UPDATE organizations SET last_incident_number = :n WHERE id = :id"
        db.execute(change, {"id": orgs[0], "n": number + 1})
        return number, now

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: database.write(orgs[0], count), range(60)))
    assert sorted(number for number, _ in found) == list(range(60))
    instants = [now for _, now in sorted(found)]
    assert instants == sorted(instants)


def test_of_organizations_that_get_one_name_at_once_one_is_made(database: ServerDatabase) -> None:
    def is_made(_: int) -> bool:
        try:
            database.write(None, organizations.create, name="Acme")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(is_made, range(4))) == 1


def test_organizations_do_not_wait_for_each_other(
    database: ServerDatabase, orgs: list[str]
) -> None:
    with held(database, orgs[0]):
        database.write(orgs[1], lambda db, now: rename(db, orgs[1], "other"))
        with pytest.raises(Busy):
            database.write_within(0.05, orgs[0], lambda db, now: None)
    assert "other" in names(database)


def test_rows_of_an_organization_can_be_added_by_who_takes_no_turn(
    database: ServerDatabase, orgs: list[str]
) -> None:
    """A key that refers to its row does not wait for who holds it."""
    insert = "INSERT INTO sign_in_requests (id, email_hash, created_at) VALUES (:id, :hash, :at)"
    values = {"id": "x", "hash": "y" * 64, "at": "2026-01-01T00:00:00.000Z"}
    with held(database, orgs[0]):
        database.write_within(1.0, None, lambda db, now: db.execute(insert, values))


def which(db: Connection, org_ids: list[str], *, now: datetime) -> list[str]:
    return org_ids


def test_some_are_those_that_nobody_else_writes_to(
    database: ServerDatabase, orgs: list[str]
) -> None:
    backwards = orgs[::-1]
    assert database.write_some(backwards, 9, which) == backwards
    assert database.write_some(backwards, 2, which) == backwards[:2]
    assert database.write_some([], 9, which) == []
    with held(database, orgs[1]):
        assert database.write_some(orgs, 9, which) == [orgs[0], orgs[2]]
        assert database.write_some([orgs[1], orgs[0]], 9, which) == [orgs[0]]  # it waited in vain


def test_the_first_of_some_is_waited_for(
    database: ServerDatabase, orgs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it might never be had: there may always be somebody who waits for it."""
    monkeypatch.setattr(engine_of_servers, "FIRST_TURN_SECONDS", 10)
    waiting = """
        SELECT 1 FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'
        """
    with ThreadPoolExecutor(1) as pool:
        with held(database, orgs[1]):
            future = pool.submit(database.write_some, [orgs[1], orgs[0]], 9, which)
            while not future.done():
                with database.read_once() as db:
                    if db.execute(waiting).fetchone():
                        break
        assert future.result() == [orgs[1], orgs[0]]


def test_a_deadlock_runs_the_work_again_even_from_within_a_savepoint(
    database: ServerDatabase, orgs: list[str]
) -> None:
    meet = threading.Barrier(2)
    retries = []
    database.retried = lambda: retries.append(1)

    def crossing(first: str, second: str) -> Callable[..., None]:
        runs = []

        def work(db: Connection, *, now: datetime) -> None:
            rename(db, first, "crossed")
            runs.append(1)
            if len(runs) == 1:
                meet.wait(10)
            try:
                with savepoint(db):
                    rename(db, second, "crossed")
            except Exception:
                if not db.in_transaction:
                    raise

        return work

    with ThreadPoolExecutor(2) as pool:
        futures = [
            pool.submit(database.write, None, crossing(*pair))
            for pair in ((orgs[0], orgs[1]), (orgs[1], orgs[0]))
        ]
        for future in futures:
            future.result()
    assert len(retries) == 1
    assert names(database) == {"crossed", "c"}


def test_work_that_finds_a_key_taken_runs_once_more(
    database: ServerDatabase, orgs: list[str]
) -> None:
    runs = []

    def insert_twice(db: Connection, *, now: datetime) -> None:
        runs.append(1)
        db.execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (:id, 'x', :at)",
            {"id": orgs[0], "at": "2026-01-01T00:00:00.000Z"},
        )

    with pytest.raises(psycopg.errors.UniqueViolation):
        database.write(None, insert_twice)
    assert len(runs) == 2


def test_work_that_is_always_in_others_way_is_busy_in_the_end(
    database: ServerDatabase, orgs: list[str]
) -> None:
    runs = []

    def clash(db: Connection, *, now: datetime) -> None:
        runs.append(1)
        db.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")

    with pytest.raises(Busy):
        database.write(orgs[0], clash)
    assert len(runs) == MAX_TRIES


def test_work_that_goes_on_after_a_failed_statement_is_not_taken_for_done(
    database: ServerDatabase, orgs: list[str]
) -> None:
    def careless(db: Connection, *, now: datetime) -> None:
        rename(db, orgs[0], "lost")
        with pytest.raises(psycopg.Error):
            db.execute("SELECT 1 / 0")

    with pytest.raises(RuntimeError, match="undone"):
        database.write(orgs[0], careless)
    assert "lost" not in names(database)


def test_connections_that_the_server_ended_are_replaced(
    database: ServerDatabase, orgs: list[str]
) -> None:
    def end_all() -> None:
        with psycopg.connect(database.where.url, autocommit=True) as another:
            another.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND application_name = 'incident-service'"
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: names(database), range(8)))
    end_all()
    assert database.write(orgs[0], lambda db, now: "done") == "done"
    with database.read_once() as db:
        assert db.execute("SELECT 1 AS one").fetchone() == {"one": 1}

    def cut_off(db: Connection, *, now: datetime) -> None:
        rename(db, orgs[0], "cut off")
        end_all()
        rename(db, orgs[0], "cut off again")

    with pytest.raises(Busy):
        database.write(orgs[0], cut_off)
    assert names(database) == {"a", "b", "c"}


def test_who_is_cut_off_at_the_commit_is_told_that_nobody_knows(
    database: ServerDatabase, orgs: list[str]
) -> None:
    def cut_off_at_the_end(db: Connection, *, now: datetime) -> None:
        row = db.execute("SELECT pg_backend_pid() AS pid").fetchone()
        db.executemany("UPDATE organizations SET name = :name", [{"name": "cut off"}])
        with psycopg.connect(database.where.url, autocommit=True) as another:
            another.execute("SELECT pg_terminate_backend(%s, 5000)", (row["pid"],))

    with pytest.raises(Busy, match="before it said whether"):
        database.write(orgs[0], cut_off_at_the_end)
    assert names(database) == {"a", "b", "c"}


def test_a_machine_that_says_nothing_more_does_not_keep_its_turn(
    database: ServerDatabase, orgs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_of_servers, "SILENT_SECONDS", 0.2)
    silent = ServerDatabase(database.where)

    def vanish(db: Connection, *, now: datetime) -> None:
        rename(db, orgs[0], "vanished")
        # Meanwhile somebody else has the turn.
        database.write(orgs[0], lambda db, **_: rename(db, orgs[0], "another"))
        rename(db, orgs[0], "back")

    with pytest.raises(Busy):
        silent.write(orgs[0], vanish)
    assert "another" in names(database)
    silent.write(orgs[0], lambda db, **_: rename(db, orgs[0], "well again"))
    assert "well again" in names(database)
    silent.close()


def test_the_version_changes_with_every_write(database: ServerDatabase, orgs: list[str]) -> None:
    seen = [database.version()]
    for name in "xyz":
        database.write(orgs[0], lambda db, now, name=name: rename(db, orgs[0], name))
        seen.append(database.version())
    assert len(set(seen)) == 4


def test_a_forked_process_makes_connections_of_its_own(
    database: ServerDatabase, orgs: list[str]
) -> None:
    names(database)
    child = os.fork()
    if not child:
        try:
            database.write(orgs[0], lambda db, now: rename(db, orgs[0], "child"))
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert names(database) == {"child", "b", "c"}


def test_any_number_of_processes_may_make_the_tables(postgres: engines.Server) -> None:
    where = postgres.new()
    with psycopg.connect(where.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: server_maintenance.initialise(ServerDatabase(where)), range(4)))
    database = ServerDatabase(where)
    assert either.upgrade(database) is None
    database.check()
    with psycopg.connect(where.url, autocommit=True) as connection:
        connection.execute("UPDATE schema_version SET number = 7")
    for use in (database.check, lambda: server_maintenance.initialise(database)):
        with pytest.raises(UnusableDatabase, match="init-db"):
            use()
    with psycopg.connect(where.url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE x ()")
    with pytest.raises(UnusableDatabase, match="not those of incident-service"):
        server_maintenance.initialise(database)
    database.close()


def test_a_server_that_is_not_there_is_busy_and_no_secret_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    database = ServerDatabase(ServerUrl(SECRET))
    with pytest.raises(Busy) as refused:
        server_maintenance.initialise(database)
    with pytest.raises(Busy) as busy:
        database.write("org_x", lambda db, now: None)
    assert "127.0.0.1:1" in refused.value.message and "127.0.0.1" not in busy.value.message
    told = f"{refused.value.message}{busy.value.message}{caplog.text}{database.where!r}"
    assert "s3cret" not in told + repr(Settings(database=database.where))
    assert str(database.where) == "postgresql://ada@127.0.0.1:1/x?target_session_attrs=read-write"


def test_a_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidSetting) as refused:
        either.open_database(ServerUrl("postgresql://ada:s3cret@[x/y"))
    assert "INCIDENT_SERVICE_DATABASE" in refused.value.message
    assert "s3cret" not in refused.value.message


def test_what_a_server_has_tools_for_names_them(tmp_path: Any) -> None:
    database = ServerDatabase(ServerUrl(SECRET))
    with pytest.raises(OtherTool, match="pg_dump"):
        either.backup(database, tmp_path / "copy")
    with pytest.raises(OtherTool, match="VACUUM FULL"):
        either.compact(database)


def test_what_is_wrong_with_a_row_shows_within_its_savepoint(
    database: ServerDatabase, orgs: list[str]
) -> None:
    def work(db: Connection, *, now: datetime) -> None:
        with pytest.raises(psycopg.errors.CheckViolation), savepoint(db):
            db.executemany("UPDATE organizations SET name = :name", [{"name": "z"}, {"name": ""}])
        rename(db, orgs[0], "mended")

    database.write(orgs[0], work)
    assert names(database) == {"mended", "b", "c"}


def test_what_is_wrong_with_the_last_row_undoes_all(
    database: ServerDatabase, orgs: list[str]
) -> None:
    def work(db: Connection, *, now: datetime) -> None:
        rename(db, orgs[0], "lost")
        db.executemany("UPDATE organizations SET name = :name", [{"name": ""}])

    with pytest.raises(psycopg.errors.CheckViolation):
        database.write(orgs[0], work)
    assert names(database) == {"a", "b", "c"}


def told(url: ServerUrl, query: str) -> None:
    """Run a statement as an administrator may at any time."""
    options = "-c default_transaction_read_only=off"
    with psycopg.connect(url.url, autocommit=True, options=options) as connection:
        connection.execute(query.encode())


def of_database(database: ServerDatabase, setting: str) -> None:
    """Change a default of the database, for connections to come."""
    name = urlsplit(database.where.url).path.strip("/")
    told(database.where, f"ALTER DATABASE {name} SET {setting}")


def test_text_is_utf_8_whatever_the_server_says(postgres: engines.Server) -> None:
    database = ServerDatabase(postgres.new())
    of_database(database, "client_encoding = 'LATIN1'")
    with database.read_once() as db:
        assert db.execute("SELECT :text AS text", {"text": "é€"}).fetchone() == {"text": "é€"}
    database.close()


def test_a_database_of_another_encoding_is_refused(postgres: engines.Server) -> None:
    where = postgres.bare(encoding="LATIN1")
    with pytest.raises(UnusableDatabase, match="not UTF8"):
        server_maintenance.initialise(ServerDatabase(where))


def test_the_warnings_at_a_commit_are_heard_whatever_the_server_says(
    postgres: engines.Server,
) -> None:
    """One of them says that a standby may not have it."""
    database = ServerDatabase(postgres.new())
    for level in ("error", "debug5"):
        of_database(database, f"client_min_messages = '{level}'")
        with database.read_once() as db:
            (row,) = db.execute("SHOW client_min_messages")
        assert row == {"client_min_messages": "warning"}
        database.close()


def test_a_server_that_cannot_be_written_to_is_busy_until_it_can(postgres: engines.Server) -> None:
    database = ServerDatabase(postgres.new())
    of_database(database, "default_transaction_read_only = on")
    with pytest.raises(Busy):
        database.write(None, organizations.create, name="a")
    of_database(database, "default_transaction_read_only = off")
    database.write(None, organizations.create, name="a")
    assert names(database) == {"a"}
    database.close()


@pytest.mark.parametrize(
    "change", ["DEALLOCATE ALL", "ALTER TABLE organizations ADD COLUMN later BIGINT"]
)
def test_what_the_server_no_longer_knows_as_prepared_is_prepared_anew(
    postgres: engines.Server, change: str
) -> None:
    database = ServerDatabase(postgres.new(), connections=1)

    def look(db: Connection, *, now: datetime) -> list[Any]:
        return db.execute("SELECT * FROM organizations").fetchall()

    for _ in range(2):
        assert database.write(None, look) == []
    if change.startswith("ALTER"):
        told(database.where, change)
    else:
        with database.read_once() as db:
            db.execute(change)
    assert database.write(None, look) == []
    with database.read() as db:
        assert db.execute("SELECT * FROM organizations").fetchall() == []
    database.close()


def test_a_write_does_not_wait_for_the_tables_version_without_end(
    database: ServerDatabase, orgs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_of_servers, "LATE_SECONDS", 0.1)
    with psycopg.connect(database.where.url) as another:
        another.execute("LOCK TABLE schema_version IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Busy):
            database.write_within(0.1, orgs[0], lambda db, now: None)
    assert database.write(orgs[0], lambda db, now: "done") == "done"


def test_a_full_disk_is_not_the_fault_of_one_part() -> None:
    error = psycopg.errors.DiskFull()
    assert server_errors.ends_transaction(error)
    assert isinstance(server_errors.translate(error), StorageFull)
