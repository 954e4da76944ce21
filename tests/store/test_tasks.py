"""What the service does by itself at an instant: rows, found when they are due."""

from __future__ import annotations

import re

import pytest

from incident_service import quickstart
from incident_service.database.engine import Connection
from incident_service.store import Row, tasks
from tests.helpers.plans import plan, scans, traced
from tests.helpers.world import World

NINE = "2026-01-01T09:00:00.000Z"
TEN = "2026-01-01T10:00:00.000Z"
ELEVEN = "2026-01-01T11:00:00.000Z"


def put(world: World, org_id: str, kind: tasks.Kind, subject_id: str, due_at: str) -> None:
    world.database.write(
        None,
        lambda db, now: tasks.put(db, org_id, kind, subject_id, due_at=due_at),
    )


def due(world: World, org_id: str, at: str) -> str | None:
    with world.database.read() as db:
        task = tasks.first_due(db, org_id, at)
    return None if task is None else f"{task['kind']} {task['subject_id']}"


def test_a_task_is_due_from_its_instant_on(world: World) -> None:
    org_id = world.made.org_id
    put(world, org_id, "notify", "one", TEN)
    assert due(world, org_id, NINE) is None
    assert due(world, org_id, TEN) == "notify one"
    with world.database.read() as db:
        assert tasks.due_organizations(db, NINE) == []
        assert tasks.due_organizations(db, TEN) == [org_id]
        assert tasks.next_due_at(db) == TEN


def test_what_fell_due_first_comes_first_in_each_organization(
    world: World, other_org: quickstart.Provisioned
) -> None:
    org_id = world.made.org_id
    put(world, org_id, "notify", "late", ELEVEN)
    put(world, org_id, "resolve_incident", "early", TEN)
    put(world, other_org.org_id, "notify", "theirs", NINE)
    assert due(world, org_id, ELEVEN) == "resolve_incident early"
    assert due(world, other_org.org_id, ELEVEN) == "notify theirs"
    with world.database.read() as db:
        assert tasks.due_organizations(db, NINE) == [other_org.org_id]
        assert tasks.due_organizations(db, TEN) == sorted([org_id, other_org.org_id])


def test_a_subject_has_one_task_of_a_kind(world: World) -> None:
    org_id = world.made.org_id
    put(world, org_id, "miss_heartbeat", "one", TEN)
    put(world, org_id, "miss_heartbeat", "one", ELEVEN)
    assert [row["due_at"] for row in world.rows("SELECT due_at FROM tasks")] == [ELEVEN]
    put(world, org_id, "notify", "one", TEN)
    with world.database.read() as db:
        assert tasks.get(db, org_id, "miss_heartbeat", "one") == {
            "org_id": org_id,
            "kind": "miss_heartbeat",
            "subject_id": "one",
            "due_at": ELEVEN,
        }
    world.database.write(None, lambda db, now: tasks.delete(db, org_id, "notify", "one"))
    assert [row["kind"] for row in world.rows("SELECT kind FROM tasks")] == ["miss_heartbeat"]


def test_a_task_that_is_postponed_is_due_later_and_never_earlier(world: World) -> None:
    org_id = world.made.org_id
    put(world, org_id, "notify", "one", NINE)

    def postpone(db: Connection, until: str, **_: object) -> Row | None:
        tasks.postpone(db, {"org_id": org_id, "kind": "notify", "subject_id": "one"}, until=until)
        return tasks.get(db, org_id, "notify", "one")

    for until, due_at in ((TEN, TEN), (NINE, TEN), (ELEVEN, ELEVEN)):
        task = world.database.write(None, postpone, until)
        assert task is not None
        assert task["due_at"] == due_at


@pytest.mark.sqlite_only("how it finds rows")
def test_no_query_walks_through_the_tasks(world: World) -> None:
    org_id = world.made.org_id
    put(world, org_id, "notify", "one", NINE)
    with traced(world) as statements, world.database.read() as db:
        tasks.get(db, org_id, "notify", "one")
        tasks.due_organizations(db, TEN)
        tasks.first_due(db, org_id, TEN)
        tasks.next_due_at(db)
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH)\b", text)]
    assert len(found) == 4
    steps = [scan for text in found for scan in scans(world, text)]
    assert [step for step in steps if not step.startswith("SCAN organization")] == []
    assert not [step for text in found for step in plan(world, text) if "TEMP B-TREE" in step]
