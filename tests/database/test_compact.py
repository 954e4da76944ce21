"""Compacting: nothing of what was deleted stays in the file, and all else does (contract §9)."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from incident_service.cli import main
from incident_service.database import maintenance
from incident_service.errors import Busy
from tests.helpers.traces import traces, write_and_delete
from tests.helpers.world import World

pytestmark = pytest.mark.sqlite_only("the file and its writer")


def test_no_byte_of_what_was_deleted_stays(world: World) -> None:
    write_and_delete(world)
    kept = world.rows("SELECT * FROM incidents ORDER BY id")
    trail = world.rows("SELECT * FROM audit_events ORDER BY id")
    before = world.file.size()
    assert traces(world.file.path.parent)
    maintenance.compact(world.file)
    assert traces(world.file.path.parent) == []
    assert world.file.size() < before / 2
    assert world.rows("SELECT * FROM incidents ORDER BY id") == kept
    assert world.rows("SELECT * FROM audit_events ORDER BY id") == trail
    assert world.rows("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    assert world.post().json["data"]["sequentialId"] == 41


def test_no_word_that_was_edited_away_stays_in_the_index_of_words(world: World) -> None:
    for title in ("Xylophone", "Checkout", "Login"):
        world.post(world.body(title=title))
    (first, *_) = world.rows("SELECT id FROM incidents ORDER BY sequential_id")
    world.call("PATCH", f"incidents/{first['id']}", {"title": "Other"})
    world.execute("DROP TRIGGER audit_events_keeps_values")
    world.execute("UPDATE audit_events SET details = '{}'")  # the trail keeps what was edited
    word = b"xylophone"  # the index has it in lower case, and without what the word before has too
    assert word in world.file.path.with_name("test.db-wal").read_bytes()
    maintenance.compact(world.file)
    files = [path for path in world.file.path.parent.iterdir() if path.is_file()]
    assert [path.name for path in files if word in path.read_bytes()] == []
    found = world.call("GET", "incidents", q="payment other").json["data"]["incidents"]
    assert [incident["title"] for incident in found] == ["Other"]


def test_a_reader_in_the_way_is_said_and_no_success_claimed(world: World) -> None:
    write_and_delete(world)
    reader = sqlite3.connect(world.file.path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT 1 FROM incidents").fetchall()
    with pytest.raises(Busy, match=r"traces of what was deleted may remain .* Run it again\."):
        maintenance.compact(world.file, seconds=0.1)
    assert world.post().status_code == 201
    reader.execute("ROLLBACK")
    reader.close()
    maintenance.compact(world.file)
    assert traces(world.file.path.parent) == []


def test_a_writer_in_the_way_is_said(world: World) -> None:
    with sqlite3.connect(world.file.path, isolation_level=None) as outsider:
        outsider.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy):
            maintenance.compact(world.file, seconds=0.1)
        outsider.execute("ROLLBACK")
    outsider.close()


def test_the_command_says_what_it_gave_back(world: World) -> None:
    write_and_delete(world)
    path = world.file.path
    environment = {"INCIDENT_SERVICE_DATABASE": str(path)}
    answer = json.loads(CliRunner().invoke(main, ["compact"], env=environment).stdout)
    assert answer == {
        "database": str(path),
        "bytesBefore": answer["bytesBefore"],
        "bytesAfter": path.stat().st_size,
    }
    assert answer["bytesAfter"] < answer["bytesBefore"]


@pytest.mark.parametrize("arguments", [["compact"], ["backup", "copy.db"]])
def test_a_database_that_is_not_there_is_said_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "mistyped.db"
    result = CliRunner().invoke(main, arguments, env={"INCIDENT_SERVICE_DATABASE": str(path)})
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: {path} does not exist.\n"
    assert list(tmp_path.iterdir()) == []
