"""What a change of a schedule would do: the same as it then does (contract §4)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_service import quickstart
from incident_service.clock import parse_instant
from incident_service.errors import Conflict
from incident_service.oncall import calculator, layers, overrides, schedules
from incident_service.oncall import preview as previews
from incident_service.store import Row
from tests.helpers.edits import LAYER_FIELDS, NOW, Edited, layer_values, override_values
from tests.helpers.planning import Planning, brief
from tests.helpers.world import World

UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def plan(world: World, monkeypatch: pytest.MonkeyPatch) -> Planning:
    return Planning(world, monkeypatch)


def preview(plan: Planning, *proposed: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = plan.call("POST", "preview", {"layers": list(proposed), **fields})
    assert answer.status_code == 200, answer.json
    found: dict[str, Any] = answer.json["data"]
    return found


def test_one_more_person_moves_everybody_s_future(plan: Planning) -> None:
    proposed = plan.body("axbc", id=plan.layer, name="Daily")
    window = {"from": "2025-04-10T12:00:00Z", "to": "2025-04-13T09:00:00Z"}
    found = preview(plan, proposed, **window)
    now = {
        "userId": "b",
        "userName": "B",
        "layerId": plan.layer,
        "overrideId": None,
        "startsAt": "2025-04-10T12:00:00.000Z",
        "endsAt": "2025-04-11T09:00:00.000Z",
    }
    assert found["now"]["after"] == {**now, "userId": "x", "userName": "X"}
    assert found["now"]["before"]["userName"] == "A"
    assert [brief(target) for target in found["shifts"]] == [
        "x 10T12:00 11T09:00",
        "b 11T09:00 12T09:00",
        "c 12T09:00 13T09:00",
    ]
    assert found["gaps"] == []
    assert found["hours"] == [
        {"userId": "b", "before": 24.0, "after": 24.0},
        {"userId": "c", "before": 24.0, "after": 24.0},
        {"userId": "x", "before": 0.0, "after": 21.0},
        {"userId": "a", "before": 21.0, "after": 0.0},
    ]
    assert found["warnings"] == [
        "X would be on call from now on, instead of A.",
        "A would have no shifts any more in this time.",
    ]


def test_where_nobody_would_be_on_call(plan: Planning) -> None:
    new = plan.body(
        "x", effectiveFrom="2025-04-14T09:00:00Z", effectiveUntil="2025-04-20T00:00:00Z"
    )
    stand_in = plan.span("12T00:00", "13T00:00", userId="b")
    plan.world.call("PUT", plan.path, {"name": "Daily", "timezone": "Europe/Berlin"})
    found = preview(plan, new, overrides=[stand_in], to="2025-04-25T00:00:00Z")
    assert [(gap["startsAt"][8:16], gap["endsAt"][8:16]) for gap in found["gaps"]] == [
        ("10T12:00", "12T00:00"),
        ("13T00:00", "14T09:00"),
        ("20T00:00", "25T00:00"),
    ]
    assert found["now"]["after"] is None
    assert {target["layerId"] for target in found["shifts"]} == {None}
    assert {target["overrideId"] for target in found["shifts"]} == {None}
    assert found["warnings"] == [
        "Nobody would be on call from now on, instead of A.",
        "Nobody would be on call from 2025-04-10 14:00 until 2025-04-12 02:00 (Europe/Berlin).",
        "Nobody would be on call from 2025-04-13 02:00 until 2025-04-14 11:00 (Europe/Berlin).",
        "Nobody would be on call from 2025-04-20 02:00 until 2025-04-25 02:00 (Europe/Berlin).",
        "A would have no shifts any more in this time.",
        "C would have no shifts any more in this time.",
    ]


def test_layers_to_think_twice_about(plan: Planning) -> None:
    over = plan.body("a", name="Old", effectiveUntil="2025-04-09T00:00:00Z")
    found = preview(plan, plan.body("abc", id=plan.layer), over)
    assert found["warnings"] == [
        "The layer Old is over already.",
        "The new layer Old begins before now: it would count in the past, too.",
    ]


def test_the_window_is_four_weeks_from_now(plan: Planning) -> None:
    found = preview(plan, plan.body("abc", id=plan.layer.upper()))
    ends = (found["shifts"][0]["startsAt"], found["shifts"][-1]["endsAt"])
    assert ends == ("2025-04-10T12:00:00.000Z", "2025-05-08T12:00:00.000Z")
    assert (found["warnings"], found["gaps"]) == ([], [])
    assert found["now"]["before"] == found["now"]["after"]


def test_it_writes_nothing(plan: Planning, member: str) -> None:
    tables = ("schedules", "schedule_layers", "schedule_layer_versions", "schedule_overrides")

    def stored() -> list[Any]:
        return [plan.world.rows(f"SELECT * FROM {table}") for table in tables]

    before = stored()
    body = {
        "layers": [plan.body("x")],
        "overrides": [plan.span("11T09:00", "12T09:00", userId="a")],
    }
    answer = plan.world.call("POST", f"{plan.path}/preview", body, key=member)
    assert answer.status_code == 200
    assert stored() == before


def test_what_is_refused(
    plan: Planning, monkeypatch: pytest.MonkeyPatch, other_org: quickstart.Provisioned
) -> None:
    plan.stand_in("11T09:00", "12T09:00")
    layer, stand_in = plan.body("a"), plan.span("20T09:00", "21T09:00", userId="a")
    (elsewhere,) = plan.world.call("GET", f"oncall/schedules/{plan.world.made.schedule_id}").json[
        "data"
    ]["layers"]
    refused: list[tuple[dict[str, Any], str, str]] = [
        ({}, "validation_error", "layers"),
        ({"layers": [{**layer, "id": "x"}]}, "validation_error", "layers[0].id"),
        ({"layers": [{**layer, "position": 0}]}, "validation_error", "layers[0].position"),
        ({"layers": [{**layer, "handoffTime": "9"}]}, "validation_error", "layers[0].handoffTime"),
        ({"layers": [{**layer, "rotationType": "custom"}]}, "validation_error", "layers[0]"),
        ({"layers": [layer] * 1001}, "validation_error", "layers"),
        ({"layers": [], "overrides": [stand_in] * 51}, "validation_error", "overrides"),
        ({"layers": [], "overrides": [{"userId": "a"}]}, "validation_error", "overrides[0]"),
        ({"layers": [], "to": "2025-04-10T12:00:00Z"}, "validation_error", "to"),
        ({"layers": [], "to": "2026-04-11T12:00:00.001Z"}, "validation_error", "to"),
        ({"layers": [], "from": "tomorrow"}, "validation_error", "from"),
        ({"layers": [], "at": "2025-04-10T12:00:00Z"}, "validation_error", "at"),
        ({"layers": [{**layer, "id": UNKNOWN}]}, "invalid_layer_id", "layers[0].id"),
        ({"layers": [{**layer, "id": elsewhere["id"]}]}, "invalid_layer_id", "layers[0].id"),
        ({"layers": [{**layer, "id": plan.layer}] * 2}, "invalid_layer_order", plan.layer),
        (
            {"layers": [{**layer, "participantIds": ["a", other_org.user_id]}]},
            "invalid_participant_id",
            "layers[0].participantIds",
        ),
        (
            {"layers": [], "overrides": [{**stand_in, "userId": "nobody"}]},
            "invalid_user_id",
            "overrides[0].userId",
        ),
        (
            {"layers": [], "overrides": [plan.span("11T10:00", "11T11:00", userId="a")]},
            "override_overlaps",
            "overrides[0].startsAt",
        ),
        ({"layers": [], "overrides": [stand_in] * 2}, "override_overlaps", "overrides[1]"),
        ({"layers": [layer] * 101}, "too_many_layers", "100"),
    ]
    for body, code, part in refused:
        answer = plan.call("POST", "preview", body)
        assert answer.json["code"] == code, (body, answer.json)
        assert part in answer.json["message"]
    monkeypatch.setattr(overrides, "MAX_OVERRIDES", 1)
    answer = plan.call("POST", "preview", {"layers": [], "overrides": [stand_in]})
    assert (answer.status_code, answer.json["code"]) == (409, "too_many_overrides")
    for key, path in ((other_org.key, plan.path), (None, f"oncall/schedules/{UNKNOWN}")):
        answer = plan.world.call("POST", f"{path}/preview", {"layers": []}, key=key)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_layer_that_stays_may_name_somebody_deleted(plan: Planning) -> None:
    """Its rotation is over; a real change would not touch it either."""
    plan.put_layer(plan.layer, "abc", effectiveUntil="2025-04-10T12:00:01Z")
    plan.at("12T00:00")
    assert plan.world.call("DELETE", "users/a").status_code == 204
    same = plan.body("abc", id=plan.layer, effectiveUntil="2025-04-10T12:00:01Z")
    assert preview(plan, same)["shifts"] == []


@st.composite
def changed(draw: st.DrawFn, stored: list[Row]) -> list[Row]:
    """A new set of layers: some as they are, some changed, some new, in any order."""
    proposed: list[Row] = []
    for row in stored:
        kind = draw(st.sampled_from(("same", "changed", "people", "gone")))
        values = {name: row[name] for name in LAYER_FIELDS}
        if kind == "changed":
            values = draw(layer_values())
        if kind == "people":
            values["participant_ids"] = draw(layer_values())["participant_ids"]
        if kind != "gone":
            proposed.append({**values, "id": row["id"]})
    proposed += draw(st.lists(layer_values(), max_size=2))
    return draw(st.permutations(proposed))


def without_ids(targets: list[Any], known: set[str]) -> list[tuple[Any, ...]]:
    return [
        (
            target.user_id,
            target.user_name,
            target.layer_id if target.layer_id in known else None,
            target.override_id if target.override_id in known else None,
            target.starts_at,
            target.ends_at,
        )
        for target in targets
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_it_tells_what_the_change_then_does(plan: Planning, data: st.DataObject) -> None:
    draw = data.draw
    # Given a schedule with a past: layers and overrides that were changed before now.
    earlier = NOW - timedelta(hours=draw(st.integers(1, 60)))
    schedule = Edited(plan.world, draw, earlier)
    steps = draw(st.lists(st.integers(0, 60), max_size=5).map(sorted))
    for step in steps:
        schedule.edit(draw, min(earlier + timedelta(hours=step), NOW))
    stored, standing = schedule.layers(), schedule.overrides()
    proposed = draw(changed(stored))
    added = draw(st.lists(override_values(), max_size=2))
    start = NOW + timedelta(hours=draw(st.integers(-100, 50)))
    end = start + timedelta(hours=draw(st.integers(1, 150)))

    # When a change is tried, and then made.
    def tried() -> previews.Preview:
        with plan.world.database.read() as db:
            key = (db, schedule.caller, schedule.id)
            return previews.preview(*key, proposed, added, start, end, now=NOW)

    try:
        expected = tried()
    except Conflict:
        added = []
        expected = tried()
    before = schedule.shifts(start, end, now=NOW)
    past = schedule.shifts(NOW - timedelta(hours=200), NOW, now=NOW)
    known = {layer["id"] for layer in stored} | {override["id"] for override in standing}
    for layer in stored:
        if layer["id"] not in [values.get("id") for values in proposed]:
            schedule.write(layers.delete, layer["id"], at=NOW)
    order = []
    for each in proposed:
        values = {name: value for name, value in each.items() if name != "id"}
        if "id" in each:
            schedule.write(layers.replace, each["id"], values, at=NOW)
            order.append(each["id"])
        else:
            order.append(schedule.write(layers.add, values, at=NOW)["id"])
    schedule.write(schedules.order_layers, order, at=NOW)
    if added:
        schedule.write(overrides.create_all, added, at=NOW)

    # Then the preview told what came, and the past is as it was but for what is new in it.
    after = schedule.shifts(start, end, now=NOW)
    assert without_ids(expected.shifts, known) == without_ids(after, known)
    with plan.world.database.read() as db:
        owned = schedules.find_owned(db, schedule.caller.org_id, schedule.id, NOW)
    assert owned is not None
    owner, told = owned.schedule_owner, expected.now.after
    assert (owner and owner.user_id) == (told and told.user_id)
    assert (owner and (owner.starts_at, owner.ends_at)) == (told and (told.starts_at, told.ends_at))
    for user_id in "abcx":
        hours = next((each for each in expected.hours if each.user_id == user_id), None)
        assert (hours.before if hours else 0) == pytest.approx(_hours(before, user_id), abs=0.01)
        assert (hours.after if hours else 0) == pytest.approx(_hours(after, user_id), abs=0.01)
    covered = sum((t.ends_at - t.starts_at for t in after), timedelta())
    gaps = sum((gap.ends_at - gap.starts_at for gap in expected.gaps), timedelta())
    assert covered + gaps == end - start
    is_new_in_the_past = any(
        parse_instant(text) < NOW
        for text in (
            *(values["effective_from"] for values in proposed if "id" not in values),
            *(values["starts_at"] for values in added),
        )
    )
    if not is_new_in_the_past:
        at = NOW - timedelta(milliseconds=1)
        assert schedule.shifts(NOW - timedelta(hours=200), at, now=NOW) == _cut(past, at)


def _hours(shifts: Sequence[calculator.Target], user_id: str) -> float:
    of_user = (t.ends_at - t.starts_at for t in shifts if t.user_id == user_id)
    return sum(of_user, timedelta()) / timedelta(hours=1)


def _cut(shifts: list[Any], end: datetime) -> list[Any]:
    """Return the shifts up to the instant."""
    return [
        dataclasses.replace(shift, ends_at=min(shift.ends_at, end))
        for shift in shifts
        if shift.starts_at < end
    ]
