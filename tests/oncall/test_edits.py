"""The past stays what it was, whatever is edited: against what was answered then (contract §4)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_service.clock import whole_milliseconds
from tests.helpers.edits import NOW, Edited
from tests.helpers.planning import Planning
from tests.helpers.world import World

LONG_BEFORE = NOW - timedelta(hours=200)

pauses = st.one_of(
    st.just(timedelta(0)),
    st.just(timedelta(milliseconds=1)),
    st.integers(1, 15).map(lambda hours: timedelta(hours=hours)),
    st.integers(1, 10**11).map(lambda microseconds: timedelta(microseconds=microseconds)),
)
"""How long after one edit the next is made."""


@pytest.fixture
def people(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    return Planning(world, monkeypatch).world


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data(), st.lists(pauses, min_size=4, max_size=9))
def test_no_edit_changes_what_was_answered(
    people: World, data: st.DataObject, between: list[timedelta]
) -> None:
    now = whole_milliseconds(NOW)
    schedule = Edited(people, data.draw, now)
    answered: dict[datetime, tuple[str | None, list[str]]] = {}
    for pause in between:
        # Given what is answered about the past, and was answered when that was the present.
        now = whole_milliseconds(now + pause)
        past = schedule.shifts(LONG_BEFORE, now, now=now)
        # When the schedule is edited.
        schedule.edit(data.draw, now)
        # Then all of it is answered as before.
        assert schedule.shifts(LONG_BEFORE, now, now=now) == past
        answered[now] = schedule.on_call(now, now=now)
        for at, answer in answered.items():
            assert schedule.on_call(at, now=now) == answer
    # And `shifts` tells the same, instant by instant.
    shifts = schedule.shifts(LONG_BEFORE, now + timedelta(hours=1), now=now)
    for at, (owner, _) in answered.items():
        covering = [shift.user_id for shift in shifts if shift.starts_at <= at < shift.ends_at]
        assert covering == ([owner] if owner else [])
