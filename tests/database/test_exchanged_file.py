"""The file moved, deleted or replaced while it is served: nothing is taken into a lost file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from incident_service import create_app
from incident_service.config import Settings
from incident_service.database import maintenance
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.errors import UnusableDatabase
from tests.helpers.world import World

pytestmark = pytest.mark.sqlite_only("the file and its writer")

ENDINGS = ("", "-wal", "-shm", ".lock", ".lock-next")


def _copy(path: Path) -> Path:
    copy = path.with_name("copy.db")
    maintenance.backup(FileDatabase(path), copy)
    return copy


def _move_another_over_it(path: Path) -> None:
    _copy(path).replace(path)


def _delete_it(path: Path) -> None:
    path.unlink()


def _delete_it_and_make_a_new_one(path: Path) -> None:
    for ending in ENDINGS[:3]:
        path.with_name(path.name + ending).unlink()
    maintenance.initialise(FileDatabase(path))


def _move_all_of_it(path: Path) -> None:
    elsewhere = path.with_name("elsewhere")
    elsewhere.mkdir()
    for ending in ENDINGS:
        file = path.with_name(path.name + ending)
        file.replace(elsewhere / file.name)


def _move_its_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved-folder"))


def _restore_with_its_log(path: Path) -> None:
    copy = _copy(path)
    for ending in ENDINGS[:3]:
        path.with_name(path.name + ending).unlink()
    copy.rename(path)


@pytest.mark.parametrize(
    "exchange",
    [
        _move_another_over_it,
        _delete_it,
        _delete_it_and_make_a_new_one,
        _move_all_of_it,
        _move_its_folder,
        _restore_with_its_log,
    ],
)
def test_an_exchanged_file_is_noticed(world: World, exchange: Callable[[Path], None]) -> None:
    assert world.post().status_code == 201
    exchange(world.file.path)
    _assert_not_ready(world)


def test_a_link_that_leads_elsewhere_is_noticed(world: World, tmp_path: Path) -> None:
    link = tmp_path / "link.db"
    link.symlink_to(world.file.path)
    linked = World(
        app := create_app(Settings(database=link)), world.database, app.test_client(), world.made
    )
    assert linked.post().status_code == 201
    other = _copy(world.file.path)
    link.unlink()
    link.symlink_to(other)
    _assert_not_ready(linked)


def test_a_thread_that_comes_later_does_not_use_the_new_file(world: World) -> None:
    world.post()
    _move_another_over_it(world.file.path)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(world.post().status_code))
    thread.start()
    thread.join()
    assert found == [503]


def test_a_file_that_is_put_back_is_well_again(world: World) -> None:
    path = world.file.path
    world.post()
    path.rename(path.with_name("away"))
    assert world.post().status_code == 503
    path.with_name("away").rename(path)
    assert world.post().status_code == 201


def test_a_file_that_is_moved_during_a_write_is_not_answered_for(world: World) -> None:
    path = world.file.path

    def write(db: Connection, **_: Any) -> None:
        db.execute("INSERT INTO organizations (id, name, created_at) VALUES ('org_2', 'x', '')")
        path.rename(path.with_name("away"))

    with pytest.raises(UnusableDatabase, match="moved, deleted or replaced"):
        world.database.write(None, write)


def test_a_log_that_is_deleted_is_noticed(world: World) -> None:
    world.post()
    Path(f"{world.file.path}-wal").unlink()
    answer = world.post()
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")


def test_a_lock_that_is_deleted_is_shared_again(world: World) -> None:
    world.post()
    lock = Path(f"{world.file.path}.lock")
    before = lock.stat()
    lock.unlink()
    FileDatabase(world.file.path).write(None, lambda db, **_: None)  # as another process would
    assert world.post().status_code == 201
    assert not os.path.samestat(before, lock.stat())


def _assert_not_ready(world: World) -> None:
    for answer in (
        world.post(),
        world.call("GET", "incidents"),
        world.client.get("/readyz"),
        world.client.get("/status/nothing.json"),
    ):
        assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
        assert "Retry-After" in answer.headers
    assert world.client.get("/healthz").status_code == 200
