"""`/v1/subscriptions`: who is told what happens, and whether a message arrives (contract §8)."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from incident_service import quickstart
from incident_service.paging import subscriptions
from tests.helpers.receivers import receiving
from tests.helpers.subscribed import HOOK, subscribe, waiting
from tests.helpers.world import World

BODY = {"label": "#incidents", "url": HOOK, "events": ["incident_opened", "shift_changed"]}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_subscription_is_made_read_changed_and_deleted(world: World) -> None:
    made, schedule = world.made, world.made.schedule_id
    answer = world.call("POST", "subscriptions", BODY)
    assert answer.status_code == 201
    one = answer.json["data"]
    assert answer.headers["Location"] == f"/v1/subscriptions/{one['id']}"
    assert one == {
        "id": one["id"],
        "orgId": made.org_id,
        "label": "#incidents",
        "url": "https://chat.example.com/***",
        "events": ["incident_opened", "shift_changed"],
        "severities": None,
        "scheduleIds": None,
        "componentIds": None,
        "createdBy": made.user_id,
        "createdAt": one["createdAt"],
        "updatedAt": one["createdAt"],
    }
    path = f"subscriptions/{one['id']}"
    assert world.call("GET", path).json["data"] == one
    changes = {
        "severities": ["low"],
        "scheduleIds": [schedule.upper()],
        "componentIds": [made.component_id],
    }
    changed = world.call("PATCH", path, changes).json["data"]
    assert changed == {
        **one,
        **changes,
        "scheduleIds": [schedule],
        "updatedAt": changed["updatedAt"],
    }
    cleared = world.call("PATCH", path, dict.fromkeys(changes)).json["data"]
    assert cleared == {**one, "updatedAt": cleared["updatedAt"]}
    assert world.call("PATCH", path, {}).json["data"] == cleared
    assert world.call("DELETE", path).status_code == 204
    assert code(world.call("GET", path)) == (404, "not_found")


def test_the_list_is_newest_first_and_has_a_cursor(world: World) -> None:
    made = [subscribe(world, label=str(n)) for n in range(3)]
    first = world.call("GET", "subscriptions", limit="2").json["data"]
    assert [each["id"] for each in first["subscriptions"]] == [made[2], made[1]]
    rest = world.call("GET", "subscriptions", cursor=first["nextCursor"]).json["data"]
    assert [each["id"] for each in rest["subscriptions"]] == [made[0]]
    assert rest["nextCursor"] is None
    assert code(world.call("GET", "subscriptions", cursor="x")) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("label", ""),
        ("label", None),
        ("label", "x" * 256),
        ("url", None),
        ("url", "chat"),
        ("url", "file:///etc/passwd"),
        ("url", "https://ada:word@example.com/"),
        ("events", None),
        ("events", []),
        ("events", ["incident_opened", "incident_opened"]),
        ("events", ["page_sent"]),
        ("severities", []),
        ("severities", ["worst"]),
        ("scheduleIds", []),
        ("scheduleIds", ["x"]),
        ("scheduleIds", [str(uuid4())] * 2),
        ("componentIds", [str(uuid4()) for _ in range(101)]),
        ("status", "x"),
    ],
)
def test_what_is_not_valid(world: World, field: str, value: Any) -> None:
    refused = world.call("POST", "subscriptions", {**BODY, field: value})
    assert code(refused) == (400, "validation_error")
    assert list(refused.json["errors"]) == [field]
    path = f"subscriptions/{subscribe(world)}"
    assert code(world.call("PATCH", path, {field: value})) == (400, "validation_error")


@pytest.mark.parametrize(
    ("field", "expected"),
    [("scheduleIds", "invalid_schedule_id"), ("componentIds", "invalid_component_id")],
)
def test_what_a_subscription_names_is_there(
    world: World, other_org: quickstart.Provisioned, field: str, expected: str
) -> None:
    theirs = {"scheduleIds": other_org.schedule_id, "componentIds": other_org.component_id}[field]
    path = f"subscriptions/{subscribe(world)}"
    for id in (theirs, str(uuid4())):
        for method, to in (("POST", "subscriptions"), ("PATCH", path)):
            refused = world.call(method, to, {**BODY, field: [id]})
            assert code(refused) == (400, expected)
            assert id in refused.json["message"]


def test_a_member_reads_and_another_organization_sees_nothing(
    world: World, member: str, other_org: quickstart.Provisioned
) -> None:
    id = subscribe(world)
    path = f"subscriptions/{id}"
    assert world.call("GET", path, key=member).status_code == 200
    assert world.call("GET", "subscriptions", key=member).status_code == 200
    for method, to in (
        ("POST", "subscriptions"),
        ("PATCH", path),
        ("DELETE", path),
        ("POST", f"{path}/test"),
    ):
        assert code(world.call(method, to, BODY, key=member)) == (403, "forbidden")
        if to != "subscriptions":
            answer = world.call(method, to, BODY, key=other_org.key)
            assert code(answer) == (404, "not_found")
    assert world.call("GET", "subscriptions", key=other_org.key).json["data"]["subscriptions"] == []


def test_an_organization_has_a_hundred_at_most(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert subscriptions.MAX_SUBSCRIPTIONS == 100
    monkeypatch.setattr(subscriptions, "MAX_SUBSCRIPTIONS", 2)
    first = subscribe(world)
    subscribe(world)
    assert code(world.call("POST", "subscriptions", BODY)) == (409, "too_many_subscriptions")
    world.call("DELETE", f"subscriptions/{first}")
    assert world.call("POST", "subscriptions", BODY).status_code == 201


def test_a_test_says_whether_it_arrived(world: World) -> None:
    with receiving() as receiver:
        id = subscribe(world, url=receiver.url("json"))
        answer = world.call("POST", f"subscriptions/{id}/test")
        assert answer.json["data"] == {"delivered": True, "reason": None}
        receiver.status = 500
        answer = world.call("POST", f"subscriptions/{id}/test")
        assert answer.json["data"] == {
            "delivered": False,
            "reason": "json did not take the message",
        }
    body = json.loads(receiver.got[0][2])
    assert body["title"].startswith("[critical] #9999999 Test:")
    assert body["message"].startswith("Opened by a test.")
    assert waiting(world) == []


def test_the_log_keeps_no_url_and_tells_of_another_secret(world: World) -> None:
    id = subscribe(world)
    other = {"url": HOOK.replace("s3cret", "an0ther")}
    assert world.call("PATCH", f"subscriptions/{id}", other).status_code == 200
    changed, made = world.call("GET", "audit-events", limit="2").json["data"]["auditEvents"]
    assert made["after"]["url"] == "https://chat.example.com/***"
    assert (changed["action"], changed["resourceType"]) == ("changed", "subscription")
    kept = json.dumps(world.rows("SELECT * FROM changes"))
    assert "s3cret" not in kept and "an0ther" not in kept
