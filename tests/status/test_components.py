"""`/v1/components` (contract §6)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service import quickstart
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"


def test_a_component_s_life(world: World) -> None:
    answer = world.call("POST", "components", {"name": "Checkout"})
    assert answer.status_code == 201
    component = answer.json["data"]
    path = f"components/{component['id']}"
    assert answer.headers["Location"] == f"/v1/{path}"
    assert component == {
        "id": component["id"],
        "orgId": world.made.org_id,
        "name": "Checkout",
        "description": None,
        "groupLabel": None,
        "aliases": [],
        "escalationPolicyId": None,
        "operationalStatus": "operational",
        "maintenanceWindow": None,
        "createdAt": component["createdAt"],
        "updatedAt": component["createdAt"],
    }
    assert world.call("GET", path).json["data"] == component
    assert world.call("GET", path.upper().replace("COMP", "comp").lower()).status_code == 200
    changes = {"name": "Basket", "description": "", "groupLabel": "Shop", "aliases": ["cart", "b"]}
    changed = world.call("PATCH", path, changes).json["data"]
    assert {name: changed[name] for name in changes} == changes
    cleared = world.call(
        "PATCH", path, {"description": None, "groupLabel": None, "aliases": None}
    ).json["data"]
    assert (cleared["description"], cleared["groupLabel"], cleared["aliases"]) == (None, None, [])
    assert cleared["name"] == "Basket"
    names = [c["name"] for c in world.call("GET", "components").json["data"]["components"]]
    assert names == ["Basket", "Payments API"]
    deleted = world.call("DELETE", path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    for method in ("GET", "PATCH", "DELETE"):
        gone = world.call(method, path, {} if method == "PATCH" else ...)
        assert (gone.status_code, gone.json["code"]) == (404, "not_found")
    world.make("components", name="Basket")  # the name is free again


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x", "description": "d" * 1001}, "description"),
        ({"name": "x", "groupLabel": "d" * 101}, "groupLabel"),
        ({"name": "x", "aliases": ["a"] * 2}, "aliases"),
        ({"name": "x", "aliases": [str(n) for n in range(51)]}, "aliases"),
        ({"name": "x", "aliases": [""]}, "aliases"),
        ({"name": "x", "aliases": ["a" * 256]}, "aliases"),
        ({"name": "x", "operationalStatus": "operational"}, "operationalStatus"),
    ],
)
def test_what_is_refused(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.call("POST", "components", body)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_a_name_is_unique(world: World) -> None:
    answer = world.call("POST", "components", {"name": "Payments API"})
    assert (answer.status_code, answer.json["code"]) == (409, "name_conflict")
    other = world.make("components", name="Other")
    path = f"components/{other['id']}"
    assert world.call("PATCH", path, {"name": "Payments API"}).json["code"] == "name_conflict"
    assert world.call("PATCH", path, {"name": "Other"}).status_code == 200


def test_the_status_comes_from_the_worst_open_incident(world: World) -> None:
    def status() -> str:
        path = f"components/{world.made.component_id}"
        found: str = world.call("GET", path).json["data"]["operationalStatus"]
        return found

    seen = [status()]
    for severity in ("low", "medium", "high", "critical", "low"):
        world.post(world.body(severity=severity))
        seen.append(status())
    assert seen == [
        "operational", "degraded", "degraded", "partial_outage", "major_outage", "major_outage",
    ]  # fmt: skip
    world.execute("UPDATE incidents SET status = 'resolved' WHERE severity <> 'medium'")
    assert status() == "degraded"


def test_a_deleted_component_still_stands_in_old_incidents(world: World) -> None:
    opened = world.post(headers={"Idempotency-Key": "k"}).json["data"]
    world.call("DELETE", f"components/{world.made.component_id}")
    assert world.post(headers={"Idempotency-Key": "k"}).json["data"] == opened
    assert world.post().json["code"] == "invalid_component_id"


def test_rights(world: World, member: str, other_org: quickstart.Provisioned) -> None:
    path = f"components/{world.made.component_id}"
    assert world.call("GET", "components", key=member).status_code == 200
    assert world.call("GET", path, key=member).status_code == 200
    calls = (("POST", "components"), ("PATCH", path), ("DELETE", path))
    for method, where in calls:
        answer = world.call(method, where, {"name": "x"}, key=member)
        assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    for method in ("GET", "PATCH", "DELETE"):
        for where in (path, f"components/{UNKNOWN}", "components/no-uuid"):
            assert world.call(method, where, {}, key=other_org.key).status_code == 404
    listed = world.call("GET", "components", key=other_org.key).json["data"]["components"]
    assert [c["id"] for c in listed] == [other_org.component_id]


class TestList:
    @pytest.fixture
    def names(self, world: World) -> list[str]:
        """The names of many components, made in no order."""
        names = ["b", "B", "ä", "a", "ab", "💥", "Zebra", *(f"c{n}" for n in range(7))]
        for name in names:
            world.make("components", name=name)
        return sorted([*names, "Payments API"])

    @staticmethod
    def walk(world: World, **query: str) -> list[list[str]]:
        parts = []
        while True:
            data = world.call("GET", "components", **query).json["data"]
            assert data.keys() == {"components", "nextCursor"}
            parts.append([component["name"] for component in data["components"]])
            if data["nextCursor"] is None:
                return parts
            query["cursor"] = data["nextCursor"]

    def test_it_comes_in_parts_by_name(self, world: World, names: list[str]) -> None:
        assert self.walk(world) == [names]
        assert self.walk(world, limit="100") == [names]
        parts = self.walk(world, limit="4")
        assert [len(part) for part in parts] == [4, 4, 4, 3]
        assert [name for part in parts for name in part] == names
        assert self.walk(world, limit="15") == [names]

    def test_what_is_made_or_deleted_meanwhile_moves_nothing_else(
        self, world: World, names: list[str]
    ) -> None:
        first = world.call("GET", "components", limit="5").json["data"]
        for component in first["components"]:
            world.call("DELETE", f"components/{component['id']}")
        world.make("components", name="A")
        rest = self.walk(world, cursor=first["nextCursor"])
        assert rest == [names[5:]]

    def test_a_hundred_are_the_most(self, world: World) -> None:
        for n in range(101):
            world.make("components", name=f"{n}")
        assert [len(part) for part in self.walk(world)] == [100, 2]

    def test_the_query_is_checked(self, world: World, other_org: quickstart.Provisioned) -> None:
        for query, code in (
            ({"limit": "0"}, "validation_error"),
            ({"limit": "101"}, "validation_error"),
            ({"cursor": ""}, "invalid_cursor"),
            ({"cursor": "x"}, "invalid_cursor"),
            ({"page": "1"}, "validation_error"),
        ):
            answer = world.call("GET", "components", **query)
            assert (answer.status_code, answer.json["code"]) == (400, code), query
        world.post()
        world.post()
        cursor = world.call("GET", "incidents", limit="1").json["data"]["nextCursor"]
        answer = world.call("GET", "components", cursor=cursor)
        assert answer.json["code"] == "invalid_cursor"


class TestPolicy:
    def test_a_component_names_one(self, world: World) -> None:
        policy = world.make("escalation/policies", name="P")["id"]
        component = world.make("components", name="x", escalationPolicyId=policy.upper())
        assert component["escalationPolicyId"] == policy
        path = f"components/{component['id']}"
        assert world.call("GET", path).json["data"]["escalationPolicyId"] == policy
        assert world.call("PATCH", path, {"name": "y"}).json["data"]["escalationPolicyId"] == policy
        cleared = world.call("PATCH", path, {"escalationPolicyId": None}).json["data"]
        assert cleared["escalationPolicyId"] is None
        again = world.call("PATCH", path, {"escalationPolicyId": policy}).json["data"]
        assert again["escalationPolicyId"] == policy

    def test_one_that_is_not_there(self, world: World, other_org: quickstart.Provisioned) -> None:
        gone = world.make("escalation/policies", name="P")["id"]
        world.call("DELETE", f"escalation/policies/{gone}")
        path = f"components/{world.made.component_id}"
        for id in (UNKNOWN, gone, other_org.policy_id):
            for method, where in (("POST", "components"), ("PATCH", path)):
                answer = world.call(method, where, {"name": "x", "escalationPolicyId": id})
                assert (answer.status_code, answer.json["code"]) == (
                    400,
                    "invalid_escalation_policy_id",
                )
                assert id in answer.json["message"]
        answer = world.call("POST", "components", {"name": "x", "escalationPolicyId": "x"})
        assert list(answer.json["errors"]) == ["escalationPolicyId"]
        missing = world.call("PATCH", f"components/{UNKNOWN}", {"escalationPolicyId": UNKNOWN})
        assert missing.status_code == 404  # the path's things come first

    def test_it_goes_with_the_policy(self, world: World, other_org: quickstart.Provisioned) -> None:
        policy = world.make("escalation/policies", name="P")["id"]
        other = world.make("escalation/policies", name="Other")["id"]
        for name, id in (("a", policy), ("b", other)):
            world.make("components", name=name, escalationPolicyId=id)
        world.call("DELETE", f"escalation/policies/{policy}")
        listed = world.call("GET", "components").json["data"]["components"]
        found = {component["name"]: component["escalationPolicyId"] for component in listed}
        assert (found["a"], found["b"]) == (None, other)
