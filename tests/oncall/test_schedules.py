"""Schedules, their layers, their overrides (contract §4)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service import quickstart
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"

LAYER = {
    "name": "Primary",
    "rotationType": "weekly",
    "handoffTime": "09:00",
    "effectiveFrom": "2025-01-06T09:00:00+01:00",
}


@pytest.fixture
def path(world: World) -> str:
    """The path of a new schedule without layers."""
    schedule = world.make("oncall/schedules", name="Rota", timezone="Europe/Berlin")
    return f"oncall/schedules/{schedule['id']}"


def layer(world: World, **changes: Any) -> dict[str, Any]:
    body = {**LAYER, "participantIds": [world.made.user_id], **changes}
    return {name: value for name, value in body.items() if value is not ...}


def names(world: World, path: str) -> list[tuple[int, str]]:
    layers = world.call("GET", path).json["data"]["layers"]
    return [(la["position"], la["name"]) for la in layers]


def test_a_schedule_s_life(world: World) -> None:
    body = {"name": "Rota", "description": "", "timezone": "Australia/Lord_Howe"}
    answer = world.call("POST", "oncall/schedules", body)
    schedule = answer.json["data"]
    path = f"oncall/schedules/{schedule['id']}"
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/{path}")
    assert schedule == {
        "id": schedule["id"],
        "orgId": world.made.org_id,
        **body,
        "createdBy": world.made.user_id,
        "createdAt": schedule["createdAt"],
        "updatedAt": schedule["createdAt"],
        "layers": [],
    }
    world.make(f"{path}/layers", **layer(world))
    replaced = world.call("PUT", path, {"name": "Rota 2", "timezone": "UTC"}).json["data"]
    assert (replaced["name"], replaced["description"], replaced["timezone"]) == (
        "Rota 2", None, "UTC",
    )  # fmt: skip
    assert [la["name"] for la in replaced["layers"]] == ["Primary"]
    assert world.call("GET", path).json["data"] == replaced
    listed = world.call("GET", "oncall/schedules").json["data"]
    assert [s["name"] for s in listed] == ["Primary on-call", "Rota 2"]
    assert "layers" not in listed[0]
    assert world.call("DELETE", path).status_code == 204
    for method in ("GET", "PUT", "DELETE"):
        assert world.call(method, path, body).status_code == 404
    world.make("oncall/schedules", name="Rota 2", timezone="UTC")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"timezone": "UTC"}, "name"),
        ({"name": "", "timezone": "UTC"}, "name"),
        ({"name": "n" * 256, "timezone": "UTC"}, "name"),
        ({"name": "x"}, "timezone"),
        ({"name": "x", "timezone": "Mars/Olympus"}, "timezone"),
        ({"name": "x", "timezone": "../../etc/passwd"}, "timezone"),
        ({"name": "x", "timezone": "europe/berlin"}, "timezone"),
        ({"name": "x", "timezone": "UTC", "layers": []}, "layers"),
    ],
)
def test_a_schedule_that_is_refused(world: World, body: dict[str, Any], field: str) -> None:
    answer = world.call("POST", "oncall/schedules", body)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])


def test_a_schedule_s_name_is_unique(world: World, path: str) -> None:
    body = {"name": "Primary on-call", "timezone": "UTC"}
    assert world.call("POST", "oncall/schedules", body).json["code"] == "name_conflict"
    assert world.call("PUT", path, body).json["code"] == "name_conflict"
    assert world.call("PUT", path, {"name": "Rota", "timezone": "UTC"}).status_code == 200


def test_a_schedule_that_a_policy_targets_stays(world: World) -> None:
    path = f"oncall/schedules/{world.made.schedule_id}"
    answer = world.call("DELETE", path)
    assert (answer.status_code, answer.json["code"]) == (409, "schedule_in_use")
    assert "Page the primary on-call" in answer.json["message"]
    world.call("DELETE", f"escalation/policies/{world.made.policy_id}")
    steps = [
        {
            "targetType": "schedule",
            "targetId": world.made.schedule_id,
            "escalateAfterSeconds": 60,
        }
    ]
    named = ("Nights", "Days")
    ids = [world.make("escalation/policies", name=name, steps=steps)["id"] for name in named]
    assert "Days" in world.call("DELETE", path).json["message"]  # the first by name
    for id in ids:
        world.call("DELETE", f"escalation/policies/{id}")
    assert world.call("DELETE", path).status_code == 204


@pytest.mark.parametrize(
    "spelling",
    [
        "2025-01-01T00:00:00Z", "2025-01-01T00:00:00+02:00", "2025-01-01T00:00:00.123456Z",
        "2025-01-01t00:00:00.1z", "2025-01-01T00:00:00-00:00", "2016-12-31T23:59:60Z",
    ],
)  # fmt: skip
def test_instants_come_back_in_their_spelling(world: World, path: str, spelling: str) -> None:
    body = layer(world, effectiveFrom=spelling, effectiveUntil="2026-01-01T00:00:00.50+05:30")
    made = world.make(f"{path}/layers", **body)
    assert (made["effectiveFrom"], made["effectiveUntil"]) == (
        spelling,
        "2026-01-01T00:00:00.50+05:30",
    )
    assert world.call("GET", path).json["data"]["layers"] == [made]


@pytest.mark.parametrize(
    "text",
    ["🔥" * 255, "مرحبا بالعالم", "e\u0301 \u202e\u200d", " padded ", "line\nbreak", "𝄞" * 255],
)
def test_text_comes_back_to_the_byte(world: World, path: str, text: str) -> None:
    made = world.make(f"{path}/layers", **layer(world, name=text))
    assert made["name"] == text
    renamed = world.call("PUT", path, {"name": text, "description": text, "timezone": "UTC"})
    assert (renamed.json["data"]["name"], renamed.json["data"]["description"]) == (text, text)
    assert world.call("GET", path).json["data"]["layers"][0]["name"] == text


def test_a_layer_s_life(world: World, path: str) -> None:
    answer = world.call("POST", f"{path}/layers", layer(world, effectiveUntil=""))
    made = answer.json["data"]
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/{path}/layers/{made['id']}"
    assert made == {
        "id": made["id"],
        "scheduleId": path.rpartition("/")[2],
        **LAYER,
        "position": 0,
        "rotationLengthDays": 7,
        "effectiveUntil": None,
        "participantIds": [world.made.user_id],
        "createdAt": made["createdAt"],
        "updatedAt": made["createdAt"],
    }
    second = world.make("users", email="b@example.com")["id"]
    body = layer(
        world,
        name="Night",
        rotationType="custom",
        rotationLengthDays=3650,
        handoffTime="00:00",
        effectiveUntil="2030-01-01T00:00:00Z",
        participantIds=[second, world.made.user_id, second],
    )
    where = f"{path}/layers/{made['id']}"
    replaced = world.call("PUT", where, body).json["data"]
    assert {name: replaced[name] for name in body} == body
    assert (replaced["id"], replaced["position"], replaced["createdAt"]) == (
        made["id"], 0, made["createdAt"],
    )  # fmt: skip
    assert world.call("PUT", where, layer(world)).json["data"]["effectiveUntil"] is None
    assert world.call("DELETE", where).status_code == 204
    assert names(world, path) == []
    assert world.call("PUT", where, layer(world)).status_code == 404
    assert world.call("DELETE", where).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ...}, "name"),
        ({"rotationType": "hourly"}, "rotationType"),
        ({"rotationType": ...}, "rotationType"),
        ({"rotationType": "custom"}, "rotationLengthDays"),
        ({"rotationType": "custom", "rotationLengthDays": 0}, "rotationLengthDays"),
        ({"rotationType": "custom", "rotationLengthDays": 3651}, "rotationLengthDays"),
        ({"rotationType": "custom", "rotationLengthDays": "7"}, "rotationLengthDays"),
        ({"rotationType": "custom", "rotationLengthDays": 7.5}, "rotationLengthDays"),
        ({"rotationType": "custom", "rotationLengthDays": True}, "rotationLengthDays"),
        ({"rotationLengthDays": 1}, "rotationLengthDays"),
        ({"rotationType": "daily", "rotationLengthDays": 7}, "rotationLengthDays"),
        ({"handoffTime": "9:00"}, "handoffTime"),
        ({"handoffTime": "24:00"}, "handoffTime"),
        ({"handoffTime": "09:00:00"}, "handoffTime"),
        ({"handoffTime": "09:00\n"}, "handoffTime"),
        ({"effectiveFrom": ...}, "effectiveFrom"),
        ({"effectiveFrom": "2025-01-06T09:00:00"}, "effectiveFrom"),
        ({"effectiveFrom": "2025-01-06"}, "effectiveFrom"),
        ({"effectiveFrom": 1736150400}, "effectiveFrom"),
        ({"effectiveUntil": "2025-01-06T08:00:00Z"}, "effectiveUntil"),
        ({"effectiveUntil": "later"}, "effectiveUntil"),
        ({"participantIds": ...}, "participantIds"),
        ({"participantIds": []}, "participantIds"),
        ({"participantIds": ["u"] * 101}, "participantIds"),
        ({"participantIds": [7]}, "participantIds"),
        ({"position": 3}, "position"),
    ],
)
def test_a_layer_that_is_refused(
    world: World, path: str, changes: dict[str, Any], field: str
) -> None:
    answer = world.call("POST", f"{path}/layers", layer(world, **changes))
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field]), answer.json
    assert names(world, path) == []


def test_participants_are_users_of_the_organization(
    world: World, path: str, other_org: quickstart.Provisioned
) -> None:
    for stranger in ("nobody", other_org.user_id):
        body = layer(world, participantIds=[world.made.user_id, stranger])
        answer = world.call("POST", f"{path}/layers", body)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_participant_id")
        assert stranger in answer.json["message"]
    assert names(world, path) == []


def test_positions_stay_dense(world: World, path: str) -> None:
    made = [world.make(f"{path}/layers", **layer(world, name=n))["id"] for n in "abcd"]
    world.call("DELETE", f"{path}/layers/{made[1]}")
    assert names(world, path) == [(0, "a"), (1, "c"), (2, "d")]
    order = [made[3], made[0], made[2].upper()]
    answer = world.call("PUT", f"{path}/layers/order", {"layerIds": order})
    assert [la["name"] for la in answer.json["data"]["layers"]] == ["d", "a", "c"]
    world.make(f"{path}/layers", **layer(world, name="e"))
    assert names(world, path) == [(0, "d"), (1, "a"), (2, "c"), (3, "e")]


def test_an_order_names_every_layer_once(world: World, path: str) -> None:
    a, b = (world.make(f"{path}/layers", **layer(world, name=n))["id"] for n in "ab")
    for order in ([a], [a, a], [a, b, a], [a, b, UNKNOWN], []):
        answer = world.call("PUT", f"{path}/layers/order", {"layerIds": order})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_layer_order")
    answer = world.call("PUT", f"{path}/layers/order", {"layerIds": [a, "x"]})
    assert answer.json["code"] == "validation_error"
    assert names(world, path) == [(0, "a"), (1, "b")]


def test_a_declarative_client_removes_the_first_layer(world: World, path: str) -> None:
    """It plans by index: contents move up one id each, and then the last one goes."""
    made = [world.make(f"{path}/layers", **layer(world, name=n)) for n in "abc"]
    ids = sorted(la["id"] for la in made)
    assert ids == [la["id"] for la in made]
    for id, name in zip(ids, "bc", strict=False):
        assert world.call("PUT", f"{path}/layers/{id}", layer(world, name=name)).status_code == 200
    assert world.call("DELETE", f"{path}/layers/{ids[2]}").status_code == 204
    assert names(world, path) == [(0, "b"), (1, "c")]


class TestOverrides:
    BODY: dict[str, Any] = {  # noqa: RUF012
        "startsAt": "2025-02-01T00:00:00+01:00",
        "endsAt": "2025-02-02T00:00:00+01:00",
    }

    def make(self, world: World, path: str, start: str, end: str) -> Any:
        body = {"userId": world.made.user_id, "startsAt": start, "endsAt": end}
        return world.call("POST", f"{path}/overrides", body)

    def test_its_life(self, world: World, path: str, member: str) -> None:
        body = {**self.BODY, "userId": world.made.user_id}
        answer = world.call("POST", f"{path}/overrides", body, key=member)
        made = answer.json["data"]
        where = f"{path}/overrides/{made['id']}"
        assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/{where}")
        assert made == {
            "id": made["id"],
            "scheduleId": path.rpartition("/")[2],
            **body,
            "reason": None,
            "createdBy": "member",
            "createdAt": made["createdAt"],
        }
        assert world.call("GET", f"{path}/overrides").json["data"] == [made]
        assert world.call("DELETE", where, key=member).status_code == 204
        assert world.call("DELETE", where, key=member).status_code == 404
        assert world.call("GET", f"{path}/overrides").json["data"] == []

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"userId": None}, "userId"),
            ({"startsAt": "2025-02-01"}, "startsAt"),
            ({"endsAt": "2025-02-01T00:00:00+01:00"}, "endsAt"),
            ({"endsAt": "2025-01-31T22:59:59Z"}, "endsAt"),
            ({"reason": "r" * 256}, "reason"),
            ({"note": "x"}, "note"),
        ],
    )
    def test_what_is_refused(
        self, world: World, path: str, changes: dict[str, Any], field: str
    ) -> None:
        body = {**self.BODY, "userId": world.made.user_id, **changes}
        answer = world.call("POST", f"{path}/overrides", body)
        assert (answer.status_code, list(answer.json["errors"])) == (400, [field])

    def test_a_user_from_elsewhere(
        self, world: World, path: str, other_org: quickstart.Provisioned
    ) -> None:
        answer = world.call("POST", f"{path}/overrides", {**self.BODY, "userId": other_org.user_id})
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_user_id")

    def test_none_overlap(self, world: World, path: str) -> None:
        assert self.make(world, path, "2025-02-01T10:00:00Z", "2025-02-01T12:00:00Z")
        for start, end in (
            ("2025-02-01T09:00:00Z", "2025-02-01T10:00:00.001Z"),
            ("2025-02-01T10:30:00Z", "2025-02-01T11:00:00Z"),
            ("2025-02-01T13:59:59.999999+02:00", "2025-02-01T15:00:00+02:00"),
            ("2025-02-01T09:00:00Z", "2025-02-01T15:00:00Z"),
        ):
            answer = self.make(world, path, start, end)
            assert (answer.status_code, answer.json["code"]) == (409, "override_overlaps")
        for start, end in (
            ("2025-02-01T09:00:00Z", "2025-02-01T10:00:00Z"),
            ("2025-02-01T12:00:00Z", "2025-02-01T13:00:00Z"),
        ):
            assert self.make(world, path, start, end).status_code == 201
        other = f"oncall/schedules/{world.made.schedule_id}"
        assert self.make(world, other, "2025-02-01T10:00:00Z", "2025-02-01T12:00:00Z")

    def test_the_list_in_a_window(self, world: World, path: str) -> None:
        for hour in (14, 10, 12):
            self.make(world, path, f"2025-02-01T{hour}:00:00Z", f"2025-02-01T{hour + 1}:00:00Z")

        def hours(**query: str) -> list[str]:
            found = world.call("GET", f"{path}/overrides", **query).json["data"]
            return [override["startsAt"][11:13] for override in found]

        assert hours() == ["10", "12", "14"]
        assert hours(**{"from": "2025-02-01T11:00:00Z"}) == ["12", "14"]
        assert hours(to="2025-02-01T12:00:00Z") == ["10"]
        window = {"from": "2025-02-01T10:59:59Z", "to": "2025-02-01T13:00:00.001+01:00"}
        assert hours(**window) == ["10", "12"]
        answer = world.call("GET", f"{path}/overrides", **{"from": window["to"], "to": "now"})
        assert answer.json["code"] == "validation_error"
        answer = world.call(
            "GET", f"{path}/overrides", to=window["from"], **{"from": "2026-01-01T00:00:00Z"}
        )
        assert list(answer.json["errors"]) == ["to"]


def test_rights(world: World, path: str, member: str, other_org: quickstart.Provisioned) -> None:
    schedule = {"name": "x", "timezone": "UTC"}
    made = world.make(f"{path}/layers", **layer(world))["id"]
    override = {**TestOverrides.BODY, "userId": world.made.user_id}
    override_id = world.make(f"{path}/overrides", **override)["id"]
    for_admins: list[tuple[str, str, Any]] = [
        ("PUT", path, schedule),
        ("DELETE", path, ...),
        ("POST", f"{path}/layers", layer(world)),
        ("PUT", f"{path}/layers/{made}", layer(world)),
        ("DELETE", f"{path}/layers/{made}", ...),
        ("PUT", f"{path}/layers/order", {"layerIds": [made]}),
    ]
    window = {"from": "2025-01-01T00:00:00Z", "to": "2025-02-01T00:00:00Z"}
    for_all: list[tuple[str, str, Any]] = [
        ("GET", path, ...),
        ("GET", f"{path}/overrides", ...),
        ("GET", f"{path}/resolve", ...),
        ("POST", f"{path}/overrides", override),
        ("DELETE", f"{path}/overrides/{override_id}", ...),
    ]
    assert world.call("POST", "oncall/schedules", schedule, key=member).status_code == 403
    for method, where, body in for_admins:
        assert world.call(method, where, body, key=member).status_code == 403
        # The role comes before everything that the request says.
        assert world.call(method, where, {"x": 1}, key=member).status_code == 403
    for method, where, body in for_admins + for_all:
        id = path.rpartition("/")[2]
        for elsewhere in (where, where.replace(id, UNKNOWN), where.replace(id, "no-uuid")):
            answer = world.call(method, elsewhere, body, key=other_org.key)
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert world.call("GET", f"{path}/shifts", key=other_org.key, **window).status_code == 404
    assert world.call("GET", f"{path}/shifts", key=member, **window).status_code == 200
    for method, where, body in for_all[:3]:
        assert world.call(method, where, body, key=member).status_code == 200
    listed = world.call("GET", "oncall/schedules", key=other_org.key).json["data"]
    assert [s["id"] for s in listed] == [other_org.schedule_id]
