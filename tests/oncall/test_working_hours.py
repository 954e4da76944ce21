"""`/v1/working-hours` (contract §5)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service import quickstart
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"

WEEKDAYS = {"days": [5, 1, 2, 3, 4], "start": "09:00", "end": "17:00"}
NIGHTS = {"days": [6, 7], "start": "22:00", "end": "06:00"}


def make(world: World, name: str = "Office", **changes: Any) -> dict[str, Any]:
    fields = {"name": name, "timezone": "America/Chicago", "windows": [NIGHTS, WEEKDAYS], **changes}
    return world.make("working-hours", **fields)


def test_a_life_of_working_hours(world: World) -> None:
    body = {"name": "Office", "timezone": "America/Chicago", "windows": [NIGHTS, WEEKDAYS]}
    answer = world.call("POST", "working-hours", body)
    assert answer.status_code == 201
    hours = answer.json["data"]
    path = f"working-hours/{hours['id']}"
    assert answer.headers["Location"] == f"/v1/{path}"
    assert hours == {
        "id": hours["id"],
        "orgId": world.made.org_id,
        **body,
        "createdAt": hours["createdAt"],
        "updatedAt": hours["createdAt"],
    }
    assert world.call("GET", path).json["data"] == hours
    assert world.call("GET", f"working-hours/{hours['id'].upper()}").status_code == 200
    assert world.call("PATCH", path, {}).json["data"] == hours
    changed = world.call("PATCH", path, {"windows": [WEEKDAYS]}).json["data"]
    assert changed == {**hours, "windows": [WEEKDAYS], "updatedAt": changed["updatedAt"]}
    changed = world.call("PATCH", path, {"name": "Desk", "timezone": "UTC"}).json["data"]
    assert (changed["name"], changed["timezone"]) == ("Desk", "UTC")
    make(world, "Branch")
    names = [h["name"] for h in world.call("GET", "working-hours").json["data"]]
    assert names == ["Branch", "Desk"]
    deleted = world.call("DELETE", path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        gone = world.call(method, path, {} if method == "PATCH" else ...)
        assert (gone.status_code, gone.json["code"]) == (404, "not_found")
    make(world, "Desk")  # the name is free again


def test_the_limits_are_allowed(world: World) -> None:
    always = {"days": [1, 2, 3, 4, 5, 6, 7], "start": "00:00", "end": "00:00"}
    hours = make(world, "n" * 255, windows=[always] * 50)
    assert hours["windows"] == [always] * 50


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"name": None}, "name", ""),
        ({"name": " "}, "name", ""),
        ({"name": "n" * 256}, "name", ""),
        ({"timezone": None}, "timezone", ""),
        ({"timezone": "Mars/Olympus"}, "timezone", ""),
        ({"windows": None}, "windows", ""),
        ({"windows": []}, "windows", ""),
        ({"windows": {}}, "windows", ""),
        ({"windows": [WEEKDAYS] * 51}, "windows", ""),
        ({"windows": [WEEKDAYS, "always"]}, "windows", "windows[1]"),
        ({"windows": [WEEKDAYS, {}]}, "windows", "windows[1].days"),
        ({"windows": [{**WEEKDAYS, "zone": "UTC"}]}, "windows", "windows[0].zone"),
        ({"windows": [{**WEEKDAYS, "start": "9:00"}]}, "windows", "windows[0].start"),
        ({"windows": [{**WEEKDAYS, "start": None}]}, "windows", "windows[0].start"),
        ({"windows": [{**WEEKDAYS, "end": "24:00"}]}, "windows", "windows[0].end"),
        ({"windows": [{**WEEKDAYS, "days": []}]}, "windows", "windows[0].days"),
        ({"windows": [{**WEEKDAYS, "days": [1, 1]}]}, "windows", "windows[0].days"),
        ({"windows": [{**WEEKDAYS, "days": [1, 0]}]}, "windows", "windows[0].days[1]"),
        ({"windows": [{**WEEKDAYS, "days": [8]}]}, "windows", "windows[0].days[0]"),
        ({"windows": [{**WEEKDAYS, "days": [True]}]}, "windows", "windows[0].days[0]"),
        ({"windows": [{**WEEKDAYS, "days": ["1"]}]}, "windows", "windows[0].days[0]"),
        ({"windows": [{**WEEKDAYS, "days": [1.0]}]}, "windows", "windows[0].days[0]"),
        ({"windows": [{**WEEKDAYS, "days": [None]}]}, "windows", "windows[0].days[0]"),
        ({"description": "x"}, "description", ""),
    ],
)
def test_what_is_refused(world: World, changes: dict[str, Any], field: str, said: str) -> None:
    body = {"name": "Office", "timezone": "UTC", "windows": [WEEKDAYS], **changes}
    answer = world.call("POST", "working-hours", body)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
    assert answer.json["message"].startswith(said or field)
    path = f"working-hours/{make(world)['id']}"
    patched = world.call("PATCH", path, changes)  # a PATCH is as strict within a window
    assert (patched.status_code, patched.json["errors"]) == (400, answer.json["errors"])


def test_what_is_missing_is_named(world: World) -> None:
    answer = world.call("POST", "working-hours", {})
    assert (answer.status_code, set(answer.json["errors"])) == (
        400,
        {"name", "timezone", "windows"},
    )


def test_a_name_is_unique(world: World) -> None:
    make(world, "Office")
    body = {"name": "Office", "timezone": "UTC", "windows": [WEEKDAYS]}
    answer = world.call("POST", "working-hours", body)
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    path = f"working-hours/{make(world, 'Other')['id']}"
    assert world.call("PATCH", path, {"name": "Office"}).json["code"] == "name_conflict"
    assert world.call("PATCH", path, {"name": "Other"}).status_code == 200


def test_hours_that_a_policy_uses_cannot_go(world: World) -> None:
    hours = make(world)
    layer = {
        "targetType": "users",
        "userIds": [world.made.user_id],
        "escalateAfterSeconds": 60,
        "condition": {"workingHoursId": hours["id"], "when": "during"},
    }
    policy = world.make("escalation/policies", name="By day", steps=[layer])
    path = f"working-hours/{hours['id']}"
    answer = world.call("DELETE", path)
    assert (answer.status_code, answer.json["code"]) == (409, "working_hours_in_use")
    assert "By day" in answer.json["message"]
    assert world.call("GET", path).status_code == 200
    world.call("DELETE", f"escalation/policies/{policy['id']}")
    assert world.call("DELETE", path).status_code == 204


def test_rights(world: World, member: str, other_org: quickstart.Provisioned) -> None:
    path = f"working-hours/{make(world)['id']}"
    assert world.call("GET", "working-hours", key=member).status_code == 200
    assert world.call("GET", path, key=member).status_code == 200
    for method, where in (("POST", "working-hours"), ("PATCH", path), ("DELETE", path)):
        answer = world.call(method, where, {"name": "x"}, key=member)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    for method in ("GET", "PATCH", "DELETE"):
        assert world.call(method, path, {}, key=other_org.key).status_code == 404
        for where in (f"working-hours/{UNKNOWN}", "working-hours/no-uuid"):
            assert world.call(method, where, {}).status_code == 404
    assert world.call("GET", "working-hours", key=other_org.key).json["data"] == []
