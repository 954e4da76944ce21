"""What the calendar shows of schedules, and of one user's shifts (contract §11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_service import ids
from incident_service.clock import format_instant, parse_instant, sortable
from incident_service.errors import NotFound
from incident_service.oncall import calendar_lanes, calendar_view, own_shifts
from incident_service.oncall.calendar_lanes import CalendarShift, Lane
from incident_service.oncall.calendar_view import ScheduleView, UnfoldedView
from incident_service.people.caller import Caller
from incident_service.store import insert_rows
from tests.helpers.planning import Planning
from tests.helpers.plans import scans, traced

WEEK = timedelta(days=7)


@pytest.fixture
def plan(world: Any, monkeypatch: pytest.MonkeyPatch) -> Planning:
    """On 10 April 2025 at noon: a, b and c by turns at 09:00 since 1 April."""
    return Planning(world, monkeypatch)


def caller(plan: Planning) -> Caller:
    return Caller(plan.world.made.org_id, "key", None, "org:member")


def at(text: str) -> datetime:
    """Return an instant of April 2025, given as `10T12:00`."""
    return parse_instant(f"2025-04-{text}:00Z")


def unfolded(plan: Planning, start: str, end: str) -> UnfoldedView:
    id = plan.path.rpartition("/")[2]
    with plan.world.database.read() as db:
        return calendar_view.get(db, caller(plan), id, at(start), at(end), now=plan.now)


def views(
    plan: Planning, start: str, end: str, *, after: str = "", limit: int = 10
) -> tuple[list[ScheduleView], str | None]:
    with plan.world.database.read() as db:
        return calendar_view.get_slice(
            db, caller(plan), at(start), at(end), after=after, limit=limit, now=plan.now
        )


def brief(shift: Any, who: Callable[[Any], str] = lambda shift: str(shift.user_id)) -> str:
    return f"{who(shift)} {shift.starts_at:%dT%H:%M} {shift.ends_at:%dT%H:%M}"


def shifts(lane: Lane) -> list[str]:
    return [brief(shift) for shift in lane.shifts]


def gaps(lane: Lane) -> list[str]:
    return [brief(gap, lambda _: "nobody") for gap in lane.gaps]


def test_a_view_has_the_shifts_that_the_api_tells(plan: Planning) -> None:
    plan.stand_in("09T12:00", "09T15:00")
    plan.put_layer(plan.layer, "cxa")
    plan.add_layer("b", rotationType="weekly", effectiveFrom="2025-03-20T00:00:00Z")
    plan.call("DELETE", f"layers/{plan.layer}")
    plan.at("11T00:00")
    view = unfolded(plan, "02T00:00", "28T00:00")
    assert shifts(view.lane) == plan.shifts("02T00:00", "28T00:00")
    every, more = views(plan, "02T00:00", "28T00:00")
    assert [v.schedule["name"] for v in every] == ["Daily", "Primary on-call"]
    assert (every[0].schedule, every[0].lane, more) == (view.schedule, view.lane, None)


def test_schedules_come_in_slices_by_name(plan: Planning) -> None:
    first, after = views(plan, "02T00:00", "28T00:00", limit=1)
    assert ([v.schedule["name"] for v in first], after) == (["Daily"], "Daily")
    second, after = views(plan, "02T00:00", "28T00:00", after="Daily", limit=1)
    assert ([v.schedule["name"] for v in second], after) == (["Primary on-call"], None)


def test_shifts_tell_whether_they_reach_beyond_the_window(plan: Planning) -> None:
    plan.stand_in("12T00:00", "12T09:00")

    def ends(start: str, end: str) -> list[tuple[str, bool, bool]]:
        found: list[CalendarShift] = unfolded(plan, start, end).lane.shifts
        return [(brief(each), each.begins_earlier, each.ends_later) for each in found]

    assert ends("10T09:00", "12T00:00") == [
        ("a 10T09:00 11T09:00", False, False),
        ("b 11T09:00 12T00:00", False, False),
    ]
    assert ends("10T10:00", "11T10:00") == [
        ("a 10T10:00 11T09:00", True, False),
        ("b 11T09:00 11T10:00", False, True),
    ]


def test_nobody_on_call_is_a_gap_from_now_on(plan: Planning) -> None:
    """Before now it can no longer be mended. A schedule that has not begun has a gap, too."""
    plan.call("DELETE", f"layers/{plan.layer}")
    plan.add_layer("b", effectiveFrom="2025-04-14T09:00:00Z", effectiveUntil="2025-04-15T09:00:00Z")
    plan.at("11T00:00")
    lane = unfolded(plan, "09T00:00", "17T00:00").lane
    assert gaps(lane) == ["nobody 11T00:00 14T09:00", "nobody 15T09:00 17T00:00"]
    assert [brief(gap, lambda _: "nobody") for gap in lane.past_gaps] == [
        "nobody 10T12:00 11T00:00"
    ]
    assert [(gap.begins_earlier, gap.ends_later) for gap in (*lane.past_gaps, *lane.gaps)] == [
        (False, True),
        (True, False),
        (False, True),
    ]


def test_a_gap_that_lasts_beyond_the_window_is_told_on_one_side_of_now_alone(
    plan: Planning,
) -> None:
    """Weeks that are over have no gap that can be mended; weeks to come have none that is over."""
    plan.call("DELETE", f"layers/{plan.layer}")
    plan.at("11T00:00")
    past, to_come = unfolded(plan, "10T14:00", "11T00:00"), unfolded(plan, "12T00:00", "14T00:00")
    assert (len(past.lane.past_gaps), past.lane.gaps) == (1, [])
    assert (to_come.lane.past_gaps, len(to_come.lane.gaps)) == ([], 1)


def test_layers_are_unfolded_with_the_overrides(plan: Planning) -> None:
    plan.add_layer("b", rotationType="weekly", name="Always")
    body = plan.span("11T12:00", "11T18:00", userId="x", reason="Dentist")
    plan.world.make(f"{plan.path}/overrides", **body)
    view = unfolded(plan, "11T00:00", "12T00:00")
    assert shifts(view.lane) == [
        "a 11T00:00 11T09:00",
        "b 11T09:00 11T12:00",
        "x 11T12:00 11T18:00",
        "b 11T18:00 12T00:00",
    ]
    assert shifts(view.overrides) == ["x 11T12:00 11T18:00"]
    assert [shift.reason for shift in view.lane.shifts] == [None, None, "Dentist", None]
    assert [(each.layer["name"], shifts(each.lane)) for each in view.layers] == [
        ("abc", ["a 11T00:00 11T09:00", "b 11T09:00 12T00:00"]),
        ("Always", ["b 11T00:00 12T00:00"]),
    ]


def test_a_layer_shows_its_turns_as_it_stood_then(plan: Planning) -> None:
    plan.put_layer(plan.layer, "x")
    (layer,) = unfolded(plan, "09T09:00", "12T09:00").layers
    assert shifts(layer.lane) == plan.shifts("09T09:00", "12T09:00")


def test_deleted_people_are_named_as_they_were(plan: Planning) -> None:
    plan.stand_in("10T10:00", "10T11:00")
    plan.at("10T13:00")
    assert plan.world.call("DELETE", "users/x").status_code == 204
    lane = unfolded(plan, "10T09:00", "10T12:00").lane
    assert [shift.user_name for shift in lane.shifts] == ["A", "X", "A"]


def test_a_lane_shows_so_many_shifts_at_most(
    plan: Planning, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (11, 12, 13):
        plan.stand_in(f"{day}T12:00", f"{day}T13:00")
    whole = unfolded(plan, "11T00:00", "15T00:00").lane
    assert whole.shown_until == at("15T00:00")
    monkeypatch.setattr(calendar_lanes, "MAX_SHIFTS", 4)
    lane = unfolded(plan, "11T00:00", "15T00:00").lane
    assert lane.shifts == whole.shifts[:4]
    assert lane.shown_until == whole.shifts[3].ends_at
    assert lane.gaps == []


def test_a_foreign_or_deleted_schedule_does_not_exist(plan: Planning) -> None:
    stranger = replace(caller(plan), org_id="another")
    id = plan.path.rpartition("/")[2]
    with plan.world.database.read() as db, pytest.raises(NotFound, match=id):
        calendar_view.get(db, stranger, id, at("01T00:00"), at("02T00:00"), now=plan.now)
    assert plan.world.call("DELETE", plan.path).status_code == 204
    with pytest.raises(NotFound, match=id):
        unfolded(plan, "01T00:00", "02T00:00")


def own(plan: Planning, user: str, start: str, end: str) -> list[str]:
    with plan.world.database.read() as db:
        found = own_shifts.between(db, caller(plan), user, at(start), at(end), now=plan.now)
    return [brief(shift, lambda shift: str(shift.schedule["name"])) for shift in found]


def find_next(plan: Planning, user: str) -> str | None:
    with plan.world.database.read() as db:
        found = own_shifts.find_next(db, caller(plan), user, now=plan.now)
    return brief(found, lambda shift: str(shift.schedule["name"])) if found else None


def second_schedule(plan: Planning, people: str, since: str) -> None:
    id = plan.world.make("oncall/schedules", name="Backup", timezone="UTC")["id"]
    body = plan.body(people, effectiveFrom=f"2025-04-{since}:00Z", rotationType="weekly")
    plan.world.make(f"oncall/schedules/{id}/layers", **body)


def test_a_user_sees_their_shifts_of_all_schedules(plan: Planning) -> None:
    second_schedule(plan, "xa", "11T12:00")
    assert own(plan, "a", "10T12:00", "20T00:00") == [
        "Daily 10T12:00 11T09:00",
        "Daily 13T09:00 14T09:00",
        "Daily 16T09:00 17T09:00",
        "Backup 18T09:00 20T00:00",
        "Daily 19T09:00 20T00:00",
    ]


def test_turns_in_a_row_are_one_shift_of_a_user(plan: Planning) -> None:
    plan.put_layer(plan.layer, "xaa")
    assert own(plan, "a", "11T00:00", "14T00:00") == ["Daily 11T09:00 13T09:00"]


def test_the_next_shift_of_a_user_is_the_first_to_begin_of_all_schedules(plan: Planning) -> None:
    assert find_next(plan, "x") is None
    assert find_next(plan, "a") == "Daily 13T09:00 14T09:00"  # not the one that runs
    second_schedule(plan, "xac", "06T09:00")  # from 13T09:00 on, too, and first by name
    assert find_next(plan, "a") == "Backup 13T09:00 20T09:00"
    assert find_next(plan, "c") == "Daily 12T09:00 13T09:00"
    plan.stand_in("12T08:00", "12T10:00", "a")
    assert find_next(plan, "a") == "Daily 12T08:00 12T10:00"


def test_who_only_stands_by_has_the_shifts_that_the_layers_above_leave(plan: Planning) -> None:
    plan.add_layer("x")
    assert find_next(plan, "x") is None
    assert own(plan, "x", "10T12:00", "20T00:00") == []
    plan.stand_in("14T08:00", "14T10:00", "x")
    assert find_next(plan, "x") == "Daily 14T08:00 14T10:00"
    plan.put_layer(plan.layer, "abc", effectiveUntil="2025-04-12T10:00:00Z")
    assert own(plan, "x", "10T12:00", "20T00:00") == ["Daily 12T10:00 20T00:00"]


def test_a_next_shift_is_right_however_many_stand_in_before_it(plan: Planning) -> None:
    first, length = at("11T00:00"), timedelta(minutes=4)
    begins = [first + number * length for number in range(1500)]  # until the 15th
    made = [
        {
            "org_id": plan.world.made.org_id,
            "id": ids.new_id(),
            "schedule_id": plan.path.rpartition("/")[2],
            "user_id": "b",
            "starts_at": format_instant(each),
            "ends_at": format_instant(each + length),
            "reason": None,
            "starts_at_utc": sortable(each),
            "ends_at_utc": sortable(each + length),
            "created_by": "b",
            "created_at": format_instant(plan.now),
            "past_of": None,
        }
        for each in begins
    ]
    plan.world.database.write(None, lambda db, **_: insert_rows(db, "schedule_overrides", made))
    assert find_next(plan, "a") == "Daily 16T09:00 17T09:00"


@pytest.mark.sqlite_only("how it finds rows")
def test_many_schedules_cost_no_more_statements(plan: Planning) -> None:
    start, end = plan.now, plan.now + 4 * WEEK
    id = plan.path.rpartition("/")[2]

    def statements() -> list[str]:
        with traced(plan.world) as run, plan.world.database.read() as db:
            many, _ = calendar_view.get_slice(
                db, caller(plan), start, end, after="", limit=100, now=plan.now
            )
            assert any(view.lane.shifts for view in many)
            calendar_view.get(db, caller(plan), id, start, end, now=plan.now)
            own_shifts.between(db, caller(plan), "a", start, end, now=plan.now)
            own_shifts.find_next(db, caller(plan), "a", now=plan.now)
        return [text for text in run if text.lstrip().startswith("SELECT")]

    few = statements()
    assert len(few) == 8
    for name in "pqr":
        other = plan.world.make("oncall/schedules", name=name, timezone="UTC")["id"]
        for _ in range(3):
            plan.world.make(f"oncall/schedules/{other}/layers", **plan.body("abcx"))
    plan.stand_in("12T08:00", "12T10:00", "a")
    many = statements()
    assert len(many) == len(few)
    assert [scan for text in many for scan in scans(plan.world, text)] == []
