"""Changing overrides, and making several at once (contract §4)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service import quickstart
from incident_service.oncall import overrides
from tests.helpers.planning import Planning
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def plan(world: World, monkeypatch: pytest.MonkeyPatch) -> Planning:
    return Planning(world, monkeypatch)


def patch(plan: Planning, id: str, **changes: Any) -> Any:
    answer = plan.call("PATCH", f"overrides/{id}", changes)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_one_to_come_changes_whole(plan: Planning) -> None:
    id = plan.stand_in("11T10:00", "11T12:00")
    changes = {"userId": "c", "startsAt": "2025-04-11T13:00:00+02:00", "reason": "Swap"}
    changed = patch(plan, id, **changes, endsAt="2025-04-11T15:00:00Z")
    assert (changed["id"], changed["startsAt"]) == (id, "2025-04-11T13:00:00+02:00")
    assert plan.call("GET", "overrides").json["data"] == [changed]
    assert plan.shifts("11T09:00", "12T09:00") == [
        "b 11T09:00 11T11:00",
        "c 11T11:00 11T15:00",
        "b 11T15:00 12T09:00",
    ]
    assert patch(plan, id, reason=None)["reason"] is None
    assert patch(plan, id) == {**changed, "reason": None}


def test_one_that_runs_changes_from_now_on(plan: Planning) -> None:
    id = plan.stand_in("10T10:00", "10T15:00")
    assert patch(plan, id, userId="c")["userId"] == "c"
    assert plan.shifts("10T09:00", "11T09:00") == [
        "a 10T09:00 10T10:00",
        "x 10T10:00 10T12:00",
        "c 10T12:00 10T15:00",
        "a 10T15:00 11T09:00",
    ]
    found = plan.call("GET", "shifts", **{
        "from": "2025-04-10T10:00:00Z", "to": "2025-04-10T15:00:00Z"
    }).json["data"]  # fmt: skip
    assert [target["overrideId"] for target in found] == [id, id]
    assert len(plan.call("GET", "overrides").json["data"]) == 1


def test_one_that_goes_on_with_the_same_user_is_not_cut(plan: Planning) -> None:
    id = plan.stand_in("10T10:00", "10T15:00")
    patch(plan, id, startsAt="2025-04-10T11:00:00Z", endsAt="2025-04-10T18:00:00Z", userId="x")
    assert plan.shifts("10T09:00", "10T18:00") == ["a 10T09:00 10T10:00", "x 10T10:00 10T18:00"]
    assert patch(plan, id, endsAt="2025-04-10T11:30:00Z")["endsAt"] == "2025-04-10T11:30:00Z"
    assert plan.resolved() == ["a 10T12:00 11T09:00"]
    assert plan.shifts("10T09:00", "10T12:00") == ["a 10T09:00 10T10:00", "x 10T10:00 10T12:00"]


def test_one_moved_into_the_past_counts_from_now(plan: Planning) -> None:
    id = plan.stand_in("11T10:00", "11T12:00")
    patch(plan, id, startsAt="2025-04-10T08:00:00Z")
    assert plan.shifts("10T09:00", "11T12:00") == ["a 10T09:00 10T12:00", "x 10T12:00 11T12:00"]


def test_of_one_that_is_over_only_the_reason_changes(plan: Planning) -> None:
    id = plan.stand_in("05T10:00", "05T12:00")
    assert patch(plan, id, reason="Ill", userId="x", endsAt="2025-04-05T14:00:00+02:00")
    for changes in ({"userId": "a"}, {"endsAt": "2025-04-20T12:00:00Z"}):
        answer = plan.call("PATCH", f"overrides/{id}", changes)
        assert refusal(answer) == (409, "override_over")
    to_come = plan.stand_in("11T10:00", "11T12:00")
    changes = {"startsAt": "2025-04-09T10:00:00Z", "endsAt": "2025-04-09T12:00:00Z"}
    answer = plan.call("PATCH", f"overrides/{to_come}", changes)
    assert refusal(answer) == (409, "override_over")


def test_deleting_one_that_runs_ends_it_now(plan: Planning) -> None:
    id = plan.stand_in("10T10:00", "10T15:00")
    assert plan.call("DELETE", f"overrides/{id}").status_code == 204
    assert plan.call("GET", "overrides").json["data"] == []
    assert plan.call("DELETE", f"overrides/{id}").status_code == 404
    assert plan.resolved() == ["a 10T12:00 11T09:00"]
    assert plan.resolved("10T11:00") == ["x 10T10:00 10T12:00"]


def test_deleting_one_to_come_leaves_nothing(plan: Planning) -> None:
    plan.call("DELETE", f"overrides/{plan.stand_in('11T10:00', '11T12:00')}")
    assert plan.world.rows("SELECT * FROM schedule_overrides") == []


def test_a_new_one_leaves_the_past_of_a_deleted_one(plan: Planning) -> None:
    """A declarative client replaces one so: it deletes it, and makes another with its start."""
    plan.call("DELETE", f"overrides/{plan.stand_in('10T10:00', '10T15:00')}")
    made = plan.world.make(
        f"{plan.path}/overrides", **plan.span("10T10:00", "10T15:00", userId="c")
    )
    assert made["startsAt"] == "2025-04-10T10:00:00Z"
    assert plan.shifts("10T10:00", "10T18:00") == [
        "x 10T10:00 10T12:00",
        "c 10T12:00 10T15:00",
        "a 10T15:00 10T18:00",
    ]
    for start, end in (("10T10:30", "10T11:30"), ("10T09:00", "10T12:00")):
        body = plan.span(start, end, userId="c")
        answer = plan.call("POST", "overrides", body)
        assert refusal(answer) == (409, "override_overlaps")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"userId": "nobody"}, (400, "invalid_user_id")),
        ({"userId": None}, (400, "validation_error")),
        ({"startsAt": None}, (400, "validation_error")),
        ({"startsAt": "2025-04-11T12:00:00Z"}, (400, "validation_error")),
        ({"endsAt": "2025-04-11T10:00:00Z"}, (400, "validation_error")),
        ({"endsAt": "2025-04-11T14:00:00.001Z"}, (409, "override_overlaps")),
        ({"id": UNKNOWN}, (400, "validation_error")),
        ({"reason": "r" * 256}, (400, "validation_error")),
    ],
)
def test_a_change_that_is_refused(
    plan: Planning, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    id = plan.stand_in("11T10:00", "11T12:00")
    plan.stand_in("11T14:00", "11T15:00")
    before = plan.call("GET", "overrides").json["data"]
    assert refusal(plan.call("PATCH", f"overrides/{id}", changes)) == expected
    assert plan.call("GET", "overrides").json["data"] == before


def test_a_swap_is_one_call(plan: Planning, member: str) -> None:
    """b takes c's day, and c takes b's."""
    body = [
        plan.span("12T09:00", "13T09:00", userId="b", reason="Swap"),
        plan.span("11T09:00", "12T09:00", userId="c"),
    ]
    path = f"{plan.path}/overrides"
    answer = plan.world.call("POST", f"{path}/bulk", {"overrides": body}, key=member)
    assert (answer.status_code, answer.headers["Location"]) == (201, f"/v1/{path}")
    made = answer.json["data"]["overrides"]
    assert [(each["startsAt"][8:10], each["userId"], each["createdBy"]) for each in made] == [
        ("12", "b", "member"),
        ("11", "c", "member"),
    ]
    assert plan.call("GET", "overrides").json["data"] == made[::-1]
    assert plan.shifts("11T09:00", "13T09:00") == ["c 11T09:00 12T09:00", "b 12T09:00 13T09:00"]


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ({"userId": "nobody"}, (400, "invalid_user_id", "overrides[1].userId: nobody")),
        ({"endsAt": "2025-04-12T10:00:00Z"}, (409, "override_overlaps", "overrides[1].startsAt")),
        ({"startsAt": "x"}, (400, "validation_error", "overrides[1].startsAt")),
        ({"startsAt": "2025-04-14T09:00:00Z"}, (400, "validation_error", "overrides[1].endsAt")),
        ({"startsAt": "2025-04-10T14:00:00Z"}, (409, "override_overlaps", "overrides[1].")),
    ],
)
def test_all_or_none(
    plan: Planning, second: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    plan.stand_in("10T10:00", "10T15:00")
    body = [
        plan.span("12T09:00", "13T09:00", userId="b"),
        {**plan.span("11T09:00", "12T09:00", userId="c"), **second},
    ]
    answer = plan.call("POST", "overrides/bulk", {"overrides": body})
    assert refusal(answer) == expected[:2]
    assert expected[2] in answer.json["message"]
    assert len(plan.call("GET", "overrides").json["data"]) == 1


def test_how_many_at_once(plan: Planning, monkeypatch: pytest.MonkeyPatch) -> None:
    body = [plan.span(f"20T{n // 60:02}:{n % 60:02}", "20T10:00", userId="x") for n in range(51)]
    for many in (body, [], None):
        answer = plan.call("POST", "overrides/bulk", {"overrides": many})
        assert (answer.status_code, list(answer.json["errors"])) == (400, ["overrides"])
    monkeypatch.setattr(overrides, "MAX_OVERRIDES", 2)
    body = [plan.span(f"2{n}T09:00", f"2{n}T10:00", userId="x") for n in range(3)]
    answer = plan.call("POST", "overrides/bulk", {"overrides": body})
    assert refusal(answer) == (409, "too_many_overrides")
    answer = plan.call("POST", "overrides/bulk", {"overrides": body[:2]})
    assert answer.status_code == 201


def test_rights(plan: Planning, member: str, other_org: quickstart.Provisioned) -> None:
    id = plan.stand_in("11T10:00", "11T12:00")
    call, one = plan.world.call, f"{plan.path}/overrides/{id}"
    assert call("PATCH", one, {"reason": "Ill"}, key=member).status_code == 200
    many = {"overrides": [plan.span("12T09:00", "13T09:00", userId="b")]}
    for key, where in (
        (other_org.key, plan.path),
        (plan.world.made.key, f"oncall/schedules/{UNKNOWN}"),
        (plan.world.made.key, f"oncall/schedules/{plan.world.made.schedule_id}"),
    ):
        answer = call("PATCH", f"{where}/overrides/{id}", {"reason": "x"}, key=key)
        assert refusal(answer) == (404, "not_found")
    for key, where in ((other_org.key, plan.path), (member, f"oncall/schedules/{UNKNOWN}")):
        answer = call("POST", f"{where}/overrides/bulk", many, key=key)
        assert refusal(answer) == (404, "not_found")
    theirs = {"userId": other_org.user_id}
    assert refusal(call("PATCH", one, theirs)) == (400, "invalid_user_id")
