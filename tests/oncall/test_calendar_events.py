"""Which events a calendar shows, and that their ids and ends stay (contract §4)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from incident_service.oncall import calculator, versions
from incident_service.oncall.calculator import Override, Target
from incident_service.oncall.calendar_events import Event, events
from incident_service.oncall.rotation import Layer

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN = ZoneInfo("Europe/Berlin")


def an_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def layer(position: int = 0, since: datetime = START, **changes: Any) -> Layer:
    values: dict[str, Any] = {
        "zone": BERLIN,
        "rotation_length_days": 1,
        "handoff_time": time(9),
        "effective_until": None,
        "participant_ids": ("a", "b", "c"),
        **changes,
    }
    return Layer(id=an_id(position), position=position, effective_from=since, **values)


def override(number: int, since: datetime, until: datetime) -> Override:
    return Override(an_id(1000 + number), "x", since, until)


instants = st.integers(0, 60 * 24).map(lambda hours: START + hours * HOUR)

layers = st.builds(
    lambda position, since, lasts, days, hour, people: layer(
        position,
        since,
        effective_until=since + lasts if lasts else None,
        rotation_length_days=days,
        handoff_time=time(hour),
        participant_ids=tuple(people),
    ),
    st.integers(0, 9),
    instants,
    st.none() | st.integers(1, 600).map(lambda hours: hours * HOUR),
    st.sampled_from([1, 1, 2, 7, 30]),
    st.integers(0, 23),
    st.text("abc", min_size=1, max_size=4),
)
several_layers = st.lists(layers, min_size=1, max_size=3, unique_by=lambda la: la.position)


@st.composite
def several_overrides(draw: st.DrawFn) -> list[Override]:
    """Some that do not overlap; many end as the next begins."""
    ends = sorted(draw(st.sets(instants, max_size=8)))
    pairs = list(pairwise(ends))
    kept = draw(st.lists(st.booleans(), min_size=len(pairs), max_size=len(pairs)))
    return [override(n, *pair) for n, pair in enumerate(pairs) if kept[n]]


windows = st.tuples(instants, instants).map(sorted).map(lambda pair: (pair[0], pair[1] + HOUR))


def cut(found: list[Event], start: datetime, end: datetime) -> list[Target]:
    """Return the events' targets as `calculator.owners` cuts them."""
    return [
        Target(
            event.target.user_id,
            event.target.layer_id,
            event.target.override_id,
            max(event.target.starts_at, start),
            min(event.target.ends_at, end),
        )
        for event in found
    ]


@given(several_layers, several_overrides(), windows)
def test_a_calendar_shows_the_shifts(
    rotations: list[Layer], standing_in: list[Override], window: tuple[datetime, datetime]
) -> None:
    found = list(events(rotations, standing_in, *window))
    assert cut(found, *window) == list(calculator.owners(rotations, standing_in, *window))
    assert len({event.uid for event in found}) == len(found)


@given(several_layers, several_overrides(), windows, windows)
def test_an_event_is_the_same_whenever_it_is_asked_for(
    rotations: list[Layer],
    standing_in: list[Override],
    one: tuple[datetime, datetime],
    other: tuple[datetime, datetime],
) -> None:
    in_one, in_other = (
        {
            event
            for event in events(rotations, standing_in, *window)
            if event.target.ends_at > max(one[0], other[0])
            and event.target.starts_at < min(one[1], other[1])
        }
        for window in (one, other)
    )
    assert in_one == in_other


@given(several_layers, several_overrides())
def test_an_override_changes_no_event_but_those_that_it_cuts(
    rotations: list[Layer], standing_in: list[Override]
) -> None:
    *others, added = standing_in or [override(0, START, START + DAY)]
    before = list(events(rotations, others, START, LAST_DAY))
    after = list(events(rotations, [*others, added], START, LAST_DAY))
    ids_after = {event.uid: event for event in after}
    for event in before:
        target = event.target
        if target.ends_at <= added.starts_at or added.ends_at <= target.starts_at:
            # If the turn began under the override, what is left of it has the turn's own id.
            is_rest = not event.uid.startswith((str(target.layer_id), str(target.override_id)))
            if is_rest and event.uid not in ids_after:
                (event,) = (found for found in after if found.target == target)
            assert ids_after[event.uid].target.user_id == target.user_id
        elif target.starts_at < added.starts_at:
            kept = ids_after[event.uid].target
            assert (kept.starts_at, kept.ends_at) == (target.starts_at, added.starts_at)
    assert ids_after[added.id].target.user_id == "x"


LAST_DAY = START + 90 * DAY


def test_a_shift_that_an_override_interrupts_goes_on_under_another_id() -> None:
    week = layer(rotation_length_days=7)
    (whole, *_) = events([week], [], START, START + DAY)
    tuesday = override(1, START + 2 * DAY, START + 3 * DAY)
    first, between, rest, *_ = events([week], [tuesday], START, START + 7 * DAY)
    assert (first.uid, between.uid) == (whole.uid, tuesday.id)
    assert rest.uid not in (first.uid, between.uid)
    # Another one before it leaves the rest as it is.
    monday = override(2, START + DAY, START + DAY + HOUR)
    found = list(events([week], [tuesday, monday], START, START + 7 * DAY))
    assert [event.uid for event in found[:2]] == [whole.uid, monday.id]
    assert found[3:5] == [between, rest]
    # One that covers its beginning does not change its id.
    early = override(3, START - DAY, START + DAY)
    covered, left, *_ = events([week], [early], START, START + DAY + HOUR)
    assert (covered.uid, left.uid) == (early.id, whole.uid)
    assert left.target.starts_at == early.ends_at


def test_an_override_is_shown_whole() -> None:
    long = override(1, START - 100 * DAY, START + 100 * DAY)
    (found,) = events([layer()], [long], START, START + DAY)
    assert found == Event(
        long.id, calculator.Target("x", None, long.id, long.starts_at, long.ends_at)
    )


@given(layers, layers, instants)
def test_an_edit_leaves_the_events_that_were_over(old: Layer, new: Layer, now: datetime) -> None:
    before = list(events([old], [], START, now))
    edited = Layer(**{**fields(new), "id": old.id, "position": old.position})
    kept, current = versions.edited(old, edited, now)
    stood = [la for la in (kept, current) if la is not None]
    after = list(events(stood, [], START, LAST_DAY))
    assert len({event.uid for event in after}) == len(after)
    over = [event for event in before if event.target.ends_at <= now]
    assert after[: len(over)] == over


def test_a_person_who_is_added_changes_no_id() -> None:
    now = START + 10 * DAY + HOUR
    kept, current = versions.edited(layer(), layer(participant_ids=("a", "b", "c", "d")), now)
    assert kept is not None
    before = list(events([layer()], [], START, LAST_DAY))
    after = {event.uid: event.target for event in events([kept, current], [], START, LAST_DAY)}
    # From now on the turn is another's, in the middle of a shift: that is a new event.
    (new,) = after.keys() - {event.uid for event in before}
    assert (after[new].starts_at, after[new].user_id) == (now, "b")
    assert all(event.uid in after for event in before)
    assert any(event.target.user_id != after[event.uid].user_id for event in before)


def fields(la: Layer) -> dict[str, Any]:
    return {name: getattr(la, name) for name in Layer.__dataclass_fields__}
