"""The past stays what it was, whatever is changed in a schedule (contract §4)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.people import users
from tests.helpers.planning import Planning, brief
from tests.helpers.world import World


@pytest.fixture
def plan(world: World, monkeypatch: pytest.MonkeyPatch) -> Planning:
    return Planning(world, monkeypatch)


def everything(plan: Planning) -> list[Any]:
    """What is answered about the past, up to now."""
    now = f"{plan.now:%dT%H:%M}"
    instants = ("03T12:00", "09T12:00", "10T08:59", "10T11:59")
    world = plan.world
    return [
        plan.shifts("01T00:00", now),
        [plan.call("GET", "resolve", at=f"2025-04-{at}:00Z").json for at in instants[:3]],
        [[target[0] for target in plan.resolved(at)] for at in instants],
        world.call("GET", "oncall", at="2025-04-09T12:00:00Z").json["data"][0]["scheduleOwner"],
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "layers/{first}", {"participantIds": ["x"]}),
        ("PUT", "layers/{first}", {"effectiveFrom": "2025-04-02T09:00:00Z"}),
        ("PUT", "layers/{first}", {"effectiveUntil": "2025-04-03T09:00:00Z"}),
        ("PUT", "layers/{first}", {"handoffTime": "18:00"}),
        ("DELETE", "layers/{first}", ...),
        ("PUT", "layers/order", {"layerIds": ["{second}", "{first}"]}),
        ("PUT", "", {"name": "Daily", "timezone": "Asia/Kathmandu"}),
        ("DELETE", "overrides/{past}", ...),
        ("DELETE", "overrides/{running}", ...),
        ("PATCH", "overrides/{running}", {"userId": "a"}),
        ("PATCH", "overrides/{running}", {"endsAt": "2025-04-10T11:30:00Z"}),
        (
            "PATCH",
            "overrides/{running}",
            {"startsAt": "2025-04-20T00:00:00Z", "endsAt": "2025-04-21T00:00:00Z"},
        ),
    ],
)
def test_no_edit_changes_it(plan: Planning, method: str, path: str, body: Any) -> None:
    ids = {
        "first": plan.layer,
        "second": plan.add_layer("bx", handoffTime="12:00"),
        "past": plan.stand_in("05T10:00", "05T12:00"),
        "running": plan.stand_in("10T11:00", "10T15:00"),
    }
    before = everything(plan)
    if "first" in path and body is not ...:
        body = plan.body("abc", **body)
    if "order" in path:
        body = {"layerIds": [ids["second"], ids["first"]]}
    whole = f"{plan.path}/{path.format(**ids)}".rstrip("/")
    answer = plan.world.call(method, whole, body)
    assert answer.status_code in (200, 204), answer.json
    assert everything(plan) == before
    plan.at("12T12:00")
    assert plan.shifts("01T00:00", "10T12:00") == before[0]


def test_an_edit_counts_from_the_moment_it_is_made(plan: Planning) -> None:
    plan.put_layer(plan.layer, "x")
    assert plan.shifts("09T09:00", "12T09:00") == [
        "c 09T09:00 10T09:00",
        "a 10T09:00 10T12:00",
        "x 10T12:00 11T09:00",
        "x 11T09:00 12T09:00",
    ]
    assert plan.resolved() == ["x 10T12:00 11T09:00"]
    assert plan.resolved("10T10:00") == ["a 10T09:00 10T12:00"]
    assert plan.resolved("11T10:00") == ["x 11T09:00 12T09:00"]


def test_a_rename_or_one_more_person_cuts_no_shift(plan: Planning) -> None:
    plan.put_layer(plan.layer, "abc", name="Another")
    assert plan.world.rows("SELECT * FROM schedule_layer_versions") == []
    plan.put_layer(plan.layer, "axc")
    assert plan.shifts("10T09:00", "12T09:00") == ["a 10T09:00 11T09:00", "x 11T09:00 12T09:00"]
    assert plan.resolved() == ["a 10T09:00 11T09:00"]


def test_a_new_layer_counts_from_its_beginning(plan: Planning) -> None:
    plan.call("DELETE", f"layers/{plan.layer}")
    plan.add_layer("x", effectiveFrom="2025-03-31T09:00:00Z")
    assert plan.shifts("01T00:00", "02T09:00") == ["x 01T00:00 01T09:00", "a 01T09:00 02T09:00"]
    assert plan.shifts("10T09:00", "11T09:00") == ["a 10T09:00 10T12:00", "x 10T12:00 11T09:00"]


def test_a_new_layer_comes_last_in_the_past_too(plan: Planning) -> None:
    """Whatever number of layers there was then."""
    others = [plan.add_layer("x") for _ in range(3)]
    for id in others[:2]:
        plan.call("DELETE", f"layers/{id}")
    plan.add_layer("b", rotationType="weekly", effectiveFrom="2025-04-01T09:00:00Z")
    assert [target[0] for target in plan.resolved("04T10:00")] == ["a", "x", "b"]
    layers = plan.world.call("GET", plan.path).json["data"]["layers"]
    assert [layer["position"] for layer in layers] == [0, 1, 2]


def test_edits_at_one_instant_leave_one_version(plan: Planning) -> None:
    for people in ("x", "b", "xa", "bc"):
        plan.put_layer(plan.layer, people)
    (version,) = plan.world.rows("SELECT * FROM schedule_layer_versions")
    assert version["participant_ids"] == '["a", "b", "c"]'


def test_edits_of_a_layer_that_has_not_begun_leave_none(plan: Planning) -> None:
    later = plan.add_layer("x", effectiveFrom="2025-05-01T09:00:00Z")
    plan.put_layer(later, "b", effectiveFrom="2025-05-02T09:00:00Z")
    plan.call("DELETE", f"layers/{later}")
    assert plan.world.rows("SELECT * FROM schedule_layer_versions") == []


def test_a_clock_set_back_leaves_somebody_on_call(plan: Planning) -> None:
    """The layers as they stand are those of now, whenever they say that they were edited."""
    plan.put_layer(plan.layer, "x")
    plan.at("09T12:00")
    assert [target[0] for target in plan.resolved()] == ["x"]
    plan.put_layer(plan.layer, "b")
    assert [target[0] for target in plan.resolved()] == ["b"]


def test_a_deleted_override_is_over_after_a_clock_was_set_back(plan: Planning) -> None:
    plan.call("DELETE", f"overrides/{plan.stand_in('10T10:00', '10T15:00')}")
    plan.at("10T11:00")
    assert [target[0] for target in plan.resolved()] == ["a"]
    assert [target[0] for target in plan.resolved("10T10:30")] == ["x"]
    assert plan.shifts("10T09:00", "11T09:00") == [
        "a 10T09:00 10T10:00",
        "x 10T10:00 10T11:00",
        "a 10T11:00 11T09:00",
    ]
    plan.at("10T09:30")
    assert plan.shifts("10T09:00", "11T09:00") == ["a 10T09:00 11T09:00"]


def test_a_deleted_person_is_named_as_they_were(plan: Planning) -> None:
    plan.put_layer(plan.layer, "bc")
    assert plan.world.call("DELETE", "users/a").status_code == 204
    window = {"from": "2025-04-10T09:00:00Z", "to": "2025-04-10T13:00:00Z"}
    found = plan.call("GET", "shifts", **window).json["data"]
    assert [(target["userId"], target["userName"]) for target in found] == [("a", "A"), ("c", "C")]


def test_who_is_next(plan: Planning) -> None:
    def owner_and_next(**query: str) -> list[str]:
        (found, _) = plan.world.call("GET", "oncall", **query).json["data"]
        assert found["schedule"]["name"] == "Daily"
        return [brief(found["scheduleOwner"]), brief(found["next"])]

    assert owner_and_next() == ["a 10T09:00 11T09:00", "b 11T09:00 12T09:00"]
    stand_in = plan.stand_in("10T18:00", "12T09:00")
    assert owner_and_next() == ["a 10T09:00 10T18:00", "x 10T18:00 12T09:00"]
    assert owner_and_next(at="2025-04-11T12:00:00Z")[1] == "c 12T09:00 13T09:00"
    plan.call("DELETE", f"overrides/{stand_in}")
    # A layer of lower position takes over from there; before and after it there is a gap.
    plan.put_layer(plan.layer, "abc", effectiveUntil="2025-04-10T15:00:00Z")
    plan.add_layer("x", effectiveFrom="2025-04-12T00:00:00Z")
    assert owner_and_next() == ["a 10T09:00 10T15:00", "x 12T00:00 13T09:00"]
    assert owner_and_next(at="2025-04-11T00:00:00Z") == ["nobody", "x 12T00:00 13T09:00"]
    assert owner_and_next(at="2025-03-01T00:00:00Z") == ["nobody", "a 01T09:00 02T09:00"]


def test_who_was_next_in_the_past(plan: Planning) -> None:
    plan.put_layer(plan.layer, "x")
    (found, _) = plan.world.call("GET", "oncall", at="2025-04-10T10:00:00Z").json["data"]
    assert [brief(found["scheduleOwner"]), brief(found["next"])] == [
        "a 10T09:00 10T12:00",
        "x 10T12:00 11T09:00",
    ]


def test_a_layer_of_the_past_keeps_nobody_from_being_deleted(plan: Planning) -> None:
    plan.stand_in("05T10:00", "11T12:00", "x")
    plan.put_layer(plan.layer, "b")
    assert plan.world.call("DELETE", "users/x").json["code"] == "user_in_use"
    (override,) = plan.call("GET", "overrides").json["data"]
    plan.call("DELETE", f"overrides/{override['id']}")
    for id in "acx":
        assert plan.world.call("DELETE", f"users/{id}").status_code == 204
    with plan.world.database.read() as db:
        rows = [db.execute("SELECT * FROM users WHERE id = ?", (id,)).fetchone() for id in "acx"]
    assert [users.display_name(row) for row in rows] == ["A", "C", "X"]
