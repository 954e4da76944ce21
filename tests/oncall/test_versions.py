"""The past stays what it was: edits of layers, by hand and against what was answered (§4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from incident_service.clock import FIRST
from incident_service.oncall import versions
from incident_service.oncall.calculator import Override, Target, on_call, owners
from incident_service.oncall.rotation import Layer

NOON = datetime(2024, 5, 10, 12, tzinfo=UTC)
"""When the edits by hand are made: in a shift that began at 09:00."""

DAILY = Layer(
    id="daily",
    position=0,
    zone=ZoneInfo("UTC"),
    rotation_length_days=1,
    handoff_time=time(9),
    effective_from=datetime(2024, 5, 8, 9, tzinfo=UTC),
    effective_until=None,
    participant_ids=("a", "b", "c"),
)
"""On the tenth of May it is c's turn."""


def brief(layers: list[Layer], days: tuple[int, int]) -> list[tuple[str, str, str]]:
    start, end = (datetime(2024, 5, day, tzinfo=UTC) for day in days)
    return [
        (target.user_id, f"{target.starts_at:%d %H:%M}", f"{target.ends_at:%d %H:%M}")
        for target in owners(layers, [], start, end)
    ]


def after(old: Layer, new: Layer, now: datetime = NOON) -> list[Layer]:
    kept, current = versions.edited(old, new, now)
    return [current, *([kept] if kept else [])]


def test_an_edit_counts_from_now() -> None:
    layers = after(DAILY, replace(DAILY, participant_ids=("x",)))
    assert brief(layers, (9, 12)) == [
        ("a", "09 00:00", "09 09:00"),
        ("b", "09 09:00", "10 09:00"),
        ("c", "10 09:00", "10 12:00"),
        ("x", "10 12:00", "11 09:00"),
        ("x", "11 09:00", "12 00:00"),
    ]


def test_an_edit_that_leaves_the_running_shift_does_not_cut_it() -> None:
    changed = replace(DAILY, participant_ids=("x", "y", "c"))
    layers = after(DAILY, changed)
    assert brief(layers, (10, 12)) == [
        ("b", "10 00:00", "10 09:00"),
        ("c", "10 09:00", "11 09:00"),
        ("x", "11 09:00", "12 00:00"),
    ]
    for hour in (10, 13):
        (target,) = on_call(layers, [], NOON.replace(hour=hour)).paging_targets
        assert (target.starts_at.hour, target.ends_at.day) == (9, 11)


def test_a_shift_that_only_ends_later_is_not_cut() -> None:
    layers = after(DAILY, replace(DAILY, effective_until=NOON + timedelta(hours=1)))
    assert brief(layers, (10, 12))[1:] == [("c", "10 09:00", "10 13:00")]


def test_a_shift_that_would_have_begun_later_is_cut_now() -> None:
    layers = after(DAILY, replace(DAILY, handoff_time=time(11)))
    assert brief(layers, (10, 12)) == [
        ("b", "10 00:00", "10 09:00"),
        ("c", "10 09:00", "10 12:00"),
        ("c", "10 12:00", "11 11:00"),
        ("a", "11 11:00", "12 00:00"),
    ]


def test_what_changes_nothing_leaves_no_version() -> None:
    assert versions.edited(DAILY, replace(DAILY), NOON) == (None, DAILY)


def test_a_layer_that_never_took_part_leaves_no_version() -> None:
    to_come = replace(DAILY, effective_from=NOON + timedelta(days=1))
    kept, current = versions.edited(to_come, DAILY, NOON)
    assert kept is None
    assert brief([current], (10, 11)) == [("c", "10 12:00", "11 00:00")]
    assert versions.ended(to_come, NOON) is None


def test_many_edits_within_a_shift_leave_one_version() -> None:
    layer, left = DAILY, []
    for number in range(5):
        people = (f"{number}", "b", "c")
        now = NOON + timedelta(minutes=number)
        kept, layer = versions.edited(layer, replace(layer, participant_ids=people), now)
        left += [kept] if kept else []
    assert [version.valid_until for version in left] == [datetime(2024, 5, 10, 9, tzinfo=UTC)]


def test_a_reordering_counts_from_now_and_cuts_no_turn() -> None:
    other = replace(DAILY, id="other", position=4, participant_ids=("x",))
    edits = versions.ordered([other, DAILY], NOON)
    layers = [layer for edit in edits for layer in edit if layer]
    assert [(layer.id, layer.position) for _, layer in edits] == [("other", 0), ("daily", 4)]
    assert brief(layers, (10, 11)) == [
        ("b", "10 00:00", "10 09:00"),
        ("c", "10 09:00", "10 12:00"),
        ("x", "10 12:00", "11 00:00"),
    ]
    for hour in (11, 13):
        targets = on_call(layers, [], NOON.replace(hour=hour)).paging_targets
        assert {(t.starts_at.hour, t.ends_at.day) for t in targets} == {(9, 11)}


def test_a_reordering_of_layers_that_keep_their_order_leaves_no_version() -> None:
    other = replace(DAILY, id="other", position=4)
    assert versions.ordered([DAILY, other], NOON) == [(None, DAILY), (None, other)]


@dataclass
class Rota:
    """A schedule's layers and what is kept of them, changed as the service changes them."""

    layers: list[Layer]
    kept: list[Layer]
    made: int = 0

    def all(self) -> list[Layer]:
        return [*self.layers, *self.kept]

    def add(self, layer: Layer) -> None:
        positions = [la.position for la in self.all()]
        self.made += 1
        last = 1 + max(positions, default=-1)
        self.layers.append(replace(layer, id=f"layer-{self.made}", position=last))

    def edit(self, number: int, new: Layer, now: datetime) -> None:
        old = self.layers[number]
        kept, self.layers[number] = versions.edited(
            old, replace(new, id=old.id, position=old.position), now
        )
        self.kept += [kept] if kept else []

    def delete(self, number: int, now: datetime) -> None:
        kept = versions.ended(self.layers.pop(number), now)
        self.kept += [kept] if kept else []

    def order(self, layers: list[Layer], now: datetime) -> None:
        edits = versions.ordered(layers, now)
        self.layers = [layer for _, layer in edits]
        self.kept += [kept for kept, _ in edits if kept]


START = datetime(2024, 3, 28, tzinfo=UTC)
"""Before the clocks of London change."""


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    begins = START + timedelta(hours=draw(st.integers(-100, 150)))
    lasts = draw(st.none() | st.integers(1, 150))
    return Layer(
        id="",
        position=0,
        zone=ZoneInfo(draw(st.sampled_from(("UTC", "Europe/London", "Asia/Kathmandu")))),
        rotation_length_days=draw(st.sampled_from((1, 2))),
        handoff_time=time(draw(st.integers(0, 23))),
        effective_from=begins,
        effective_until=begins + timedelta(hours=lasts) if lasts else None,
        participant_ids=tuple(draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3))),
    )


instants = st.lists(st.integers(0, 12_000), min_size=2, max_size=6, unique=True).map(
    lambda minutes: [START + timedelta(minutes=n) for n in sorted(minutes)]
)


def edit(draw: st.DrawFn, rota: Rota, now: datetime) -> None:
    """Make one edit of any kind but the addition of a layer that counts in the past."""
    kind = draw(st.sampled_from(("add", "edit", "edit", "delete", "order")))
    layer = draw(layers())
    if kind == "add" or not rota.layers:
        rota.add(
            replace(layer, effective_from=max(layer.effective_from, now), effective_until=None)
        )
        return
    number = draw(st.integers(0, len(rota.layers) - 1))
    if kind == "edit":
        people = draw(st.sampled_from((layer.participant_ids, rota.layers[number].participant_ids)))
        based_on = draw(st.sampled_from((layer, rota.layers[number])))
        rota.edit(number, replace(based_on, participant_ids=people), now)
    elif kind == "delete":
        rota.delete(number, now)
    else:
        rota.order(draw(st.permutations(rota.layers)), now)


def source(target: Target | None) -> tuple[str, str | None, datetime] | None:
    return (target.user_id, target.layer_id, target.starts_at) if target else None


@given(st.data(), instants, st.lists(layers(), min_size=1, max_size=3))
def test_edits_leave_the_past_and_answer_the_present_as_the_layers_stand(
    data: st.DataObject, times: list[datetime], first: list[Layer]
) -> None:
    """The oracle: what was answered at each instant, by the layers as they stood at it."""
    rota = Rota([], [])
    for layer in first:
        rota.add(layer)
    answered: dict[datetime, list[str]] = {}
    shifts_of_the_past: list[Target] = []
    stand_in = Override("o", "x", times[0] + timedelta(hours=3), times[0] + timedelta(hours=9))
    for now, later in pairwise([*times, times[-1] + timedelta(days=2)]):
        data.draw(st.composite(lambda draw, at=now: edit(draw, rota, at))())
        # The past is as it was before the edit.
        past = list(owners(rota.all(), [stand_in], times[0], now)) if now > times[0] else []
        assert past == shifts_of_the_past
        # The time up to the next edit is as the layers stand, without their past.
        plain = [replace(layer, valid_from=FIRST, turns_from=FIRST) for layer in rota.layers]
        step = (later - now) / 5
        for at in (now + step * n for n in range(5)):
            expected = on_call(plain, [stand_in], at)
            found = on_call(rota.all(), [stand_in], at)
            answered[at] = [target.user_id for target in expected.paging_targets]
            assert [t.user_id for t in found.paging_targets] == answered[at]
            assert (found.owner is None) == (expected.owner is None)
        shifts_of_the_past = list(owners(rota.all(), [stand_in], times[0], later))
    for at, user_ids in answered.items():
        found = on_call(rota.all(), [stand_in], at)
        assert [target.user_id for target in found.paging_targets] == user_ids
        covering = [t for t in shifts_of_the_past if t.starts_at <= at < t.ends_at]
        assert [t.user_id for t in covering] == ([found.owner.user_id] if found.owner else [])
        for target in covering:
            assert found.owner is not None
            assert max(found.owner.starts_at, times[0]) <= target.starts_at
            assert target.ends_at <= found.owner.ends_at
