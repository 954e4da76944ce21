"""Nothing is read without bounds, and nothing long is read while others wait to write."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import Any

import pytest

from incident_service import clock, ids, incidents
from incident_service.quickstart import Provisioned
from tests.conftest import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def id(world: World) -> str:
    opened: str = world.post().json["data"]["id"]
    return opened


def lengthen_trail(world: World, id: str, events: int, *, text: str = "") -> None:
    """Add events to an incident's trail, numbered 2, 3 ... as a long life would."""
    at, details = clock.format_instant(clock.now()), json.dumps({"before": text})
    rows = [
        (world.made.org_id, id, n, ids.new_id(), "incident_edited", at, None, details)
        for n in range(2, events + 2)
    ]
    insert = "INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    world.database.write(lambda db: db.executemany(insert, rows))


def lengthen_updates(world: World, id: str, number: int, *, text: str = "So far so good.") -> None:
    at = clock.format_instant(clock.now())
    rows = [
        (world.made.org_id, id, n, ids.new_id(), "internal", text, "ada", "Ada", at)
        for n in range(1, number + 1)
    ]
    insert = """
        INSERT INTO incident_updates (org_id, incident_id, number, id, visibility, body, posted_by,
            posted_by_name, posted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    world.database.write(lambda db: db.executemany(insert, rows))


def walk(world: World, path: str, name: str, **query: str) -> list[list[dict[str, Any]]]:
    """Return the parts of a list."""
    parts = []
    while True:
        answer = world.call("GET", path, **query)
        assert answer.status_code == 200, answer.json
        assert answer.json["data"].keys() == {name, "nextCursor"}
        parts.append(answer.json["data"][name])
        if answer.json["data"]["nextCursor"] is None:
            return parts
        query["cursor"] = answer.json["data"]["nextCursor"]


class TestTrail:
    def test_an_incident_shows_the_latest_1000_events_and_counts_the_rest(
        self, world: World, id: str
    ) -> None:
        lengthen_trail(world, id, 999)
        whole = world.call("GET", f"incidents/{id}").json["data"]
        assert (len(whole["auditTrail"]), whole["auditTrailOmitted"]) == (1000, 0)
        assert whole["auditTrail"][0]["event"] == "incident_opened"
        edited = world.call("PATCH", f"incidents/{id}", {"title": "New"}).json["data"]
        assert (len(edited["auditTrail"]), edited["auditTrailOmitted"]) == (1000, 1)
        assert edited["auditTrail"][:-1] == whole["auditTrail"][1:]
        assert edited["auditTrail"][-1]["details"]["after"] == {"title": "New"}

    def test_long_details_leave_room_for_fewer_events(self, world: World, id: str) -> None:
        lengthen_trail(world, id, 600, text="x" * 10_000)
        answer = world.call("GET", f"incidents/{id}")
        whole = answer.json["data"]
        assert len(answer.data) < 2 * 1024 * 1024
        assert len(whole["auditTrail"]) > 50
        assert len(whole["auditTrail"]) + whole["auditTrailOmitted"] == 601

    def test_its_own_list_walks_it_whole(self, world: World, id: str) -> None:
        lengthen_trail(world, id, 1200)
        parts = walk(world, f"incidents/{id}/audit-trail", "auditTrail", limit="100")
        assert [len(part) for part in parts] == [100] * 12 + [1]
        events = [event for part in parts for event in part]
        rows = world.rows("SELECT id FROM audit_events WHERE incident_id = ? ORDER BY number", id)
        assert [event["id"] for event in events] == [row["id"] for row in rows]
        whole = world.call("GET", f"incidents/{id}").json["data"]
        assert events[-1000:] == whole["auditTrail"]
        assert len(walk(world, f"incidents/{id}/audit-trail", "auditTrail")[0]) == 20

    def test_a_list_without_more_has_no_next_part(self, world: World, id: str) -> None:
        lengthen_trail(world, id, 19)
        assert [len(part) for part in walk(world, f"incidents/{id}/audit-trail", "auditTrail")] == [
            20
        ]


class TestUpdates:
    def test_all_of_them_come_at_once_unless_they_are_very_many(
        self, world: World, id: str
    ) -> None:
        lengthen_updates(world, id, 1001)
        path = f"incidents/{id}/updates"
        assert [len(part) for part in walk(world, path, "updates")] == [1000, 1]
        parts = walk(world, path, "updates", limit="100")
        rows = world.rows("SELECT id FROM incident_updates ORDER BY number")
        assert [update["id"] for part in parts for update in part] == [row["id"] for row in rows]

    def test_long_texts_come_in_smaller_parts(self, world: World, id: str) -> None:
        lengthen_updates(world, id, 250, text="x" * 10_000)
        parts = walk(world, f"incidents/{id}/updates", "updates")
        assert [len(part) for part in parts] == [104, 104, 42]


@pytest.mark.parametrize("list_", ["audit-trail", "updates"])
class TestParts:
    @pytest.mark.parametrize("limit", ["0", "101", "-1", "x", ""])
    def test_a_limit_is_checked(self, world: World, id: str, list_: str, limit: str) -> None:
        answer = world.call("GET", f"incidents/{id}/{list_}", limit=limit)
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["limit"])

    def test_a_cursor_is_of_its_list(self, world: World, id: str, list_: str) -> None:
        other = world.post().json["data"]["id"]
        for each in (id, other):
            lengthen_trail(world, each, 2)
            lengthen_updates(world, each, 2)
        paths = [
            f"incidents/{each}/{part}"
            for each in (id, other)
            for part in ("audit-trail", "updates")
        ]
        paths.append("incidents")
        mine = f"incidents/{id}/{list_}"
        for path in paths:
            cursor = world.call("GET", path, limit="1").json["data"]["nextCursor"]
            answer = world.call("GET", mine, limit="1", cursor=cursor)
            assert answer.status_code == (200 if path == mine else 400), path
        for cursor in ("", "x", "AAAA", "💥"):
            answer = world.call("GET", mine, cursor=cursor)
            assert (answer.status_code, answer.json["code"]) == (400, "invalid_cursor")

    def test_only_the_own_organization_has_one(
        self, world: World, id: str, list_: str, other_org: Provisioned
    ) -> None:
        for key, each in ((other_org.key, id), (None, UNKNOWN)):
            answer = world.call("GET", f"incidents/{each}/{list_}", key=key)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_what_changes_an_incident_reads_no_trail_in_its_turn(
    world: World, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is read after the commit, when others may write."""
    ben = world.make("users", email="ben@example.com")["id"]
    get, reads = incidents.get, 0

    def watched(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        with contextlib.closing(sqlite3.connect(world.database.path, timeout=0)) as another:
            another.execute("BEGIN IMMEDIATE")  # raises where somebody is writing
        return get(*args)

    monkeypatch.setattr(incidents, "get", watched)
    path = f"incidents/{id}"
    for method, call, body in (
        ("PATCH", path, {"title": "New"}),
        ("PATCH", f"{path}/status", {"status": "identified"}),
        ("POST", f"{path}/acknowledge", {}),
        ("POST", f"{path}/handoff", {"targetUserId": ben}),
        ("PUT", f"{path}/components", {"componentIds": []}),
    ):
        assert world.call(method, call, body).status_code == 200
    assert reads == 5
