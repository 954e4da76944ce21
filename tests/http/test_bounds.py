"""Nothing is read without bounds, and nothing long is read while others wait to write."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from typing import Any

import pytest

from incident_service import clock, ids, resources
from incident_service.incidents import reading
from incident_service.oncall import layers, overrides
from incident_service.people import keys, users
from incident_service.quickstart import Provisioned
from incident_service.status import status_pages
from tests.helpers.world import World

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
    columns = "org_id, incident_id, number, id, event, at, actor_id, details"
    insert = f"INSERT INTO audit_events ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    world.database.write(None, lambda db, **_: db.executemany(insert, rows))


def lengthen_updates(world: World, id: str, number: int, *, text: str = "So far so good.") -> None:
    at = clock.format_instant(clock.now())
    rows = [
        (world.made.org_id, id, n, ids.new_id(), "internal", text, "ada", "Ada", at)
        for n in range(1, number + 1)
    ]
    insert = """
        INSERT INTO incident_updates (org_id, incident_id, number, id, visibility, body, posted_by,
            posted_by_name, posted_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"""
    world.database.write(None, lambda db, **_: db.executemany(insert, rows))


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


@pytest.mark.sqlite_only("the file")
def test_what_changes_an_incident_reads_no_trail_in_its_turn(
    world: World, id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is read after the commit, when others may write."""
    ben = world.make("users", email="ben@example.com")["id"]
    get, reads = reading.get, 0

    def watched(*args: Any) -> Any:
        nonlocal reads
        reads += 1
        with contextlib.closing(sqlite3.connect(world.file.path, timeout=0)) as another:
            another.execute("BEGIN IMMEDIATE")  # raises where somebody is writing
        return get(*args)

    monkeypatch.setattr(reading, "get", watched)
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


@pytest.mark.parametrize(
    ("limit", "path", "body", "code"),
    [
        ((resources.MAX_THINGS, "components"), "components", {}, "too_many_components"),
        (
            (resources.MAX_THINGS, "schedules"),
            "oncall/schedules",
            {"timezone": "UTC"},
            "too_many_schedules",
        ),
        (
            (resources.MAX_THINGS, "escalation_policies"),
            "escalation/policies",
            {},
            "too_many_escalation_policies",
        ),
        (
            (resources.MAX_THINGS, "working_hours"),
            "working-hours",
            {"timezone": "UTC", "windows": [{"days": [1], "start": "09:00", "end": "17:00"}]},
            "too_many_working_hours",
        ),
        ((keys, "MAX_KEYS"), "api-keys", {}, "too_many_api_keys"),
        ((users, "MAX_USERS"), "users", {"name": ..., "email": "{}@b"}, "too_many_users"),
        (
            (status_pages, "MAX_PAGES"),
            "status-pages",
            {"name": ..., "slug": "page-{}", "title": "T"},
            "too_many_status_pages",
        ),
        (
            (overrides, "MAX_OVERRIDES"),
            "oncall/schedules/{schedule_id}/overrides",
            {
                "name": ...,
                "userId": "{user_id}",
                "startsAt": "20{}-01-01T00:00:00Z",
                "endsAt": "20{}-01-02T00:00:00Z",
            },
            "too_many_overrides",
        ),
        (
            (layers, "MAX_LAYERS"),
            "oncall/schedules/{schedule_id}/layers",
            {
                "rotationType": "daily",
                "handoffTime": "09:00",
                "effectiveFrom": "2026-01-01T00:00:00Z",
                "participantIds": ["{user_id}"],
            },
            "too_many_layers",
        ),
    ],
)
def test_what_lists_list_whole_is_bounded(
    world: World,
    other_org: Provisioned,
    monkeypatch: pytest.MonkeyPatch,
    limit: tuple[Any, str],
    path: str,
    body: dict[str, Any],
    code: str,
) -> None:
    made = dataclasses.asdict(world.made)
    path = path.format(**made)
    listed = (
        world.rows("SELECT 1 FROM schedule_layers WHERE schedule_id = ?", made["schedule_id"])
        if path.endswith("layers")
        else world.call("GET", path).json["data"]
    )
    if isinstance(listed, dict):
        listed = next(iter(listed.values()))
    room = len(listed) + 1
    where, name = limit
    if isinstance(where, dict):
        monkeypatch.setitem(where, name, room)
    else:
        monkeypatch.setattr(where, name, room)

    def make(n: int) -> Any:
        def filled(value: Any) -> Any:
            if isinstance(value, list) and value and isinstance(value[0], str):
                return [filled(each) for each in value]
            return value.format(n, **made) if isinstance(value, str) else value

        fields = {field: filled(value) for field, value in {"name": "N{}", **body}.items()}
        return world.call("POST", path, {k: v for k, v in fields.items() if v is not ...})

    assert make(31).status_code == 201
    answer = make(32)
    assert (answer.status_code, answer.json["code"]) == (409, code), answer.json
    assert str(room) in answer.json["message"]
