"""PostgreSQL can find rows by indexes, too: which it takes, it chooses by what is in the tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from incident_service import clock
from incident_service.database.engine import Cursor, Values
from incident_service.database.server import ServerConnection, ServerDatabase
from incident_service.paging.lookout import Lookout
from incident_service.store import deliveries, tasks, timers
from tests.helpers import engines
from tests.helpers.duty import perform_at
from tests.helpers.monitoring import Tool, after, fire, resolved
from tests.helpers.world import World

ONE_ROW = {"page_outcomes", "paging_presence", "schema_version", "secrets", "organizations"}
"""Tables that do not grow, or by the organization alone."""

Run = tuple[str, Values]


@pytest.fixture
def database(world: World, postgres: engines.Server) -> ServerDatabase:
    assert isinstance(world.database, ServerDatabase)
    return world.database


@contextmanager
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Run]]:
    """Collect every statement that runs, each once."""
    statements: dict[str, Values] = {}
    execute, executemany = ServerConnection.execute, ServerConnection.executemany

    def once(self: ServerConnection, sql: str, values: Values = (), /) -> Cursor:
        statements.setdefault(sql, values)
        return execute(self, sql, values)

    def many(self: ServerConnection, sql: str, rows: Any, /) -> None:
        rows = list(rows)
        statements.update((sql, values) for values in rows[:1])
        executemany(self, sql, rows)

    found: list[Run] = []
    with monkeypatch.context() as patched:
        patched.setattr(ServerConnection, "execute", once)
        patched.setattr(ServerConnection, "executemany", many)
        yield found
    found += statements.items()


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def scans(database: ServerDatabase, statements: list[Run]) -> list[str]:
    """Return what the statements read from end to end though no other way is dearer."""
    found = []
    explained = [run for run in statements if re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)\b", run[0])]
    assert explained
    with database.connect() as connection:
        execute = ServerConnection(connection).execute
        execute("SET enable_seqscan = off")
        for sql, values in explained:
            row = execute(f"EXPLAIN (FORMAT JSON) {sql}", values).fetchone()
            scanned = {
                node["Relation Name"]
                for node in nodes(json.loads(row["QUERY PLAN"])[0]["Plan"])
                if node["Node Type"] == "Seq Scan"
            }
            found += [f"{table}: {sql}" for table in sorted(scanned - ONE_ROW)]
    return found


def test_a_query_without_an_index_is_noticed(world: World, database: ServerDatabase) -> None:
    query = "SELECT * FROM incidents WHERE title = :title"
    assert scans(database, [(query, {"title": "x"})])
    query = "SELECT * FROM incidents WHERE org_id = :org_id AND id = :id"
    assert scans(database, [(query, {"org_id": "x", "id": "y"})]) == []


FILTERS: list[dict[str, str]] = [
    {},
    {"status": "open"},
    {"status": "resolved", "severity": "critical"},
    {"ownerId": "{user}"},
    {"componentId": "{component}", "from": "2025-01-01"},
    {"q": "payment err"},
    {"q": "payment", "status": "open", "severity": "critical"},
]


def test_the_lists(world: World, database: ServerDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    assert world.post().status_code == 201
    names = {"user": world.made.user_id, "component": world.made.component_id}
    with ran(monkeypatch) as statements:
        for filters in FILTERS:
            query = {name: value.format(**names) for name, value in filters.items()}
            assert world.call("GET", "incidents", **query).status_code == 200
        firing = {"status": "firing", "severity": "low"}
        assert world.call("GET", "alerts", **firing).status_code == 200
        assert world.call("GET", "audit-events", resourceType="user").status_code == 200
        for path in (
            "alerts",
            "audit-events",
            "components",
            "escalation/policies",
            "integrations/inbound",
            "maintenance-windows",
            "oncall",
            "oncall/schedules",
            "routing/policies",
            "status-pages",
            "subscriptions",
            "users",
            "working-hours",
        ):
            assert world.call("GET", path).status_code == 200, path
    assert scans(database, statements) == []


def test_an_incident_from_its_opening_to_its_end(
    world: World, database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ran(monkeypatch) as statements:
        id = world.post().json["data"]["id"]
        perform_at(world, clock.now(), by_email=True)
        world.make(f"incidents/{id}/updates", visibility="internal", body="Looking.")
        for verb in ("acknowledge", "resolve"):
            assert world.call("POST", f"incidents/{id}/{verb}", {}).status_code == 200, verb
        for path in ("", "/audit-trail", "/updates", "/alerts"):
            assert world.call("GET", f"incidents/{id}{path}").status_code == 200
    assert scans(database, statements) == []


def test_taking_in_alerts(
    world: World, database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = Tool(world, default_severity="low", component_id=world.made.component_id)
    with ran(monkeypatch) as statements:
        tool.send(0, *[fire(f"{n}", severity="high") for n in range(3)])
        tool.send(1, fire("low"), fire("0", severity="critical"), resolved("1"))
        tool.send(2, resolved("0"), resolved("2"))
        perform_at(world, after(62))
    assert scans(database, statements) == []


def test_what_is_due(
    world: World, database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.post().status_code == 201
    at = "2099-01-01T00:00:00.000Z"
    with ran(monkeypatch) as statements, database.read() as db:
        timers.due_organizations(db, at)
        timers.first_due(db, world.made.org_id, at)
        timers.next_due_at(db)
        tasks.due_organizations(db, at)
        tasks.first_due(db, world.made.org_id, at)
        deliveries.next_due_at(db)
        deliveries.page_due_at(db, at)
        Lookout().due(db, at=at, each=8)
        lane = deliveries.Lane(deliveries.Queue(world.made.org_id, 0), "x", "y")
        assert deliveries.due(db, [lane], at=at, each=8) == []
    assert scans(database, statements) == []
