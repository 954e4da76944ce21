"""`/v1/escalation/policies` and their layers (contract §5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from incident_service import clock, quickstart
from incident_service.people import users
from incident_service.store import policies
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"

POLICIES = "escalation/policies"


@pytest.fixture
def ticking(world: World) -> None:
    """Let every write come a second after the one before."""
    now = clock.now()

    def tick() -> Any:
        nonlocal now
        now += timedelta(seconds=1)
        return now

    world.database.clock = tick


def make(world: World, name: str = "P", **fields: Any) -> dict[str, Any]:
    return world.make(POLICIES, name=name, **fields)


def make_user(world: World, id: str) -> str:
    made = world.database.write(
        world.made.org_id,
        users.create,
        org_id=world.made.org_id,
        email=f"{id}@example.com",
        id=id,
        role="org:member",
    )
    return str(made["id"])


def make_hours(world: World) -> str:
    window = {"days": [1], "start": "09:00", "end": "17:00"}
    hours = world.make("working-hours", name="Office", timezone="UTC", windows=[window])
    id: str = hours["id"]
    return id


def schedule_step(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "targetType": "schedule",
        "targetId": world.made.schedule_id,
        "escalateAfterSeconds": 300,
        **changes,
    }


def users_step(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "targetType": "users",
        "userIds": [world.made.user_id],
        "escalateAfterSeconds": 60,
        **changes,
    }


def layer_body(world: World, minutes: int = 5, **changes: Any) -> dict[str, Any]:
    target = {"type": "users", "userIds": [world.made.user_id]}
    return {"ackTimeoutMinutes": minutes, "target": target, **changes}


def with_layers(world: World, count: int) -> tuple[str, list[str]]:
    """Make a policy whose layers wait 1, 2, 3 … minutes; return its path and the layers' ids."""
    steps = [users_step(world, escalateAfterSeconds=60 * n) for n in range(1, count + 1)]
    policy = make(world, steps=steps)
    return f"{POLICIES}/{policy['id']}", [layer["id"] for layer in policy["layers"]]


def order(world: World, path: str) -> list[str]:
    """Return the ids of a policy's layers; their positions are 1, 2, 3 … without a gap."""
    layers = world.call("GET", path).json["data"]["layers"]
    assert [layer["position"] for layer in layers] == list(range(1, len(layers) + 1))
    return [layer["id"] for layer in layers]


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_policy_without_steps(world: World) -> None:
    answer = world.call("POST", POLICIES, {"name": "P"})
    assert answer.status_code == 201
    policy = answer.json["data"]
    assert answer.headers["Location"] == f"/v1/{POLICIES}/{policy['id']}"
    assert policy == {
        "id": policy["id"],
        "orgId": world.made.org_id,
        "name": "P",
        "description": None,
        "repeat": 0,
        "createdBy": world.made.user_id,
        "createdAt": policy["createdAt"],
        "updatedAt": policy["createdAt"],
        "steps": [],
        "layers": [],
    }
    assert world.call("GET", f"{POLICIES}/{policy['id'].upper()}").json["data"] == policy
    assert make(world, "Q", description=None, steps=None)["steps"] == []


def test_steps_and_layers_are_two_views_of_the_same_rows(world: World) -> None:
    make_user(world, "bo")
    condition = {"workingHoursId": make_hours(world), "when": "outside"}
    policy = make(
        world,
        description="",
        steps=[
            schedule_step(world, escalateAfterSeconds=301, userIds=[], position=7),
            users_step(world, userIds=["bo", world.made.user_id], condition=condition),
            users_step(world, targetId=None, condition=None, position=None),
        ],
    )
    assert policy["description"] == ""
    at = {"createdAt": policy["createdAt"], "updatedAt": policy["createdAt"]}
    ids = [step["id"] for step in policy["steps"]]
    assert len(set(ids)) == 3
    users = ["bo", world.made.user_id]
    assert policy["steps"] == [
        {
            "id": ids[0],
            "position": 1,
            "targetType": "schedule",
            "targetId": world.made.schedule_id,
            "userIds": None,
            "escalateAfterSeconds": 301,
            "condition": None,
            **at,
        },
        {
            "id": ids[1],
            "position": 2,
            "targetType": "users",
            "targetId": None,
            "userIds": users,
            "escalateAfterSeconds": 60,
            "condition": condition,
            **at,
        },
        {
            "id": ids[2],
            "position": 3,
            "targetType": "users",
            "targetId": None,
            "userIds": [world.made.user_id],
            "escalateAfterSeconds": 60,
            "condition": None,
            **at,
        },
    ]
    assert policy["layers"][:2] == [
        {
            "id": ids[0],
            "policyId": policy["id"],
            "position": 1,
            "ackTimeoutMinutes": 6,
            "target": {"type": "schedule", "scheduleId": world.made.schedule_id},
            "condition": None,
            **at,
        },
        {
            "id": ids[1],
            "policyId": policy["id"],
            "position": 2,
            "ackTimeoutMinutes": 1,
            "target": {"type": "users", "userIds": users},
            "condition": condition,
            **at,
        },
    ]
    assert world.call("GET", f"{POLICIES}/{policy['id']}").json["data"] == policy


def test_the_list_is_by_name_and_without_layers(world: World) -> None:
    for name in ("b", "a"):
        make(world, name, steps=[users_step(world)])
    listed = world.call("GET", POLICIES).json["data"]
    assert [policy["name"] for policy in listed] == [quickstart.POLICY, "a", "b"]
    assert not {"steps", "layers"} & set(listed[0])
    assert {"id", "orgId", "description", "createdBy", "createdAt", "updatedAt"} < set(listed[0])


def test_a_put_replaces_everything_and_keeps_each_position_s_row(
    world: World, ticking: None
) -> None:
    make_user(world, "bo")
    condition = {"workingHoursId": make_hours(world), "when": "during"}
    steps = [schedule_step(world, condition=condition), users_step(world), users_step(world)]
    before = make(world, description="D", steps=steps)
    path = f"{POLICIES}/{before['id']}"
    steps = [users_step(world, userIds=["bo"]), schedule_step(world, targetId=UNKNOWN)]
    assert refusal(world.call("PUT", path, {"name": "Q", "steps": steps})) == (
        400,
        "invalid_target",
    )
    assert world.call("GET", path).json["data"] == before
    steps[1] = schedule_step(world, escalateAfterSeconds=604_800)
    after = world.call("PUT", path, {"name": "Q", "steps": steps}).json["data"]
    assert (after["id"], after["name"], after["description"]) == (before["id"], "Q", None)
    assert after["createdAt"] == before["createdAt"] < after["updatedAt"]
    for n in range(2):
        assert after["steps"][n]["id"] == before["steps"][n]["id"]
        assert after["steps"][n]["createdAt"] == before["createdAt"]
        assert after["steps"][n]["updatedAt"] == after["updatedAt"]
    shown = [(s["targetType"], s["userIds"], s["condition"]) for s in after["steps"]]
    assert shown == [("users", ["bo"], None), ("schedule", None, None)]
    assert after["layers"][1]["ackTimeoutMinutes"] == 10_080
    longer = world.call("PUT", path, {"name": "Q", "steps": [*steps, users_step(world)]})
    ids = [step["id"] for step in longer.json["data"]["steps"]]
    assert ids[:2] == [step["id"] for step in after["steps"]]
    assert ids[2] not in [step["id"] for step in before["steps"]]
    assert order(world, path) == ids
    emptied = world.call("PUT", path, {"name": "Q", "description": "", "steps": []}).json["data"]
    assert (emptied["description"], emptied["steps"], emptied["layers"]) == ("", [], [])


@pytest.mark.parametrize("steps", [{}, {"steps": None}], ids=["left out", "null"])
def test_a_put_without_steps_leaves_the_layers_alone(
    world: World, ticking: None, steps: dict[str, None]
) -> None:
    before = make(world, description="D", steps=[users_step(world)])
    after = world.call("PUT", f"{POLICIES}/{before['id']}", {"name": "Q", **steps}).json["data"]
    assert (after["name"], after["description"]) == ("Q", None)
    assert (after["steps"], after["layers"]) == (before["steps"], before["layers"])


def test_a_patch_changes_name_and_description(world: World, ticking: None) -> None:
    before = make(world, description="D", steps=[users_step(world)])
    path = f"{POLICIES}/{before['id']}"
    assert world.call("PATCH", path, {}).json["data"] == before
    renamed = world.call("PATCH", path, {"name": "Q"}).json["data"]
    assert renamed == {**before, "name": "Q", "updatedAt": renamed["updatedAt"]}
    assert renamed["updatedAt"] > before["updatedAt"]
    assert world.call("PATCH", path, {"description": None}).json["data"]["description"] is None
    assert world.call("PATCH", path, {"description": ""}).json["data"]["description"] == ""
    answer = world.call("PATCH", path, {"steps": []})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["steps"])
    answer = world.call("PATCH", path, {"name": None})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["name"])


def test_a_policy_is_deleted(world: World) -> None:
    policy = make(world, steps=[users_step(world)])
    path = f"{POLICIES}/{policy['id']}"
    deleted = world.call("DELETE", path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    layer = f"{path}/layers/{policy['layers'][0]['id']}"
    for method, where, body in (
        ("GET", path, ...),
        ("PUT", path, {"name": "P"}),
        ("PATCH", path, {}),
        ("DELETE", path, ...),
        ("POST", f"{path}/layers", layer_body(world)),
        ("PATCH", layer, {}),
        ("DELETE", layer, ...),
        ("PUT", f"{path}/layers/order", {"layerIds": []}),
    ):
        assert refusal(world.call(method, where, body)) == (404, "not_found")
    make(world)  # the name is free again


def test_a_policy_that_an_unresolved_incident_uses_cannot_go(world: World) -> None:
    path = f"{POLICIES}/{world.made.policy_id}"
    for _ in range(3):
        world.post()
    world.execute("UPDATE incidents SET status = 'resolved' WHERE sequential_id = 1")
    world.execute("UPDATE incidents SET status = 'monitoring' WHERE sequential_id = 2")
    answer = world.call("DELETE", path)
    assert refusal(answer) == (409, "policy_in_use")
    assert "Incident 2 " in answer.json["message"]
    world.execute("UPDATE incidents SET status = 'resolved'")
    assert world.call("DELETE", path).status_code == 204


@pytest.mark.sqlite_only("the file")
def test_what_uses_a_policy_is_found_by_an_index(world: World) -> None:
    statements: list[str] = []
    with world.file.read() as db:
        db.set_trace_callback(statements.append)
        assert policies.unresolved_incidents(db, "org", "policy", limit=1) == []
        assert policies.with_working_hours(db, "org", "hours", limit=1) == []
        db.set_trace_callback(None)
        plans = [
            [row["detail"] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
            for statement in statements
        ]
    assert len(plans) == 2
    assert plans[0] == ["SEARCH incidents USING INDEX incidents_open (org_id=?)"]
    assert [step for step in plans[1] if not step.startswith(("SEARCH", "CORRELATED"))] == []


def test_a_name_is_unique(world: World) -> None:
    answer = world.call("POST", POLICIES, {"name": quickstart.POLICY})
    assert refusal(answer) == (409, "name_conflict")
    path = f"{POLICIES}/{make(world)['id']}"
    for method in ("PUT", "PATCH"):
        assert refusal(world.call(method, path, {"name": quickstart.POLICY})) == (
            409,
            "name_conflict",
        )
        assert world.call(method, path, {"name": "P"}).status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": "\t"}, "name"),
        ({"name": "n" * 256}, "name"),
        ({"name": "n", "description": "d" * 10_001}, "description"),
        ({"name": "n", "steps": {}}, "steps"),
        ({"name": "n", "layers": []}, "layers"),
    ],
)
def test_what_a_policy_may_not_be(world: World, body: dict[str, Any], field: str) -> None:
    path = f"{POLICIES}/{world.made.policy_id}"
    for answer in (world.call("POST", POLICIES, body), world.call("PUT", path, body)):
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"targetType": ...}, "targetType"),
        ({"targetType": None}, "targetType"),
        ({"targetType": "team"}, "targetType"),
        ({"targetId": ...}, "targetId"),
        ({"targetId": None}, "targetId"),
        ({"targetId": "x"}, "targetId"),
        ({"userIds": ["bo"]}, "userIds"),
        ({"targetType": "users"}, "userIds"),
        ({"targetType": "users", "targetId": None}, "userIds"),
        ({"targetType": "users", "targetId": None, "userIds": []}, "userIds"),
        ({"targetType": "users", "userIds": ["bo"]}, "targetId"),
        ({"targetType": "users", "targetId": None, "userIds": ["bo", "bo"]}, "userIds"),
        ({"targetType": "users", "targetId": None, "userIds": [""]}, "userIds[0]"),
        ({"targetType": "users", "targetId": None, "userIds": ["b", "b" * 256]}, "userIds[1]"),
        ({"targetType": "users", "targetId": None, "userIds": [7]}, "userIds[0]"),
        (
            {"targetType": "users", "targetId": None, "userIds": [str(n) for n in range(51)]},
            "userIds",
        ),
        ({"escalateAfterSeconds": ...}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": None}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": 59}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": 604_801}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": 10**30}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": "300"}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": 300.5}, "escalateAfterSeconds"),
        ({"escalateAfterSeconds": True}, "escalateAfterSeconds"),
        ({"condition": {}}, "condition.workingHoursId"),
        ({"condition": {"workingHoursId": UNKNOWN}}, "condition.when"),
        ({"condition": {"workingHoursId": UNKNOWN, "when": "always"}}, "condition.when"),
        ({"condition": {"workingHoursId": "x", "when": "during"}}, "condition.workingHoursId"),
        ({"condition": {"workingHoursId": UNKNOWN, "when": "during", "x": 1}}, "condition.x"),
        ({"condition": "never"}, "condition"),
        ({"position": "first"}, "position"),
        ({"id": UNKNOWN}, "id"),
        ({"scheduleId": UNKNOWN}, "scheduleId"),
    ],
)
def test_what_a_step_may_not_be(world: World, changes: dict[str, Any], field: str) -> None:
    step = {n: v for n, v in schedule_step(world, **changes).items() if v is not ...}
    steps = [schedule_step(world), step]
    path = f"{POLICIES}/{world.made.policy_id}"
    for method, where in (("POST", POLICIES), ("PUT", path)):
        answer = world.call(method, where, {"name": "P", "steps": steps})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["steps"])
        assert answer.json["message"].startswith(f"steps[1].{field}")


def test_a_position_in_a_step_is_ignored(world: World) -> None:
    positions = (9, None, -(10**30), 1)
    steps = [users_step(world, position=position) for position in positions]
    assert [step["position"] for step in make(world, steps=steps)["steps"]] == [1, 2, 3, 4]


@pytest.mark.parametrize("foreign", [False, True])
def test_what_a_layer_names_must_be_there(
    world: World, other_org: quickstart.Provisioned, foreign: bool
) -> None:
    schedule_id = other_org.schedule_id if foreign else UNKNOWN
    user_id = other_org.user_id if foreign else "nobody"
    hours_id = UNKNOWN
    if foreign:
        window = {"days": [1], "start": "09:00", "end": "17:00"}
        body = {"name": "Theirs", "timezone": "UTC", "windows": [window]}
        hours_id = world.call("POST", "working-hours", body, key=other_org.key).json["data"]["id"]
    path, ids = with_layers(world, 1)
    before = world.call("GET", path).json["data"]
    condition = {"workingHoursId": hours_id, "when": "during"}
    users = [world.made.user_id, user_id]
    cases: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
        (
            schedule_step(world, targetId=schedule_id),
            {"target": {"type": "schedule", "scheduleId": schedule_id}},
            "invalid_target",
            schedule_id,
        ),
        (
            users_step(world, userIds=users),
            {"target": {"type": "users", "userIds": users}},
            "invalid_target",
            user_id,
        ),
        (
            users_step(world, condition=condition),
            {"condition": condition},
            "invalid_condition",
            hours_id,
        ),
    ]
    for step, layer, code, named in cases:
        steps = [users_step(world), step]
        for answer in (
            world.call("POST", POLICIES, {"name": "New", "steps": steps}),
            world.call("PUT", path, {"name": "New", "steps": steps}),
            world.call("POST", f"{path}/layers", layer_body(world, **layer)),
            world.call("PATCH", f"{path}/layers/{ids[0]}", layer),
        ):
            assert refusal(answer) == (400, code)
            assert named in answer.json["message"]
    assert world.call("GET", path).json["data"] == before
    assert len(world.call("GET", POLICIES).json["data"]) == 2


def test_what_was_deleted_cannot_be_named(world: World) -> None:
    make_user(world, "bo")
    hours_id = make_hours(world)
    schedule = world.make("oncall/schedules", name="Gone", timezone="UTC")
    for path in ("users/bo", f"working-hours/{hours_id}", f"oncall/schedules/{schedule['id']}"):
        assert world.call("DELETE", path).status_code == 204
    condition = {"workingHoursId": hours_id, "when": "during"}
    for step, code in (
        (users_step(world, userIds=["bo"]), "invalid_target"),
        (schedule_step(world, targetId=schedule["id"]), "invalid_target"),
        (users_step(world, condition=condition), "invalid_condition"),
    ):
        answer = world.call("POST", POLICIES, {"name": "P", "steps": [step]})
        assert refusal(answer) == (400, code)


def test_a_policy_has_at_most_20_layers(world: World) -> None:
    steps = [users_step(world)] * 21
    answer = world.call("POST", POLICIES, {"name": "P", "steps": steps})
    assert (answer.status_code, list(answer.json["errors"])) == (400, ["steps"])
    path, ids = with_layers(world, 20)
    answer = world.call("POST", f"{path}/layers", layer_body(world))
    assert refusal(answer) == (409, "too_many_layers")
    assert order(world, path) == ids
    world.call("DELETE", f"{path}/layers/{ids[0]}")
    assert world.call("POST", f"{path}/layers", layer_body(world)).status_code == 201


def test_a_layer_is_added(world: World) -> None:
    path, ids = with_layers(world, 2)
    condition = {"workingHoursId": make_hours(world), "when": "during"}
    target = {"type": "schedule", "scheduleId": world.made.schedule_id.upper(), "userIds": []}
    body = {"ackTimeoutMinutes": 10_080, "target": target, "condition": condition}
    answer = world.call("POST", f"{path}/layers", body)
    assert answer.status_code == 201
    layer = answer.json["data"]
    assert answer.headers["Location"] == f"/v1/{path}/layers/{layer['id']}"
    assert layer == {
        "id": layer["id"],
        "policyId": path.rpartition("/")[2],
        "position": 3,
        "ackTimeoutMinutes": 10_080,
        "target": {"type": "schedule", "scheduleId": world.made.schedule_id},
        "condition": condition,
        "createdAt": layer["createdAt"],
        "updatedAt": layer["createdAt"],
    }
    policy = world.call("GET", path).json["data"]
    assert policy["layers"][2] == layer
    assert policy["steps"][2]["escalateAfterSeconds"] == 604_800
    assert order(world, path) == [*ids, layer["id"]]


@pytest.mark.parametrize(
    ("position", "expected"),
    [(1, "xabc"), (2, "axbc"), (3, "abxc"), (4, "abcx"), (5, "abcx"), (10**30, "abcx"),
     (None, "abcx")],
)  # fmt: skip
def test_a_new_layer_moves_the_rest_down(world: World, position: int, expected: str) -> None:
    path, ids = with_layers(world, 3)
    layer = world.call("POST", f"{path}/layers", layer_body(world, position=position)).json["data"]
    letters = {**dict(zip(ids, "abc", strict=True)), layer["id"]: "x"}
    assert "".join(letters[id] for id in order(world, path)) == expected
    assert layer["position"] == expected.index("x") + 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ackTimeoutMinutes": None}, "ackTimeoutMinutes"),
        ({"ackTimeoutMinutes": 0}, "ackTimeoutMinutes"),
        ({"ackTimeoutMinutes": 10_081}, "ackTimeoutMinutes"),
        ({"ackTimeoutMinutes": "5"}, "ackTimeoutMinutes"),
        ({"ackTimeoutMinutes": 5.5}, "ackTimeoutMinutes"),
        ({"ackTimeoutMinutes": True}, "ackTimeoutMinutes"),
        ({"target": None}, "target"),
        ({"target": "bo"}, "target"),
        ({"target": {}}, "target.type"),
        ({"target": {"userIds": ["bo"]}}, "target.type"),
        ({"target": {"type": "users"}}, "target.userIds"),
        ({"target": {"type": "users", "userIds": ["b"] * 2}}, "target.userIds"),
        ({"target": {"type": "users", "userIds": ["b"], "scheduleId": UNKNOWN}},
         "target.scheduleId"),
        ({"target": {"type": "schedule", "userIds": ["b"]}}, "target.scheduleId"),
        ({"target": {"type": "schedule", "scheduleId": UNKNOWN, "userIds": ["b"]}},
         "target.userIds"),
        ({"target": {"type": "schedule", "targetId": UNKNOWN}}, "target.targetId"),
        ({"condition": {"when": "during"}}, "condition.workingHoursId"),
        ({"condition": {"workingHoursId": UNKNOWN, "when": None}}, "condition.when"),
        ({"position": 0}, "position"),
        ({"position": True}, "position"),
        ({"position": "1"}, "position"),
        ({"escalateAfterSeconds": 60}, "escalateAfterSeconds"),
    ],
)  # fmt: skip
def test_what_a_layer_may_not_be(world: World, changes: dict[str, Any], field: str) -> None:
    path, ids = with_layers(world, 1)
    added = world.call("POST", f"{path}/layers", layer_body(world, **changes))
    changed = world.call("PATCH", f"{path}/layers/{ids[0]}", changes)
    for answer in (added, changed):
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field.split(".")[0]])
        assert answer.json["message"].startswith(field)


def test_a_layer_needs_a_time_out_and_a_target(world: World) -> None:
    path, _ = with_layers(world, 1)
    answer = world.call("POST", f"{path}/layers", {})
    assert set(answer.json["errors"]) == {"ackTimeoutMinutes", "target"}


def test_a_layer_is_changed(world: World, ticking: None) -> None:
    path, ids = with_layers(world, 3)
    before = world.call("GET", path).json["data"]
    where = f"{path}/layers/{ids[1]}"
    shown = before["layers"][1]
    assert world.call("PATCH", where, {}).json["data"] == shown
    assert world.call("PATCH", where, {"position": None}).json["data"] == shown
    assert world.call("GET", path).json["data"] == before

    def change(**changes: Any) -> None:
        answer = world.call("PATCH", where, changes)
        assert answer.status_code == 200, answer.json
        layer = answer.json["data"]
        assert layer == {**shown, **changes, "updatedAt": layer["updatedAt"]}
        assert layer["updatedAt"] > shown["updatedAt"]
        shown.update(layer)
        policy = world.call("GET", path).json["data"]
        assert policy["updatedAt"] == layer["updatedAt"]
        others = [policy["layers"][n] for n in (0, 2)]
        assert others == [before["layers"][n] for n in (0, 2)]

    change(ackTimeoutMinutes=7)
    change(target={"type": "schedule", "scheduleId": world.made.schedule_id})
    change(condition={"workingHoursId": make_hours(world), "when": "during"})
    change(target={"type": "users", "userIds": [make_user(world, "bo"), world.made.user_id]})
    change(condition=None)
    change(position=2)


@pytest.mark.parametrize(
    ("letter", "position", "expected"),
    [("a", 1, "abcd"), ("a", 2, "bacd"), ("a", 4, "bcda"), ("a", 10**30, "bcda"),
     ("d", 1, "dabc"), ("d", 3, "abdc"), ("d", 4, "abcd"), ("b", 3, "acbd"), ("c", 2, "acbd")],
)  # fmt: skip
def test_a_layer_is_moved(
    world: World, ticking: None, letter: str, position: int, expected: str
) -> None:
    path, ids = with_layers(world, 4)
    before = world.call("GET", path).json["data"]
    id = ids["abcd".index(letter)]
    answer = world.call("PATCH", f"{path}/layers/{id}", {"position": position})
    assert answer.json["data"]["position"] == expected.index(letter) + 1
    letters = dict(zip(ids, "abcd", strict=True))
    assert "".join(letters[id] for id in order(world, path)) == expected
    after = world.call("GET", path).json["data"]
    assert after["updatedAt"] == answer.json["data"]["updatedAt"] > before["updatedAt"]
    for each in after["layers"]:
        was = next(layer for layer in before["layers"] if layer["id"] == each["id"])
        has_moved = each["position"] != was["position"] or each["id"] == id
        assert (each["updatedAt"] > was["updatedAt"]) == has_moved
        assert each["createdAt"] == was["createdAt"]


def test_a_layer_is_removed_and_the_gap_is_closed(world: World, ticking: None) -> None:
    path, ids = with_layers(world, 4)
    before = world.call("GET", path).json["data"]
    deleted = world.call("DELETE", f"{path}/layers/{ids[1]}")
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert order(world, path) == [ids[0], ids[2], ids[3]]
    after = world.call("GET", path).json["data"]
    assert after["updatedAt"] > before["updatedAt"]
    moved = [layer["updatedAt"] > before["updatedAt"] for layer in after["layers"]]
    assert moved == [False, True, True]
    for method in ("PATCH", "DELETE"):
        answer = world.call(method, f"{path}/layers/{ids[1]}", {})
        assert refusal(answer) == (404, "not_found")


def test_layers_are_put_into_an_order(world: World, ticking: None) -> None:
    path, ids = with_layers(world, 4)
    before = world.call("GET", path).json["data"]
    a, b, c, d = ids
    for new in ([d, c, b, a], [b, a, d, c], [b, a, d, c]):
        sent = {"layerIds": [id.upper() for id in new]}
        policy = world.call("PUT", f"{path}/layers/order", sent).json["data"]
        assert [layer["id"] for layer in policy["layers"]] == new
        assert [step["id"] for step in policy["steps"]] == new
        assert policy["updatedAt"] > before["updatedAt"]
        assert order(world, path) == new
    assert world.call("GET", path).json["data"] == policy
    empty = make(world, "Empty")
    answer = world.call("PUT", f"{POLICIES}/{empty['id']}/layers/order", {"layerIds": []})
    assert (answer.status_code, answer.json["data"]["layers"]) == (200, [])


def test_an_order_names_every_layer_exactly_once(world: World) -> None:
    path, (a, b, c) = with_layers(world, 3)
    elsewhere = make(world, "Q", steps=[users_step(world)])["layers"][0]["id"]
    for wrong, named in (
        ([a, b], c),
        ([], a),
        ([a, b, c, a], a),
        ([a, b, UNKNOWN], UNKNOWN),
        ([a, b, c, elsewhere], elsewhere),
    ):
        answer = world.call("PUT", f"{path}/layers/order", {"layerIds": wrong})
        assert refusal(answer) == (400, "invalid_layer_order")
        assert named in answer.json["message"]
    bodies: tuple[dict[str, Any], ...] = ({}, {"layerIds": None}, {"layerIds": [a, b, "c"]})
    for body in bodies:
        answer = world.call("PUT", f"{path}/layers/order", body)
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["layerIds"])
    assert order(world, path) == [a, b, c]


def test_order_is_no_layer(world: World) -> None:
    path, _ = with_layers(world, 1)
    for method in ("GET", "PATCH", "DELETE"):
        answer = world.call(method, f"{path}/layers/order")
        assert refusal(answer) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "PUT"


def test_a_layer_is_found_in_its_own_policy_alone(world: World) -> None:
    path, ids = with_layers(world, 1)
    other = f"{POLICIES}/{make(world, 'Q', steps=[users_step(world)])['id']}"
    for method in ("PATCH", "DELETE"):
        for id in (ids[0], UNKNOWN, "no-uuid"):
            answer = world.call(method, f"{other}/layers/{id}", {})
            assert refusal(answer) == (404, "not_found")
    assert order(world, path) == ids


def test_an_incident_takes_the_policy_in_which_its_schedule_stands_earliest(world: World) -> None:
    world.call("DELETE", f"{POLICIES}/{world.made.policy_id}")
    second = make(world, "Second", steps=[users_step(world), schedule_step(world)])
    third = make(world, "Third", steps=[users_step(world)] * 2 + [schedule_step(world)])
    assert world.post().json["data"]["escalationPolicyId"] == second["id"]
    schedule_layer = third["layers"][2]["id"]
    world.call("PATCH", f"{POLICIES}/{third['id']}/layers/{schedule_layer}", {"position": 1})
    assert world.post().json["data"]["escalationPolicyId"] == third["id"]


def test_rights(world: World, member: str, other_org: quickstart.Provisioned) -> None:
    path, ids = with_layers(world, 1)
    layer = f"{path}/layers/{ids[0]}"
    writes: tuple[tuple[str, str, Any], ...] = (
        ("PUT", path, {"name": "x"}),
        ("PATCH", path, {}),
        ("DELETE", path, ...),
        ("POST", f"{path}/layers", layer_body(world)),
        ("PATCH", layer, {}),
        ("DELETE", layer, ...),
        ("PUT", f"{path}/layers/order", {"layerIds": []}),
    )
    assert world.call("GET", POLICIES, key=member).status_code == 200
    assert world.call("GET", path, key=member).status_code == 200
    for method, where, body in (("POST", POLICIES, {"name": "x"}), *writes):
        assert refusal(world.call(method, where, body, key=member)) == (403, "forbidden")
    for method, where, body in (("GET", path, ...), *writes):
        answer = world.call(method, where, body, key=other_org.key)
        assert refusal(answer) == (404, "not_found")
        for id in (UNKNOWN, "no-uuid"):
            unknown = where.replace(path, f"{POLICIES}/{id}")
            assert refusal(world.call(method, unknown, body)) == (404, "not_found")
    assert order(world, path) == ids
    listed = world.call("GET", POLICIES, key=other_org.key).json["data"]
    assert [policy["id"] for policy in listed] == [other_org.policy_id]


def test_how_often_a_policy_starts_again(world: World) -> None:
    path = f"{POLICIES}/{make(world, steps=[schedule_step(world)], repeat=9)['id']}"

    def repeat(method: str, **body: Any) -> Any:
        changed = world.call(method, path, body).json["data"]
        assert world.call("GET", path).json["data"]["layers"] != []
        return changed["repeat"]

    assert repeat("PATCH", repeat=4) == 4
    assert repeat("PATCH", name="Q") == 4
    assert repeat("PUT", name="Q") == repeat("PUT", name="Q", repeat=None) == 4
    assert repeat("PUT", name="Q", repeat=2) == 2
    assert repeat("PATCH", repeat=None) == 0
    for wrong in (10, -1, "1", True, 1.0, 10**30):
        for method in ("PATCH", "PUT"):
            answer = world.call(method, path, {"name": "Q", "repeat": wrong})
            assert (answer.status_code, list(answer.json["errors"])) == (400, ["repeat"])
