"""The database file: isolation, history, locks, making it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sqlite3
import stat
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from incident_service.config import Settings
from incident_service.database import maintenance
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.database.writelock import WriteLock
from incident_service.errors import Busy, UnusableDatabase
from tests.helpers.another_app import client_with
from tests.helpers.world import World

pytestmark = pytest.mark.sqlite_only("the file and its writer")


@pytest.mark.parametrize("table", ["audit_events", "status_history"])
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM {}",
        "UPDATE {} SET id = 'x'",
        "INSERT OR REPLACE INTO {0} ({1}) SELECT {1} FROM {0}",
    ],
)
def test_history_cannot_be_changed_by_any_connection(
    world: World, table: str, statement: str
) -> None:
    world.post()
    stranger = sqlite3.connect(world.file.path)
    columns = ", ".join(row["name"] for row in world.rows(f"PRAGMA table_info({table})"))
    with pytest.raises(sqlite3.IntegrityError, match=f"{table} is append-only"):
        stranger.execute(statement.format(table, columns))
    stranger.close()


def test_a_row_cannot_point_into_another_organization(world: World) -> None:
    incident = world.post().json["data"]

    def write(db: Connection, **_: Any) -> None:
        db.execute("INSERT INTO organizations (id, name, created_at) VALUES ('org_2', 'x', '')")
        db.execute(
            "INSERT INTO status_history VALUES ('org_2', ?, 1, 'h', 'resolved', '', 'x', NULL)",
            (incident["id"],),
        )

    with pytest.raises(sqlite3.IntegrityError):
        world.database.write(None, write)
    assert len(world.rows("SELECT * FROM organizations")) == 1


def test_a_writer_outside_makes_the_service_busy_and_not_broken(world: World) -> None:
    outsider = sqlite3.connect(world.file.path, isolation_level=None)
    outsider.execute("BEGIN IMMEDIATE")
    answer = world.post()
    assert (answer.status_code, answer.json["code"]) == (503, "busy")
    assert answer.headers["Retry-After"] == "1"
    outsider.execute("ROLLBACK")
    assert world.post().json["data"]["sequentialId"] == 1
    outsider.close()


def test_a_writer_inside_is_waited_for_until_the_time_out(world: World) -> None:
    other = FileDatabase(world.file.path, write_timeout=0.05)

    def wait_in_vain(db: Connection, *, now: datetime) -> None:
        with pytest.raises(Busy):
            other.write(None, lambda db, **_: None)

    world.database.write(None, wait_in_vain)
    assert other.write(None, lambda db, **_: "done") == "done"


def test_a_damaged_file_makes_the_service_not_ready(world: World, tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    maintenance.backup(world.file, path)
    client = client_with(Settings(database=path))
    with path.open("r+b") as file:
        file.seek(4096)  # past the first page, whose header is all that stays whole
        file.write(b"\xff" * (path.stat().st_size - 4096))
    answer: Any = client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")


def test_a_disk_that_cannot_be_written_makes_the_service_not_ready(world: World) -> None:
    assert world.post().json["data"]["sequentialId"] == 1
    log = world.file.path.with_name(f"{world.file.path.name}-wal")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size, limits[1]))
    try:
        answer = world.post()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert world.post().json["data"]["sequentialId"] == 2


def test_a_disk_that_cannot_be_read_is_said_though_the_transaction_is_lost(world: World) -> None:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR_READ
    with pytest.raises(UnusableDatabase, match="disk I/O error"), world.database.read() as db:
        db.execute("ROLLBACK")  # as SQLite does by itself then
        raise error


def test_a_failed_write_leaves_nothing(world: World) -> None:
    def write(db: Connection, **_: Any) -> None:
        db.execute("UPDATE organizations SET name = 'half-written'")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        world.database.write(None, write)
    assert world.rows("SELECT name FROM organizations") == [{"name": "Quickstart"}]


def _make(path: Path) -> None:
    maintenance.initialise(FileDatabase(path))


def test_processes_that_make_the_same_database_at_once_all_succeed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    makers = [context.Process(target=_make, args=(tmp_path / "new.db",)) for _ in range(6)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert [maker.exitcode for maker in makers] == [0] * 6
    FileDatabase(tmp_path / "new.db").check()


def test_a_link_leads_to_the_file_with_all_that_lies_beside_it(
    world: World, tmp_path: Path
) -> None:
    world.post()  # so that there is a write-ahead log
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "link.db"
    link.symlink_to(world.file.path)
    linked = FileDatabase(link, write_timeout=0.05)
    assert linked.size() == world.file.size() > world.file.path.stat().st_size

    def wait_in_vain(db: Connection, *, now: datetime) -> None:
        with pytest.raises(Busy):
            linked.write(None, lambda db, **_: None)

    world.database.write(None, wait_in_vain)
    assert list(link.parent.iterdir()) == [link]


def test_a_file_made_through_a_link_is_its_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("file.db")
    maintenance.initialise(FileDatabase(tmp_path / "link.db"))
    assert stat.S_IMODE((tmp_path / "file.db").stat().st_mode) == 0o600
    (tmp_path / "loop.db").symlink_to("loop.db")
    with pytest.raises(UnusableDatabase):
        maintenance.initialise(FileDatabase(tmp_path / "loop.db"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another")
def test_locks_that_root_makes_are_the_files_owners(tmp_path: Path) -> None:
    path, precious = tmp_path / "x.db", tmp_path / "precious"
    maintenance.initialise(FileDatabase(path))
    os.chown(path, 4321, 4322)
    (tmp_path / "x.db.lock").unlink()
    (tmp_path / "x.db.lock-next").unlink()
    precious.touch()
    (tmp_path / "x.db.lock-next").symlink_to(precious)  # by which the owner would get root's file
    FileDatabase(path).write(None, lambda db, **_: None)
    made = (tmp_path / "x.db.lock").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (4321, 4322, 0o600)
    assert precious.stat().st_uid == 0


def test_a_newer_schema_is_refused_with_a_clear_line(world: World) -> None:
    world.execute("PRAGMA user_version = 99")
    with pytest.raises(UnusableDatabase, match=r"was made by a newer incident-service"):
        maintenance.initialise(FileDatabase(world.file.path))


def test_what_is_no_database_of_ours_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text.db", tmp_path / "foreign.db"
    text.write_text("not a database, but long enough to look at" * 100)
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(UnusableDatabase):
            maintenance.initialise(FileDatabase(path))
        assert path.read_bytes() == before
    with pytest.raises(UnusableDatabase, match="No such file or directory"):
        maintenance.initialise(FileDatabase(tmp_path / "missing" / "x.db"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.db.lock").mkdir()
    with pytest.raises(UnusableDatabase, match="Is a directory"):
        maintenance.initialise(FileDatabase(tmp_path / "x.db"))
    with pytest.raises(UnusableDatabase, match="unable to open database file"):
        maintenance.initialise(FileDatabase(tmp_path / "folder"))


def test_a_file_that_is_ready_is_used_although_others_write(world: World) -> None:
    database = FileDatabase(world.file.path, write_timeout=0.0)
    with WriteLock(world.file.path).held(time.monotonic() + 5):
        maintenance.initialise(database)
        copy = world.file.path.with_name("copy.db")
        maintenance.backup(world.file, copy)  # a backup is in another mode of journal
    with WriteLock(copy).held(time.monotonic() + 5), pytest.raises(Busy):
        maintenance.initialise(FileDatabase(copy, write_timeout=0.0))
    maintenance.initialise(FileDatabase(copy))


def test_an_sqlite_without_full_text_search_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Plain(sqlite3.Connection):
        """Knows no module."""

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            return super().execute(sql.replace("'fts5'", "'not-there'"), *values)

    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path: connect(path, factory=Plain))
    maintenance._lacks.cache_clear()
    with pytest.raises(UnusableDatabase, match="SQLite with FTS5 is needed"):
        maintenance.initialise(FileDatabase(tmp_path / "new.db"))
    assert list(tmp_path.iterdir()) == []
    maintenance._lacks.cache_clear()
