"""Moving everything to another database: all of it as it was, or nothing (contract §9)."""

from __future__ import annotations

import copy
import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from incident_service.cli import main
from incident_service.config import Settings
from incident_service.database import copying, either
from incident_service.database.engine import Database
from incident_service.database.file import FileDatabase
from incident_service.database.file_copying import FileRows
from incident_service.database.server import ServerDatabase
from incident_service.database.server_copying import ServerRows
from incident_service.database.tables import Table, all_tables
from incident_service.errors import Busy, CopyFailed, StorageFull, UnusableDatabase
from incident_service.people import organizations
from tests.helpers import engines
from tests.helpers.another_app import client_with
from tests.helpers.everything import fill_every_table
from tests.helpers.pagers import end, paging
from tests.helpers.place import Place
from tests.helpers.receivers import receiving
from tests.helpers.waiting import wait_for
from tests.helpers.world import World

ODD_TEXTS = ("O'Brien \\ \\N \\. \t 100% {} :name $1", "🔥 İstanbul é e\u0301 \u2028 \x7f \ufffd ß")

KILLED_IN_THE_MIDDLE = """
import os, sys
from incident_service.cli import main
from incident_service.database import copying

move = copying._move

def move_or_die(table, old, new):
    if table.name == "organizations":
        os.kill(os.getpid(), 9)
    return move(table, old, new)

copying._move = move_or_die
main()
"""


@pytest.fixture(params=["file", "server"])
def target(
    request: pytest.FixtureRequest, tmp_path: Path, server: engines.Server | None
) -> Iterator[Database]:
    """An empty database of either kind."""
    if request.param == "file":
        yield FileDatabase(tmp_path / "target.db", write_timeout=5.0)
        return
    assert server is not None
    database = ServerDatabase(server.bare())
    yield database
    database.close()


@pytest.fixture
def full(world: World) -> World:
    """A world with rows in every table, and texts that have to be written with care."""
    fill_every_table(world)
    for text in ODD_TEXTS:
        world.post(world.body(title=text, description=f"{text}\r\n{text}"))
    return world


def content(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, generated columns too."""
    with database.read() as db:
        return {
            table.name: db.execute(
                f"SELECT * FROM {table.name} ORDER BY {', '.join(table.key)}"
            ).fetchall()
            for table in all_tables()
        }


def is_empty(database: Database) -> bool:
    either.initialise(database)
    return not content(database)["organizations"]


def definitions(database: Database) -> set[tuple[Any, ...]]:
    """Return what the database says of its triggers, keys and indexes."""
    query = "SELECT name, sql FROM sqlite_schema"
    if isinstance(database, ServerDatabase):
        query = """
            SELECT pg_get_triggerdef(oid) AS name, tgenabled::text FROM pg_trigger
            WHERE NOT tgisinternal
            UNION ALL SELECT conname || conrelid::regclass, pg_get_constraintdef(oid)
            FROM pg_constraint WHERE contype <> 'p' UNION ALL
            SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
            """
    with database.read() as db:
        return {tuple(row.values()) for row in db.execute(query)}


def test_every_row_arrives_as_it_was_from_database_to_database(
    full: World, tmp_path: Path, server: engines.Server | None
) -> None:
    was = content(full.database)
    assert [name for name, rows in was.items() if not rows] == []
    stops: list[Database] = [FileDatabase(tmp_path / "1.db"), FileDatabase(tmp_path / "2.db")]
    if server is not None:
        stops += [ServerDatabase(server.bare()), ServerDatabase(server.new())]
        stops += [FileDatabase(tmp_path / "3.db")]
    source = full.database
    for stop in stops:
        moved = copying.copy(source, stop)
        assert moved == {name: len(rows) for name, rows in was.items()}
        assert content(stop) == was
        source = stop


def test_the_tables_are_all_that_there_are(world: World) -> None:
    found = {name: columns for name, columns in world.columns().items() if "words" not in name}
    assert {table.name for table in all_tables()} == found.keys()
    for table in all_tables():
        assert set(table.columns) <= set(found[table.name])
        assert table.key


def test_the_target_is_made_as_any_other(full: World, target: Database, tmp_path: Path) -> None:
    copying.copy(full.database, target)
    if isinstance(target, ServerDatabase):
        assert engines.current is not None
        fresh: Database = ServerDatabase(engines.current.new())
    else:
        fresh = FileDatabase(tmp_path / "fresh.db")
        either.initialise(fresh)
    assert definitions(target) == definitions(fresh)
    assert len(definitions(fresh)) > 100


def test_the_service_goes_on_there(full: World, target: Database) -> None:
    last = full.post().json["data"]["sequentialId"]
    copying.copy(full.database, target)
    client = client_with(Settings(database=target.where))
    headers = {"Authorization": f"Bearer {full.made.key}"}
    opened = client.post("/v1/incidents", json=full.body(title="A next one"), headers=headers)
    assert opened.json["data"]["sequentialId"] == last + 1
    for words, number in [("istanbul", 1), ("brien 100", 1), ("elevated", 3), ("next", 1)]:
        path = f"/v1/incidents?q={words}"
        found = client.get(path, headers=headers).json["data"]["incidents"]
        assert (words, len(found)) == (words, number)


def test_the_next_organization_gets_the_next_number(full: World, target: Database) -> None:
    copying.copy(full.database, target)
    before = [row["number"] for row in content(target)["organizations"]]
    org_id = target.write(None, organizations.create, name="The next")
    numbers = {row["id"]: row["number"] for row in content(target)["organizations"]}
    assert numbers[org_id] == max(before) + 1


def test_history_is_kept_there_and_pages_are_fresh(full: World, target: Database) -> None:
    copying.copy(full.database, target)
    with pytest.raises(engines.IntegrityError):
        target.write(None, lambda db, **_: db.execute("UPDATE changes SET number = number + 100"))
    with pytest.raises(engines.IntegrityError):
        target.write(None, lambda db, **_: db.execute("DELETE FROM audit_events"))
    with pytest.raises(engines.IntegrityError):
        target.write(None, lambda db, **_: db.execute("UPDATE sessions SET user_id = 'nobody'"))
    was = {row["id"]: row["public_revision"] for row in content(target)["organizations"]}
    target.write(None, lambda db, **_: db.execute("UPDATE status_pages SET title = 'New'"))
    now = {row["id"]: row["public_revision"] for row in content(target)["organizations"]}
    assert now == {**was, full.made.org_id: was[full.made.org_id] + 1}


def test_a_page_that_was_due_is_sent_from_there(tmp_path: Path) -> None:
    place = Place(tmp_path / "old.db")
    with receiving() as receiver:
        user = place.user("ada", receiver.url("json"))
        policy = place.policy([user])
        place.open(escalation_policy_id=policy)
        moved = copy.copy(place)
        moved.path = tmp_path / "new.db"
        moved.database = either.open_database(engines.where(moved.path))
        copying.copy(place.database, moved.database)
        with paging(moved) as process:
            wait_for(lambda: moved.events("page_sent").total() == 1)
            end([process])
        assert len(receiver.got) == 1


def test_what_is_written_meanwhile_stays_behind(
    world: World, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    was, move = content(world.database), copying._move

    def move_while_others_write(table: Table, old: Any, new: Any) -> int:
        if table.name == "components":
            assert world.post().status_code == 201
        return move(table, old, new)

    monkeypatch.setattr(copying, "_move", move_while_others_write)
    copying.copy(world.database, target)
    assert content(target) == {**was, "api_keys": content(target)["api_keys"]}
    assert content(world.database)["incidents"]


def test_what_is_not_empty_stays_as_it_is(world: World, target: Database) -> None:
    either.initialise(target)
    target.write(None, organizations.create, name="Another")
    was = content(target)
    with pytest.raises(CopyFailed, match=r"has organizations\. Name a database that is empty\.$"):
        copying.copy(world.database, target)
    assert content(target) == was


def test_a_database_without_organizations_is_empty_whatever_else_it_holds(
    world: World, target: Database
) -> None:
    either.initialise(target)
    add = "INSERT INTO sign_in_requests (id, email_hash, created_at) VALUES ('a', ?, '2025')"
    target.write(None, lambda db, **_: db.execute(add, ("0" * 64,)))
    copying.copy(world.database, target)
    assert content(target) == content(world.database)


@pytest.mark.parametrize("version", [7, 99])
def test_both_are_of_this_version(world: World, target: Database, version: int) -> None:
    world.become_version(version)
    with pytest.raises(
        UnusableDatabase, match="Run `incident-service init-db`" if version < 8 else "newer"
    ):
        copying.copy(world.database, target)
    assert is_empty(target)


def test_what_is_not_there_cannot_be_copied(tmp_path: Path, target: Database) -> None:
    with pytest.raises(UnusableDatabase, match=r"none\.db does not exist"):
        copying.copy(FileDatabase(tmp_path / "none.db"), target)
    if isinstance(target, ServerDatabase):
        with pytest.raises(UnusableDatabase, match="has no tables of incident-service"):
            copying.copy(target, FileDatabase(tmp_path / "copy.db"))
    assert is_empty(target)


@pytest.mark.parametrize("change", ["lose", "double", "alter"])
def test_a_row_that_does_not_arrive_as_it_was_undoes_all(
    world: World, target: Database, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    kind = ServerRows if isinstance(target, ServerDatabase) else FileRows
    put = kind.put

    def put_wrongly(self: Any, table: Table, rows: Any) -> None:
        given = list(rows)
        if table.name == "users":
            changes = {
                "lose": [],
                "double": [*given, (given[0][0], "second", *given[0][2:])],
                "alter": [tuple(v if v != "Quickstart" else "quickstart" for v in given[0])],
            }
            given = changes[change]
            assert given != list(rows) or change == "lose"
        put(self, table, given)

    world.execute("UPDATE users SET first_name = 'Quickstart'")
    world.execute("UPDATE users SET email_key = 'x'") if change == "double" else None
    monkeypatch.setattr(kind, "put", put_wrongly)
    with pytest.raises(CopyFailed):
        copying.copy(world.database, target)
    assert is_empty(target)


def test_a_row_that_names_one_that_is_not_there_undoes_all(
    world: World, target: Database, tmp_path: Path
) -> None:
    broken = FileDatabase(tmp_path / "broken.db")
    copying.copy(world.database, broken)
    connection = sqlite3.connect(broken.path)
    connection.execute("DELETE FROM users")
    connection.commit()
    connection.close()
    with pytest.raises(CopyFailed, match=r"^A row of \w+ names"):
        copying.copy(broken, target)
    assert is_empty(target)


def test_a_full_disk_undoes_all(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = FileRows.begin

    def begin_with_little_room(self: Any) -> None:
        begin(self)
        self._connection.execute("PRAGMA max_page_count = 10")

    target = FileDatabase(tmp_path / "target.db")
    monkeypatch.setattr(FileRows, "begin", begin_with_little_room)
    for _ in range(20):
        world.post(world.body(description="x" * 10_000))
    with pytest.raises(StorageFull):
        copying.copy(world.database, target)
    assert is_empty(target)


@pytest.mark.parametrize("which", ["source", "target"])
def test_a_server_that_goes_away_undoes_all(
    world: World,
    tmp_path: Path,
    postgres: engines.Server,
    monkeypatch: pytest.MonkeyPatch,
    which: str,
) -> None:
    file, other = FileDatabase(tmp_path / "file.db"), ServerDatabase(postgres.bare())
    copying.copy(world.database, file if which == "target" else other)
    source, target = (file, other) if which == "target" else (other, file)
    move = copying._move

    def move_after_it_went(table: Table, old: Any, new: Any) -> int:
        if table.name == "users":
            raw = (new if which == "target" else old)._raw
            with world.database.read() as db:
                pid = raw.info.backend_pid
                db.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
        return move(table, old, new)

    monkeypatch.setattr(copying, "_move", move_after_it_went)
    with pytest.raises(Busy):
        copying.copy(source, target)
    assert is_empty(target)


def run(source: Database | str, target: Database | str) -> Result:
    named = [end if isinstance(end, str) else url(end) for end in (source, target)]
    return CliRunner().invoke(main, ["copy", "--from", named[0], "--to", named[1]])


def url(database: Database) -> str:
    return Settings(database=database.where).database_variable


def test_killed_in_the_middle_it_leaves_nothing_and_can_be_done_again(
    world: World, target: Database
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-c", KILLED_IN_THE_MIDDLE),
            *("copy", "--from", url(world.database), "--to", url(target)),
        ],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert is_empty(target)
    assert run(world.database, target).exit_code == 0
    assert content(target) == content(world.database)


def test_the_command_says_how_many_rows_went_where(world: World, target: Database) -> None:
    world.post()
    done = run(world.database, target)
    said = json.loads(done.stdout)
    assert done.exit_code == 0
    assert said.keys() == {"from", "to", "rows"}
    assert (said["rows"]["incidents"], said["rows"]["organizations"]) == (1, 1)
    assert said["to"] == str(target.where)
    again = run(world.database, target)
    assert (again.exit_code, again.stdout) == (1, "")
    assert (
        again.stderr == f"Error: {target.where} has organizations. Name a database that is empty.\n"
    )


@pytest.mark.parametrize("place", ["--from", "--to"])
def test_the_command_never_says_a_password(world: World, tmp_path: Path, place: str) -> None:
    secret = "postgresql://ada:s3cret@127.0.0.1:1/x"
    done = run(world.database, secret) if place == "--to" else run(secret, str(tmp_path / "x.db"))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: postgresql://ada@127.0.0.1:1/x cannot be reached: ")
    assert "s3cret" not in done.output
    wrong = run(world.database, "postgresql://ada:s3cret@[/x")
    assert wrong.exit_code == 2
    assert "Not the URL of a PostgreSQL server" in wrong.stderr
    assert "s3cret" not in wrong.output
