"""Bringing older files up to date: to the same schema, with every row, or not at all (§9)."""

from __future__ import annotations

import json
import multiprocessing
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from incident_service import clock
from incident_service.cli import main
from incident_service.config import Settings
from incident_service.database import file, maintenance, migrations, word_index
from incident_service.database.engine import SCHEMA_VERSION
from incident_service.database.file import FileDatabase
from incident_service.errors import UnusableDatabase
from incident_service.paging import firing
from incident_service.paging.progress import next_layer, target_of
from incident_service.store import policies
from tests.helpers.another_app import client_with
from tests.helpers.clocks import write_at
from tests.helpers.world import World

pytestmark = pytest.mark.sqlite_only("the file and its writer")

SCHEMAS = Path(__file__).parent / "schemas"
KEY = "scl_live_" + "v1" * 20
"""The key of the admin in the old rows."""

REPLACED = {"incident_timers": {"position"}, "deliveries": {"claimed_until"}}
"""Columns whose rows say it in another way now; a test of its own looks at each."""


def old_file(folder: Path, version: int = 1) -> Path:
    """Make a database of an old version, with rows in each of its tables."""
    path = folder / "old.db"
    connection = sqlite3.connect(path)
    word_index.register(connection)
    for script in (f"{version}.sql", f"{version}-rows.sql"):
        connection.executescript((SCHEMAS / script).read_text(encoding="utf-8"))
    connection.close()
    return path


def tables(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of each table; those of the index of words are in the tables below it."""
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    names = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    ).fetchall()
    found = {
        name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
        for (name,) in names
    }
    connection.close()
    return found


def schema(path: Path) -> dict[tuple[str, str], Any]:
    """Return what each table, index and trigger is, however it was spelled and put together."""
    connection = sqlite3.connect(path)
    found: dict[tuple[str, str], Any] = {
        (kind, name): set(_parts(sql))
        for kind, name, sql in connection.execute(
            "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
        )
    }
    for name, *options in connection.execute(
        "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main'"
    ).fetchall():
        columns = connection.execute(
            'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?)',
            (name,),
        )
        found["columns", name] = (options, set(columns))
    connection.close()
    return found


def _parts(sql: str) -> list[str]:
    """Cut a statement at the commas of its outermost parentheses."""
    sql = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", sql).replace('"', ""))
    sql = re.sub(r" ?([(),]) ?", r"\1", sql)
    parts, depth = [""], 0
    for character in sql:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if (character in "()" and depth == (character == "(")) or (character == "," and depth == 1):
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_old_file_gets_the_schema_of_a_new_one_and_keeps_its_rows(
    tmp_path: Path, version: int
) -> None:
    path, new = old_file(tmp_path, version), tmp_path / "new.db"
    before = tables(path)
    assert all(before.values())
    maintenance.upgrade(FileDatabase(path))
    maintenance.initialise(FileDatabase(new))
    assert schema(path) == schema(new)
    after = tables(path)
    names = [row["name"] for row in before["secrets"]]
    after["secrets"] = [row for row in after["secrets"] if row["name"] in names]  # others are new
    for name, rows in before.items():
        gone = REPLACED.get(name, set())
        kept = [
            {column: row[column] for column in rows[0] if column not in gone} for row in after[name]
        ]
        assert kept == [{c: row[c] for c in row if c not in gone} for row in rows], name


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_sqlite_itself_finds_no_fault_in_a_file_with_rows_in_each_table(
    tmp_path: Path, version: int
) -> None:
    path = old_file(tmp_path, version)
    maintenance.upgrade(FileDatabase(path))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_what_a_process_was_at_stays_with_it(tmp_path: Path) -> None:
    """Or it would be sent twice, if that process still is at it."""
    path = old_file(tmp_path, 2)
    until = "2099-01-01T00:00:00.000Z"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE deliveries SET claimed_until = ? WHERE id LIKE '%-70bc-%'", (until,))
    before = {row["id"]: row for row in tables(path)["deliveries"]}
    maintenance.upgrade(FileDatabase(path))
    for row in tables(path)["deliveries"]:
        was = before[row["id"]]
        assert row["due_at"] == (was["claimed_until"] or was["due_at"])
        assert row["receiver"] == row["contact_method_id"]


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_old_file_is_served_once_it_is_up_to_date(tmp_path: Path, version: int) -> None:
    path = old_file(tmp_path, version)
    maintenance.upgrade(FileDatabase(path))
    client: Any = client_with(Settings(database=path))
    headers = {"Authorization": f"Bearer {KEY}"}
    (old, *_) = tables(path)["incidents"]
    answer = client.get(f"/v1/incidents/{old['id']}", headers=headers)
    assert answer.json["data"]["description"] == "It’s 🔥"
    found = client.get("/v1/incidents?provisional=true&q=it+s", headers=headers).json["data"]
    assert old["id"] in [incident["id"] for incident in found["incidents"]]
    body = {"title": "New", "severity": "low", "ownerId": "ben"}
    answer = client.post("/v1/incidents", json=body, headers=headers)
    assert answer.json["data"]["sequentialId"] == 4


@pytest.mark.parametrize("version", range(1, SCHEMA_VERSION))
def test_an_old_file_gets_the_keys_that_it_lacks(tmp_path: Path, version: int) -> None:
    path = old_file(tmp_path, version)
    maintenance.upgrade(FileDatabase(path))
    maintenance.initialise(FileDatabase(tmp_path / "new.db"))
    found, new = tables(path)["secrets"], tables(tmp_path / "new.db")["secrets"]
    assert {row["name"] for row in found} == {row["name"] for row in new}
    assert len({row["value"] for row in found}) == len(found)


def test_components_are_found_by_the_names_that_they_had(tmp_path: Path) -> None:
    path = old_file(tmp_path, 3)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE components SET name = 'Straße', aliases = '[\"STRASSE\", \"É\"]'")
        (id,) = db.execute("SELECT id FROM components WHERE deleted_at IS NULL LIMIT 1").fetchone()
    maintenance.upgrade(FileDatabase(path))
    names = [row for row in tables(path)["component_names"] if row["component_id"] == id]
    assert sorted(row["name_key"] for row in names) == ["strasse", "é"]


def test_who_redacted_an_update_before_has_a_name(tmp_path: Path) -> None:
    path = old_file(tmp_path, 2)
    (before,) = (row for row in tables(path)["incident_updates"] if row["redacted_by"])
    maintenance.upgrade(FileDatabase(path))
    after = tables(path)
    (user,) = (row for row in after["users"] if row["id"] == before["redacted_by"])
    found = [(row["redacted_by"], row["redacted_by_name"]) for row in after["incident_updates"]]
    assert found == [(None, None), (None, None), (user["id"], "Ada Admin")]


def test_pages_that_were_sent_before_are_counted(tmp_path: Path) -> None:
    path = old_file(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute(
        """
        INSERT INTO audit_events
        SELECT org_id, incident_id, 99, 'x', 'page_sent', at, NULL, '{}'
        FROM audit_events WHERE event = 'incident_opened'
        """
    )
    connection.commit()
    (sent,) = connection.execute(
        "SELECT count(*) FROM audit_events WHERE event = 'page_sent'"
    ).fetchone()
    connection.close()
    assert sent > 0
    maintenance.upgrade(FileDatabase(path))
    counted = {row["outcome"]: row["number"] for row in tables(path)["page_outcomes"]}
    assert counted == {"sent": sent, "failed": 0}


PAGES = """
INSERT INTO audit_events (org_id, incident_id, number, id, event, at, actor_id, details)
SELECT incident.org_id, incident.id, 1000 + page.key, 'x' || page.key, 'page_sent',
    '2026-01-01T00:0' || page.key || ':00.000Z', NULL, page.value
FROM (SELECT * FROM incidents WHERE owner_schedule_id IS NOT NULL LIMIT 1) AS incident,
    json_each(:pages) AS page
"""


def test_reports_count_the_pages_that_were_sent_before(tmp_path: Path) -> None:
    """Once a page, however many methods it went by; a method that is used again is another page."""
    path = old_file(tmp_path, 7)
    chat, phone = ({"contactMethodId": method, "attempt": 1} for method in ("chat", "phone"))
    pages = [
        {"userId": "ben", "layer": None, **chat},
        {"userId": "ben", "layer": None, **phone},
        {"userId": "ben", "layer": 1, **chat},
        {"userId": "ben", "layer": None, **chat, "notice": "acknowledged"},
        {"userId": "ben", "layer": None, **chat, "help": True},
        {"userId": "ben", "layer": None, **phone},
        {"userId": "ada", "layer": None, **phone},
        {"userId": "ben", "layer": None, **chat},
    ]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(PAGES, {"pages": json.dumps(pages)})
    maintenance.upgrade(FileDatabase(path))
    after = tables(path)
    schedules = {row["id"]: row["owner_schedule_id"] for row in after["incidents"]}
    events = [row for row in after["audit_events"] if row["number"] >= 1000]
    assert [row["paged_user_id"] for row in events] == [
        "ben", None, "ben", None, "ben", "ben", "ada", None
    ]  # fmt: skip
    for row in after["audit_events"]:
        is_counted = row["paged_user_id"] is not None
        assert row["paged_schedule_id"] == (schedules[row["incident_id"]] if is_counted else None)


def test_an_incident_with_many_pages_is_upgraded_in_proportion(tmp_path: Path) -> None:
    def steps(count: int) -> int:
        """Return how many thousand steps the database takes for so many pages of one incident."""
        path = old_file(tmp_path, 7)
        taken = 0

        def count_one() -> None:
            nonlocal taken
            taken += 1

        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            word_index.register(db)
            pages = [{"userId": "ben", "layer": n, "contactMethodId": "chat"} for n in range(count)]
            db.execute(PAGES, {"pages": json.dumps(pages)})
            db.set_progress_handler(count_one, 1000)
            migrations.apply(db, old=7, new=8)
        path.unlink()
        return taken

    none, some, twice = steps(0), steps(1000), steps(2000)
    assert twice - none < 3 * (some - none)


def test_who_acknowledged_first_is_known_of_incidents_before(tmp_path: Path) -> None:
    path = old_file(tmp_path, 7)
    with closing(sqlite3.connect(path)) as db, db:
        (org_id, id) = db.execute("SELECT org_id, id FROM incidents LIMIT 1").fetchone()
        db.execute("UPDATE incidents SET first_acknowledged_at = '2026-01-01T00:00:00.000Z'"
                   " WHERE id = ?", (id,))  # fmt: skip
        for number, by in enumerate(("ben", "ada")):
            db.execute(
                """
                INSERT INTO audit_events
                    (org_id, incident_id, number, id, event, at, actor_id, details)
                VALUES (?, ?, ?, ?, 'incident_acknowledged', '2026-01-01T00:00:00.000Z', ?, '{}')
                """,
                (org_id, id, 100 + number, by, by),
            )
    first = {
        row["incident_id"]: row["actor_id"]
        for row in reversed(tables(path)["audit_events"])
        if row["event"] == "incident_acknowledged"
    }
    maintenance.upgrade(FileDatabase(path))
    for row in tables(path)["incidents"]:
        expected = first[row["id"]] if row["first_acknowledged_at"] else None
        assert row["first_acknowledged_by"] == expected
    assert first[id] is not None


def test_zones_that_schedules_were_in_are_known_from_the_log(tmp_path: Path) -> None:
    path = old_file(tmp_path, 7)
    with closing(sqlite3.connect(path)) as db, db:
        (org_id, id, zone) = db.execute("SELECT org_id, id, timezone FROM schedules").fetchone()
        for number, (before, after) in enumerate((("UTC", "Asia/Tokyo"), ("Asia/Tokyo", zone))):
            values = [json.dumps({"timezone": each}) for each in (before, after)]
            at = f"2099-01-0{number + 1}T00:00:00.000Z"
            db.execute(
                """
                INSERT INTO changes
                    (org_id, number, id, at, action, resource_type, resource_id, before, after)
                VALUES (?, ?, ?, ?, 'changed', 'schedule', ?, ?, ?)
                """,
                (org_id, 1000 + number, f"{number}", at, id, *values),
            )
    maintenance.upgrade(FileDatabase(path))
    found = [row for row in tables(path)["schedule_zones"] if row["schedule_id"] == id]
    assert [(row["valid_until"], row["timezone"]) for row in found] == [
        ("2099-01-01T00:00:00.000000Z", "UTC"),
        ("2099-01-02T00:00:00.000000Z", "Asia/Tokyo"),
    ]


def test_the_scripts_lead_from_the_first_version_to_this_one() -> None:
    assert sorted(migrations.scripts()) == list(range(2, SCHEMA_VERSION + 1))


REBUILD = """
CREATE TABLE status_history_new (
    org_id TEXT NOT NULL, incident_id TEXT NOT NULL, number INTEGER NOT NULL, id TEXT NOT NULL,
    status TEXT NOT NULL, changed_at TEXT NOT NULL, changed_by TEXT NOT NULL, resolution_note TEXT,
    PRIMARY KEY (org_id, incident_id, number),
    FOREIGN KEY (org_id, incident_id) REFERENCES incidents (org_id, id)
) STRICT, WITHOUT ROWID;
INSERT INTO status_history_new SELECT * FROM status_history;
DROP TABLE status_history;
ALTER TABLE status_history_new RENAME TO status_history;
CREATE TRIGGER status_history_keeps_rows BEFORE DELETE ON status_history
BEGIN SELECT RAISE (ABORT, 'status_history is append-only'); END;
ALTER TABLE organizations ADD COLUMN colour TEXT NOT NULL DEFAULT 'red';
"""

NEXT = SCHEMA_VERSION + 1


@pytest.fixture
def script(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script to write, which leads one version further; a file of this version has a row."""
    world.post()
    folder = tmp_path / "scripts"
    folder.mkdir()
    for version, sql in migrations.scripts().items():
        (folder / f"{version:04}_earlier.sql").write_text(sql)
    monkeypatch.setattr(migrations, "FOLDER", folder)
    monkeypatch.setattr(file, "SCHEMA_VERSION", NEXT)
    monkeypatch.setattr(maintenance, "SCHEMA_VERSION", NEXT)
    return folder / f"{NEXT:04}_next.sql"


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(found)


def copies(path: Path) -> list[str]:
    return sorted(found.name for found in path.parent.glob("*before-upgrade*"))


def test_a_table_of_history_is_rebuilt_past_its_triggers(world: World, script: Path) -> None:
    path = world.file.path
    before = tables(path)
    script.write_text(REBUILD)
    copy = maintenance.upgrade(FileDatabase(path))
    assert copy == path.with_name(f"{path.name}.before-upgrade-{SCHEMA_VERSION}")
    assert (version(copy), version(path)) == (SCHEMA_VERSION, NEXT)
    assert tables(copy) == before
    after = tables(path)
    assert [organization.pop("colour") for organization in after["organizations"]] == ["red"]
    assert after == before
    stranger = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        stranger.execute("DELETE FROM status_history")
    stranger.close()
    assert maintenance.upgrade(FileDatabase(path)) is None


def test_the_copy_lies_beside_the_file_that_a_link_leads_to(world: World, script: Path) -> None:
    script.write_text(REBUILD)
    link = script.parent / "link.db"
    link.symlink_to(world.file.path)
    copy = maintenance.upgrade(FileDatabase(link))
    assert copy is not None and copy.parent == world.file.path.parent


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("CREATE TABLE organizations (x);", sqlite3.OperationalError),
        ("UPDATE incidents SET owner_id = 'nobody';", UnusableDatabase),
    ],
)
def test_a_script_that_fails_leaves_the_file_as_it_was(
    world: World, script: Path, fault: str, error: type[Exception]
) -> None:
    path = world.file.path
    before = tables(path)
    script.write_text(REBUILD + fault)
    with pytest.raises(error):
        maintenance.upgrade(FileDatabase(path))
    assert (tables(path), version(path), copies(path)) == (before, SCHEMA_VERSION, [])


def _upgrade(path: Path) -> None:
    maintenance.upgrade(FileDatabase(path))


def test_many_that_upgrade_at_once_do_it_once(world: World, script: Path) -> None:
    script.write_text(REBUILD)
    path = world.file.path
    world.database.close()
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_upgrade, args=(path,)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert (version(path), len(copies(path))) == (NEXT, 1)


def is_being_written(path: Path) -> bool:
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        return False
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()


def test_a_kill_in_the_middle_changes_nothing_and_the_next_try_does_it(
    world: World, script: Path
) -> None:
    path = world.file.path
    before = tables(path)
    world.database.close()
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT max(i) FROM n;"
    script.write_text(REBUILD + endless)
    process = multiprocessing.get_context("fork").Process(
        target=_upgrade, args=(path,), daemon=True
    )
    process.start()
    while not copies(path) or not is_being_written(path):
        time.sleep(0.01)
    process.kill()
    process.join()
    assert (tables(path), version(path)) == (before, SCHEMA_VERSION)
    script.write_text(REBUILD)
    maintenance.upgrade(FileDatabase(path))
    assert version(path) == NEXT
    first = f"{path.name}.before-upgrade-{SCHEMA_VERSION}"
    assert copies(path) == [first, f"{first}.2"]


def test_what_runs_on_an_older_file_is_told_to_upgrade_it(world: World, script: Path) -> None:
    path = world.file.path
    for arguments in (["serve"], ["page"], ["create-org", "A"], ["compact"], ["backup", "x"]):
        result = CliRunner().invoke(main, arguments, env={"INCIDENT_SERVICE_DATABASE": str(path)})
        assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
        assert result.stderr.endswith("Run `incident-service init-db`.\n")
    answer = world.client.get("/readyz")
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")


def test_a_process_that_outlives_an_upgrade_reads_and_writes_no_more(world: World) -> None:
    assert world.post().status_code == 201
    incidents = len(world.rows("SELECT * FROM incidents"))
    stranger = sqlite3.connect(world.file.path)
    stranger.execute(f"PRAGMA user_version = {NEXT}")
    answer = world.post()
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert world.client.get("/readyz").status_code == 503
    with pytest.raises(UnusableDatabase, match="made by a newer incident-service"):
        world.database.write(None, lambda db, **_: db.execute("DELETE FROM contact_methods"))
    assert stranger.execute("SELECT count(*) FROM incidents").fetchall() == [(incidents,)]
    stranger.close()


def test_the_command_says_where_the_copy_is(world: World, script: Path) -> None:
    script.write_text(REBUILD)
    path = world.file.path
    environment = {"INCIDENT_SERVICE_DATABASE": str(path)}
    for copy in (f"{path}.before-upgrade-{SCHEMA_VERSION}", None):
        result = CliRunner().invoke(main, ["init-db"], env=environment)
        assert json.loads(result.stdout) == {"database": str(path), "copy": copy}


def escalating_file(folder: Path, version: int) -> Path:
    """Make an old file whose first incident waits after the second of three layers."""
    path = old_file(folder, version)
    connection = sqlite3.connect(path)
    (org_id, policy_id), *_ = connection.execute(
        "SELECT org_id, escalation_policy_id FROM incidents WHERE sequential_id = 1"
    )
    hostile = 'q"\\/\n\x01\u2028é🔥'
    connection.execute(
        """
        INSERT INTO users (org_id, id, email, email_key, role, created_at, updated_at)
        VALUES (?, ?, 'q@example.com', 'q@example.com', 'org:member', 'x', 'x')
        """,
        (org_id, hostile),
    )
    for position, user_ids in ((2, ["ben", hostile]), (3, ["ben"])):
        connection.execute(
            """
            INSERT INTO escalation_layers
            SELECT org_id, ?, policy_id, ?, 60 * ?, 'users', NULL, NULL, NULL, created_at,
                updated_at
            FROM escalation_layers WHERE policy_id = ? AND position = 1
            """,
            (f"layer-{position}", position, position, policy_id),
        )
        for ordinal, user_id in enumerate(user_ids):
            connection.execute(
                "INSERT INTO escalation_layer_users VALUES (?, ?, ?, ?)",
                (org_id, f"layer-{position}", ordinal, user_id),
            )
    (incident_id,) = connection.execute(
        "SELECT id FROM incidents WHERE sequential_id = 1"
    ).fetchone()
    connection.execute("DELETE FROM incident_timers WHERE incident_id = ?", (incident_id,))
    connection.execute(
        "INSERT INTO incident_timers VALUES (?, ?, 'layer', 3, '2026-11-24T07:03:03.768Z')",
        (org_id, incident_id),
    )
    connection.commit()
    connection.close()
    return path


@pytest.mark.parametrize("version", [1, 2])
def test_an_escalation_goes_on_where_it_was(tmp_path: Path, version: int) -> None:
    path = escalating_file(tmp_path, version)
    maintenance.upgrade(FileDatabase(path))
    after = tables(path)
    (incident,) = (row for row in after["incidents"] if row["sequential_id"] == 1)
    (timer,) = (row for row in after["incident_timers"] if row["incident_id"] == incident["id"])
    assert (timer["kind"], timer["wait_seconds"]) == ("layer", 120)
    assert timer["due_at"] == "2026-11-24T07:03:03.768Z"
    database = FileDatabase(path)
    with database.read() as db:
        layers = policies.layers(db, incident["org_id"], incident["escalation_policy_id"])
    done = {row["target"]: row["done"] for row in after["escalation_progress"]}
    assert done == {target_of(layer): 1 for layer in layers[:2]}
    assert next_layer(layers, done) == layers[2]
    org_id, now = incident["org_id"], clock.now()
    while write_at(now, database, firing.fire_due, [org_id], by_email=True):
        pass
    trail = [
        (row["event"], json.loads(row["details"]))
        for row in tables(path)["audit_events"]
        if row["incident_id"] == incident["id"]
    ]
    assert trail[-2:] == [
        ("layer_escalated", {"position": 3, "userIds": ["ben"]}),
        ("escalation_exhausted", {}),
    ]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("events", "is_paged", "is_handed_off"),
    [
        ([], 0, False),
        ([("page_failed", {"attempt": 0})], 0, False),
        ([("page_failed", {"attempt": 1})], 1, False),
        ([("page_sent", {"attempt": 1})], 1, False),
        ([("layer_escalated", {})], 1, False),
        ([("layer_escalated", {}), ("incident_handed_off", {})], 0, True),
        ([("incident_handed_off", {}), ("page_sent", {"attempt": 1})], 1, True),
    ],
)
def test_an_open_incident_knows_whether_it_has_paged(
    tmp_path: Path, version: int, events: list[Any], is_paged: int, is_handed_off: bool
) -> None:
    path = old_file(tmp_path, version)
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM deliveries")
    (first,) = connection.execute("SELECT id FROM incidents WHERE sequential_id = 1").fetchone()
    connection.execute("DROP TRIGGER audit_events_keeps_rows")
    connection.execute("DELETE FROM audit_events WHERE incident_id = ? AND number > 1", (first,))
    for number, (event, details) in enumerate(events, start=2):
        connection.execute(
            """
            INSERT INTO audit_events
            SELECT org_id, incident_id, ?, id, ?, at, NULL, ? FROM audit_events
            WHERE incident_id = ? AND number = 1
            """,
            (number, event, json.dumps(details), first),
        )
    connection.commit()
    connection.close()
    maintenance.upgrade(FileDatabase(path))
    (incident,) = (row for row in tables(path)["incidents"] if row["id"] == first)
    assert incident["is_paged"] == is_paged
    assert incident["handed_off_at"] == (incident["created_at"] if is_handed_off else None)
