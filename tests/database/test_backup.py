"""Backups: whole, compact, private, and never in another file's place (contract §9)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from incident_service.cli import main
from incident_service.config import Settings
from incident_service.database import backups, maintenance
from incident_service.database.engine import SCHEMA_VERSION
from incident_service.database.file import FileDatabase
from incident_service.errors import BackupFailed
from tests.helpers.another_app import client_with
from tests.helpers.traces import traces, write_and_delete
from tests.helpers.world import World

pytestmark = pytest.mark.sqlite_only("the file and its writer")


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "copies").mkdir()
    return tmp_path / "copies" / "monday.db"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_copy_is_a_database_to_serve(world: World, target: Path) -> None:
    incident = world.post().json["data"]
    maintenance.backup(world.file, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert names(target.parent) == [target.name]
    connection = sqlite3.connect(target)
    for pragma, value in [
        ("integrity_check", "ok"),
        ("application_id", 0x696E6376),
        ("user_version", SCHEMA_VERSION),
    ]:
        assert connection.execute(f"PRAGMA {pragma}").fetchall() == [(value,)]
    connection.close()
    client = client_with(Settings(database=target))
    headers = {"Authorization": f"Bearer {world.made.key}"}
    path = f"/v1/incidents/{incident['id']}"
    assert client.get(path, headers=headers).json == world.client.get(path, headers=headers).json
    with FileDatabase(target).read() as db:
        assert db.execute("PRAGMA journal_mode").fetchall() == [{"journal_mode": "wal"}]


def test_a_copy_holds_nothing_that_was_deleted(world: World, target: Path) -> None:
    write_and_delete(world)
    assert traces(world.file.path.parent)
    maintenance.backup(world.file, target)
    assert traces(target.parent) == []


def test_a_copy_is_of_one_instant_and_keeps_no_writer_waiting(world: World, target: Path) -> None:
    def back_up_in_the_middle_of_it(db: sqlite3.Connection, **_: Any) -> None:
        db.execute("UPDATE organizations SET name = 'not committed'")
        stranger = sqlite3.connect(world.file.path, isolation_level=None)
        backups.copy(stranger, target)
        stranger.close()

    world.database.write(None, back_up_in_the_middle_of_it)
    connection = sqlite3.connect(target)
    assert connection.execute("SELECT name FROM organizations").fetchall() == [("Quickstart",)]
    connection.close()


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_what_exists_is_not_overwritten(world: World, target: Path, kind: str) -> None:
    if kind == "file":
        target.write_text("precious")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to("nowhere")
    with pytest.raises(BackupFailed, match="exists, and is not overwritten"):
        maintenance.backup(world.file, target)
    assert names(target.parent) == [target.name]
    assert kind != "file" or target.read_text() == "precious"


@pytest.mark.parametrize("ending", ["", "-journal", "-wal", "-shm", ".lock", ".lock-next"])
def test_what_belongs_to_the_database_is_no_place_for_a_copy(
    world: World, tmp_path: Path, ending: str
) -> None:
    world.database.close()  # the last one takes its log with it
    (tmp_path / "link").symlink_to(tmp_path)
    name = f"{world.file.path.name}{ending}"
    with pytest.raises(BackupFailed, match=rf"{name} belongs to the database itself\.$"):
        maintenance.backup(world.file, tmp_path / "link" / name)
    assert world.post().status_code == 201


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP])
def test_where_files_have_one_name_only_none_is_overwritten_either(
    world: World, target: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    def fail(*_: Path) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", fail)
    maintenance.backup(world.file, target)
    assert FileDatabase(target).version() and names(target.parent) == [target.name]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    target.unlink()
    monkeypatch.setattr(backups, "sync", lambda _: target.write_text("precious"))
    with pytest.raises(BackupFailed, match="exists"):
        maintenance.backup(world.file, target)
    assert target.read_text() == "precious"


def test_one_that_appears_meanwhile_is_not_overwritten_either(
    world: World, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups, "sync", lambda _: target.write_text("precious"))
    with pytest.raises(BackupFailed, match="exists"):
        maintenance.backup(world.file, target)
    assert target.read_text() == "precious"
    assert names(target.parent) == [target.name]


def test_a_copy_that_fails_leaves_nothing(
    world: World, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backups, "sync", fail)
    with pytest.raises(BackupFailed, match=r"monday\.db: No space left on device\.$"):
        maintenance.backup(world.file, target)
    assert names(target.parent) == []


def test_the_command_says_where_the_copy_is(world: World, target: Path) -> None:
    environment = {"INCIDENT_SERVICE_DATABASE": str(world.file.path)}
    arguments = ["backup", str(target)]
    result = CliRunner().invoke(main, arguments, env=environment)
    assert json.loads(result.stdout) == {"backup": str(target), "bytes": target.stat().st_size}
    again = CliRunner().invoke(main, arguments, env=environment)
    assert (again.exit_code, again.stdout) == (1, "")
    elsewhere = ["backup", str(target.parent / "none" / "x.db")]
    missing = CliRunner().invoke(main, elsewhere, env=environment)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert missing.stderr.endswith("x.db: No such file or directory.\n")


def test_what_a_killed_copy_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    database = FileDatabase(tmp_path / "x.db")
    maintenance.initialise(database)
    abandoned = tmp_path / "old.db.abcdefgh.partial"
    of_another = tmp_path / "mine.abcdefgh.partial"
    under_way = tmp_path / "other.db.abcdefgh.partial"
    for folder in (abandoned, of_another, under_way):
        folder.mkdir()
        (folder / "copy").write_bytes(b"x")
    (of_another / "thesis.txt").write_bytes(b"x")
    descriptor = os.open(under_way, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        maintenance.backup(database, tmp_path / "copy.db")
    finally:
        os.close(descriptor)
    assert {path.name for path in tmp_path.glob("*.partial")} == {of_another.name, under_way.name}


def test_many_copies_at_once_do_not_take_each_other_for_abandoned(tmp_path: Path) -> None:
    database = FileDatabase(tmp_path / "x.db")
    maintenance.initialise(database)
    with ThreadPoolExecutor(8) as pool:
        for done in [
            pool.submit(maintenance.backup, database, tmp_path / f"{n}.db") for n in range(24)
        ]:
            done.result()
    assert not list(tmp_path.glob("*.partial"))
    assert len(list(tmp_path.glob("[0-9]*.db"))) == 24
