"""`/v1/audit-events`: who changed what, of everything but incidents (contract §6)."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from incident_service import quickstart
from incident_service.cli import main
from incident_service.config import Settings
from incident_service.errors import StorageFull
from incident_service.people import users
from incident_service.severity import SEVERITIES
from incident_service.store import changes
from tests.helpers.clocks import write_at
from tests.helpers.described import operations
from tests.helpers.things import Things
from tests.helpers.world import World

NOON = datetime(2025, 4, 7, 12, tzinfo=UTC)

CHANGES_NOTHING = {
    "test_contact_method": "sends a message",
    "test_integration": "keeps nothing",
    "test_subscription": "sends a message",
    "preview_schedule": "tells what a change would do",
}
"""Calls that are no `GET` and change nothing, and what they do."""

EVERY_SEVERITY = {"contactMethodId": "x", "severities": list(SEVERITIES)}

CALLS = [
    (operation["operationId"], method.upper(), path, operation)
    for path, method, operation in operations()
    if method != "get"
    and not path.startswith("/v1/incidents")
    and operation["security"] == [{"apiKey": []}]
]


def log(world: World, **query: str) -> list[dict[str, Any]]:
    answer = world.call("GET", "audit-events", **query)
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["data"]["auditEvents"]
    return found


def number_of_changes(world: World) -> int:
    return len(world.rows("SELECT number FROM changes"))


@pytest.mark.parametrize(
    ("name", "method", "path", "operation"), CALLS, ids=[name for name, *_ in CALLS]
)
def test_every_call_that_changes_something_is_in_the_log(
    world: World, name: str, method: str, path: str, operation: Any
) -> None:
    if name in CHANGES_NOTHING:
        return
    things = Things.made(world)
    body = ...
    if "requestBody" in operation:
        body = things.body(operation["requestBody"]["content"]["application/json"]["example"], path)
    if name in ("delete_user", "remove_member"):
        things.ids["user"] = world.make("users", email="leaves@example.com")["id"]
    if name == "delete_notification_rules":
        rules = things.body({"rules": [EVERY_SEVERITY]}, path)
        assert world.call("PUT", things.path(path), rules).status_code == 200
    if name == "delete_postmortem_template":
        assert world.call("PUT", things.path(path), {"body": "T"}).status_code == 200
    before = number_of_changes(world)
    answer = world.call(method, things.path(path), body)
    assert answer.status_code in (200, 201, 204), answer.json
    data = answer.json["data"] if answer.data else {}
    several = path.endswith("/bulk")
    assert number_of_changes(world) == before + (len(data["overrides"]) if several else 1)
    (event,) = log(world, limit="1")
    assert event["actorId"] == world.made.user_id
    if method == "DELETE":
        assert (event["action"], event["after"]) == ("deleted", None)
        return
    if several:
        data = data["overrides"][-1]
    without_id = world.made.org_id if "template" in name else things.ids["user"]
    assert event["resourceId"] == data.get("id", without_id)
    assert (event["before"] is None) == (answer.status_code == 201)
    for field, value in event["after"].items():
        if field in data and field != "layers":
            assert value == data[field], field


def test_a_change_shows_what_changed_and_who_did_it(world: World, member: str) -> None:
    made = world.make("components", name="Search", aliases=["find"])
    (created,) = log(world, limit="1")
    assert created == {
        "id": created["id"],
        "at": made["createdAt"],
        "actorId": world.made.user_id,
        "action": "created",
        "resourceType": "component",
        "resourceId": made["id"],
        "before": None,
        "after": {
            "name": "Search",
            "description": None,
            "groupLabel": None,
            "aliases": ["find"],
            "escalationPolicyId": None,
        },
    }
    world.call("PATCH", f"components/{made['id']}", {"aliases": [], "name": "Search"})
    (changed,) = log(world, limit="1")
    assert (changed["before"], changed["after"]) == ({"aliases": ["find"]}, {"aliases": []})
    world.call("PATCH", f"components/{made['id']}", {"name": "Search"})
    assert log(world, limit="1") == [changed]
    world.call("DELETE", f"components/{made['id']}")
    (deleted, *_) = log(world, resourceId=made["id"])
    assert deleted["before"]["name"] == "Search"
    layers = f"oncall/schedules/{world.made.schedule_id}/layers"
    assert world.call("POST", layers, {}, key=member).status_code == 403
    assert log(world, limit="1") == [deleted]


def test_what_goes_with_a_user_is_in_the_log(world: World) -> None:
    user = world.make("users", email="leaves@example.com")["id"]
    gone = {
        "api_key": world.make("api-keys", name="K", userId=user)["id"],
        "calendar_feed": world.make(f"users/{user}/calendar-feeds")["id"],
        "contact_method": world.make(
            f"users/{user}/contact-methods", label="Phone", url="ntfys://ntfy.sh/secret-topic"
        )["id"],
        "user": user,
    }
    before = number_of_changes(world)
    assert world.call("DELETE", f"users/{user}").status_code == 204
    events = log(world, limit=str(number_of_changes(world) - before))
    assert {event["resourceType"]: event["resourceId"] for event in events} == gone
    assert len(events) == len(gone)
    assert events[0]["resourceType"] == "user"
    for event in events:
        assert (event["action"], event["after"]) == ("deleted", None)
        assert event["actorId"] == world.made.user_id
    assert "secret-topic" not in json.dumps(world.rows("SELECT * FROM changes"))


def test_what_named_a_deleted_thing_is_in_the_log(world: World) -> None:
    policy = world.make("escalation/policies", name="P")["id"]
    component = world.make("components", name="C", escalationPolicyId=policy)["id"]
    tool = world.make("integrations/inbound", name="T", kind="generic", componentId=component)["id"]
    world.call("PATCH", "organization", {"defaultEscalationPolicyId": policy})

    def deleted(path: str, number: int) -> list[tuple[Any, ...]]:
        before = number_of_changes(world)
        assert world.call("DELETE", path).status_code == 204
        assert number_of_changes(world) == before + number
        return [
            (event["resourceId"], event["action"], event["before"], event["after"])
            for event in log(world, limit=str(number))[1:]
        ]

    assert deleted(f"escalation/policies/{policy}", 3) == [
        (
            world.made.org_id,
            "changed",
            {"defaultEscalationPolicyId": policy},
            {"defaultEscalationPolicyId": None},
        ),
        (component, "changed", {"escalationPolicyId": policy}, {"escalationPolicyId": None}),
    ]
    assert deleted(f"components/{component}", 2) == [
        (tool, "changed", {"componentId": component}, {"componentId": None})
    ]


def test_the_log_keeps_no_secret(world: World) -> None:
    things = Things.made(world)
    key = world.make("api-keys", name="Secret")
    tool = world.make("integrations/inbound", name="Tool", kind="generic")
    rotated = world.call("POST", f"integrations/inbound/{tool['id']}/rotate-token").json["data"]
    (event,) = log(world, limit="1")
    assert (event["action"], event["before"], event["after"]) == ("token_rotated", {}, {})
    path = f"users/{things.ids['user']}/contact-methods"
    world.make(path, label="Phone", url="ntfys://ntfy.sh/secret-topic")
    (event,) = log(world, limit="1")
    assert event["after"]["url"] == "ntfys://***"
    kept = json.dumps(world.rows("SELECT * FROM changes"))
    for secret in (key["key"], tool["token"], rotated["token"], "secret-topic", ":word"):
        assert secret not in kept
    for table, column in (("api_keys", "key_hash"), ("integrations", "token_hash")):
        for row in world.rows(f"SELECT {column} AS hash FROM {table}"):
            assert row["hash"] not in kept


def test_long_values_are_cut(world: World) -> None:
    world.make("oncall/schedules", name="Long", timezone="UTC", description="x" * 10_000)
    (event,) = log(world, limit="1")
    assert event["after"]["description"] == "x" * changes.MAX_VALUE + "…"
    aliases = [f"{n:0255}" for n in range(50)]
    made = world.make("components", name="Many", aliases=aliases)
    (event,) = log(world, limit="1")
    assert event["after"]["aliases"].startswith('["000')
    assert len(event["after"]["aliases"]) == changes.MAX_VALUE + 1
    world.call("PATCH", f"components/{made['id']}", {"aliases": [*aliases[:-1], "last"]})
    assert log(world, limit="1")[0]["action"] == "changed"


def test_commands_and_the_quickstart_are_in_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "INCIDENT_SERVICE_DATABASE", Settings(database=world.database.where).database_variable
    )
    org = world.made.org_id
    of_quickstart = log(world, limit="100")
    assert [event["resourceType"] for event in of_quickstart[::-1]] == [
        "organization",
        "user",
        "api_key",
        "schedule",
        "schedule_layer",
        "escalation_policy",
        "component",
    ]
    assert {event["actorId"] for event in of_quickstart[-3:]} == {None}
    made = {}
    for command, kind in (
        (("create-user", "--email", "b@example.com"), "user"),
        (("create-key",), "api_key"),
        (("create-integration", "--name", "Tool", "--kind", "generic"), "integration"),
    ):
        printed = CliRunner().invoke(main, [*command, "--org", org])
        made[kind] = json.loads(printed.stdout)["id"]
        (event,) = log(world, limit="1")
        assert (event["actorId"], event["action"]) == (None, "created")
        assert (event["resourceType"], event["resourceId"]) == (kind, made[kind])


def test_the_log_is_filtered_and_cut_into_parts(world: World) -> None:
    every = log(world, limit="100")
    assert [event["at"] for event in every] == sorted((e["at"] for e in every), reverse=True)
    walked, query = [], {"limit": "2"}
    while True:
        page = world.call("GET", "audit-events", **query).json["data"]
        walked += page["auditEvents"]
        if page["nextCursor"] is None:
            break
        query["cursor"] = page["nextCursor"]
    assert walked == every
    by_type = log(world, resourceType="schedule")
    assert by_type == [event for event in every if event["resourceType"] == "schedule"]
    schedule = world.made.schedule_id
    assert log(world, resourceId=schedule) == by_type
    assert log(world, resourceId=schedule.upper()) == by_type
    by_actor = log(world, actorId=world.made.user_id)
    assert by_actor == [event for event in every if event["actorId"] == world.made.user_id]
    assert log(world, resourceType="user", resourceId=schedule) == []
    bad = world.call("GET", "audit-events", cursor="x")
    assert (bad.status_code, bad.json["code"]) == (400, "invalid_cursor")
    bad = world.call("GET", "audit-events", resourceType="incident")
    assert list(bad.json["errors"]) == ["resourceType"]


def test_a_window_includes_both_its_ends(world: World) -> None:
    for minute in range(3):
        write_at(
            NOON + timedelta(days=9000, minutes=minute),
            world.database,
            users.create,
            org_id=world.made.org_id,
            email=f"{minute}@example.com",
            role="org:member",
        )
    third, second, first, *_ = log(world)
    assert log(world, **{"from": second["at"]}) == [third, second]
    assert log(world, to=first["at"])[0] == first
    assert log(world, **{"from": first["at"], "to": second["at"]}) == [second, first]
    assert log(world, **{"from": second["at"], "to": second["at"]}, limit="1") == [second]
    assert log(world, **{"from": "2999-01-01"}) == []
    bad = world.call("GET", "audit-events", **{"from": "2026-02-01", "to": "2026-01-01"})
    assert list(bad.json["errors"]) == ["to"]


def test_the_log_is_for_admins_of_the_organization(
    world: World, member: str, other_org: quickstart.Provisioned
) -> None:
    answer = world.call("GET", "audit-events", key=member)
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    answer = world.call("GET", "audit-events", key=other_org.key, limit="100")
    theirs = {event["resourceId"] for event in answer.json["data"]["auditEvents"]}
    assert other_org.schedule_id in theirs
    assert not theirs & {event["resourceId"] for event in log(world, limit="100")}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM changes",
        "UPDATE changes SET actor_id = 'somebody else'",
        pytest.param(
            "INSERT OR REPLACE INTO changes SELECT * FROM changes",
            marks=pytest.mark.sqlite_only("a statement of its own"),
        ),
    ],
)
def test_nobody_can_change_the_log(world: World, sql: str) -> None:
    with pytest.raises((sqlite3.Error, psycopg.Error, StorageFull), match="append-only"):
        world.execute(sql)


def test_the_log_never_runs_backwards(world: World) -> None:
    for days in (2, 1):
        write_at(
            NOON + timedelta(days=9000 + days),
            world.database,
            users.create,
            org_id=world.made.org_id,
            email=f"{days}@example.com",
            role="org:member",
        )
    second, first, *_ = log(world)
    assert second["at"] == first["at"]


@pytest.mark.sqlite_only("what schema.sql says; the two schemas are compared")
def test_the_kinds_are_the_same_in_the_code_and_the_schema(world: World) -> None:
    (table,) = world.rows("SELECT sql FROM sqlite_schema WHERE name = 'changes'")
    actions, resource_types = (
        re.findall(r"'(\w+)'", listed)
        for listed in re.findall(r"CHECK \(\w+ IN \(([^)]*)\)\)", table["sql"])
    )
    assert actions == list(changes.ACTIONS)
    assert resource_types == list(changes.RESOURCE_TYPES)
