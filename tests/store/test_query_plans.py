"""No reading call walks through a table: every statement finds its rows by an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import pytest

from incident_service.paging import escalation
from incident_service.store import deliveries, timers
from tests.conftest import World

# What a plan may go through from end to end: what the statement itself brings or has made.
_OWN_ROWS = re.compile(r"SCAN (json_each\b|CONSTANT ROW|\(subquery-\d+\))")


@contextmanager
def traced(world: World) -> Iterator[list[str]]:
    """Collect every statement that this thread's connection runs, with its values in place."""
    statements: list[str] = []
    with world.database.read() as db:
        db.set_trace_callback(statements.append)
    yield statements
    with world.database.read() as db:
        db.set_trace_callback(None)


def plan(world: World, statement: str) -> list[str]:
    return [row["detail"] for row in world.rows(f"EXPLAIN QUERY PLAN {statement}")]


def scans(world: World, statement: str) -> list[str]:
    """Return the steps of the plan that go through a whole table or index."""
    steps = plan(world, statement)
    return [step for step in steps if step.startswith("SCAN") and not _OWN_ROWS.match(step)]


def walks(world: World, statement: str) -> list[str]:
    """Return the steps that go through a whole table, or all that an organization has in it."""
    of_organization = [step for step in plan(world, statement) if step.endswith(" (org_id=?)")]
    return scans(world, statement) + of_organization


def selects(world: World, path: str, query: dict[str, str]) -> list[str]:
    """Make the call; return the queries that it ran."""
    with traced(world) as statements:
        answer = world.call("GET", path, **query)
    assert answer.status_code == 200, answer.json
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH)\b", text)]
    assert found, statements
    return found


@pytest.fixture
def filled(world: World) -> World:
    """The world with something of everything, so that no query is left out."""
    made, user = world.made, world.made.user_id
    for _ in range(3):
        assert world.post().status_code == 201
    hours = world.make(
        "working-hours",
        name="Office",
        timezone="UTC",
        windows=[{"days": [1], "start": "09:00", "end": "17:00"}],
    )
    world.make(
        f"oncall/schedules/{made.schedule_id}/overrides",
        userId=user,
        startsAt="2025-04-07T08:00:00Z",
        endsAt="2035-04-07T08:00:00Z",
    )
    step = {
        "targetType": "users",
        "userIds": [user],
        "escalateAfterSeconds": 60,
        "condition": {"workingHoursId": hours["id"], "when": "during"},
    }
    world.make("escalation/policies", name="Other", steps=[step])
    shown = [made.component_id]
    overrides = {made.component_id: "degraded"}
    world.make("status-pages", slug="one", title="One", componentIds=shown, overrides=overrides)
    (incident,) = world.rows("SELECT id FROM incidents WHERE sequential_id = 2")
    world.make(f"incidents/{incident['id']}/updates", visibility="internal", body="Looking.")
    return world


DAY = {"from": "2025-04-07", "to": "2035-04-07"}
FILTERS: list[dict[str, str]] = [
    {},
    {"status": "investigating"},
    {"severity": "critical"},
    {"ownerId": "{user_id}"},
    {"componentId": "{component_id}"},
    {"from": DAY["from"]},
    {"to": DAY["to"]},
    DAY,
]
COMBINED: list[dict[str, str]] = [
    {"status": "investigating", "severity": "critical"},
    {"status": "investigating", "ownerId": "{user_id}", **DAY},
    {"severity": "critical", "componentId": "{component_id}"},
    {"ownerId": "{user_id}", "componentId": "{component_id}", **DAY},
    {
        "status": "investigating",
        "severity": "critical",
        "ownerId": "{user_id}",
        "componentId": "{component_id}",
        **DAY,
    },
]


@pytest.mark.parametrize("paged", [False, True], ids=["first", "next"])
@pytest.mark.parametrize("filters", FILTERS + COMBINED, ids=lambda query: "+".join(query) or "all")
def test_the_list_of_incidents(filled: World, filters: dict[str, str], paged: bool) -> None:
    query = {name: value.format(**asdict(filled.made)) for name, value in filters.items()}
    query["limit"] = "1"
    if paged:
        page = filled.call("GET", "incidents", **query).json["data"]
        query["cursor"] = page["nextCursor"]
    found = selects(filled, "incidents", query)
    (of_page,) = (text for text in found if re.search(r"SELECT incident\.\*", text))
    assert [walk for text in found for walk in walks(filled, text)] == []
    assert [step for step in plan(filled, of_page) if "ORDER BY" in step] == []


WINDOW = {"from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}


@pytest.mark.parametrize(
    "path",
    [
        "components",
        "users",
        "api-keys",
        "working-hours",
        "oncall",
        "oncall/schedules",
        "escalation/policies",
        "status-pages",
    ],
)
def test_the_lists_of_configuration(filled: World, path: str) -> None:
    found = selects(filled, path.format(**asdict(filled.made)), {})
    assert [scan for text in found for scan in scans(filled, text)] == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("incidents/{incident_id}", {}),
        ("incidents/{incident_id}/audit-trail", {}),
        ("incidents/{incident_id}/updates", {}),
        ("components/{component_id}", {}),
        ("escalation/policies/{policy_id}", {}),
        ("users/{user_id}", {}),
        ("working-hours/{hours_id}", {}),
        ("status-pages/{page_id}", {}),
        ("oncall/schedules/{schedule_id}", {}),
        ("oncall/schedules/{schedule_id}/overrides", {}),
        ("oncall/schedules/{schedule_id}/overrides", WINDOW),
        ("oncall/schedules/{schedule_id}/resolve", {}),
        ("oncall/schedules/{schedule_id}/shifts", WINDOW),
    ],
)
def test_what_asks_for_one_thing(filled: World, path: str, query: dict[str, str]) -> None:
    (incident,) = filled.rows("SELECT id FROM incidents WHERE sequential_id = 2")
    (hours,) = filled.rows("SELECT id FROM working_hours")
    (page,) = filled.rows("SELECT id FROM status_pages")
    names = {
        **asdict(filled.made),
        "incident_id": incident["id"],
        "hours_id": hours["id"],
        "page_id": page["id"],
    }
    found = selects(filled, path.format(**names), query)
    assert [walk for text in found for walk in walks(filled, text)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM incidents",
        "SELECT id FROM incidents WHERE org_id = 'org_' || id ORDER BY sequential_id",
        "SELECT count(*) FROM incidents AS incident WHERE title = 'x'",
        "SELECT * FROM json_each('[]') AS asked JOIN incidents ON incidents.title = asked.value",
    ],
)
def test_a_query_without_an_index_is_noticed(world: World, statement: str) -> None:
    assert scans(world, statement)


def test_a_query_that_reads_all_of_an_organization_is_noticed(world: World) -> None:
    statement = "SELECT * FROM incidents WHERE org_id = 'x' AND title = 'y'"
    assert not scans(world, statement)
    assert walks(world, statement)


def test_an_order_without_an_index_is_noticed(world: World) -> None:
    steps = plan(world, "SELECT * FROM incidents WHERE org_id = 'x' ORDER BY title")
    assert any("USE TEMP B-TREE FOR ORDER BY" in step for step in steps)


def test_what_is_due(filled: World) -> None:
    database = filled.database
    database.write(escalation.fire_due, filled.made.org_id, by_email=True)
    at = "2099-01-01T00:00:00.000Z"
    with traced(filled) as statements, database.read() as db:
        timers.due_organizations(db, at)
        timers.first_due(db, filled.made.org_id, at)
        timers.next_due_at(db)
        deliveries.next_due_at(db)
        assert deliveries.waiting(db, at=at, each=8)
    found = [text for text in statements if re.match(r"\s*(SELECT|WITH)\b", text)]
    assert len(found) == 5
    own_rows = re.compile(r"SCAN (lane|tries|organization|2 CONSTANT ROWS)$")
    first_lane = "SCAN deliveries USING COVERING INDEX deliveries_by_lane"  # one row, by its LIMIT
    steps = [scan for text in found for scan in scans(filled, text)]
    assert [step for step in steps if not own_rows.match(step) and step != first_lane] == []


def test_what_is_due_is_found_among_many(filled: World) -> None:
    """However many wait in a lane, the first few are read: the work is counted, not the time."""
    filled.execute(
        """
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
        INSERT INTO deliveries (
            org_id, id, incident_id, user_id, receiver, attempts, created_at, due_at)
        SELECT
            ?, 'id' || n, (SELECT min(id) FROM incidents), ?, 'r' || (n % 10), n % 3, '2025', '2025'
        FROM n
        """,
        filled.made.org_id,
        filled.made.user_id,
    )
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with filled.database.read() as db:
        db.set_progress_handler(count, 100)
        found = deliveries.waiting(db, at="2026", each=8)
        db.set_progress_handler(None, 0)
    assert len(found) == 10 * 2 * 8
    assert steps < 1000
