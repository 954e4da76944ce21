"""Who is on call: by hand over clock changes, and against a brute-force oracle (contract §4)."""

from __future__ import annotations

import time as clock
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.oncall import rotation
from incident_service.oncall.calculator import OnCall, Override, Target, on_call, owners
from incident_service.oncall.gaps import Gap, gaps
from incident_service.oncall.rotation import Layer, instant_of, shift_at

ZONES = ("UTC", "America/Chicago", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu",
         "America/Sao_Paulo", "Africa/Casablanca", "Europe/London")  # fmt: skip


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def layer(
    since: str,
    handoff: str = "09:00",
    days: int = 1,
    people: str = "abc",
    until: str | None = None,
    position: int = 0,
    zone: str = "UTC",
) -> Layer:
    return Layer(
        id=f"layer-{position}",
        position=position,
        zone=ZoneInfo(zone),
        rotation_length_days=days,
        handoff_time=time.fromisoformat(handoff),
        effective_from=utc(since),
        effective_until=utc(until) if until else None,
        participant_ids=tuple(people),
    )


def owner(zone: str, la: Layer, at: str) -> str | None:
    answer = on_call([replace(la, zone=ZoneInfo(zone))], [], utc(at))
    return answer.owner.user_id if answer.owner else None


@pytest.mark.parametrize(
    ("zone", "la", "at", "expected"),
    [
        # Spring forward, 10 March 2024: Chicago has no 02:00 to 03:00; that is at 08:00Z.
        ("America/Chicago", layer("2024-03-09T12:00", "02:30"), "2024-03-10T07:59:59", "a"),
        ("America/Chicago", layer("2024-03-09T12:00", "02:30"), "2024-03-10T08:00:00", "b"),
        ("America/Chicago", layer("2024-03-09T12:00", "02:30"), "2024-03-11T07:29:59", "b"),
        ("America/Chicago", layer("2024-03-09T12:00", "02:30"), "2024-03-11T07:30:00", "c"),
        # Fall back, 3 November 2024: 01:00 to 02:00 happens twice; the first time counts.
        ("America/Chicago", layer("2024-11-02T12:00", "01:30"), "2024-11-03T06:29:59", "a"),
        ("America/Chicago", layer("2024-11-02T12:00", "01:30"), "2024-11-03T06:30:00", "b"),
        ("America/Chicago", layer("2024-11-02T12:00", "01:30"), "2024-11-03T07:30:00", "b"),
        ("America/Chicago", layer("2024-11-02T12:00", "01:30"), "2024-11-04T07:30:00", "c"),
        # Lord Howe moves by half an hour: on 6 October 2024, 02:00 becomes 02:30.
        ("Australia/Lord_Howe", layer("2024-10-05T00:00", "02:15"), "2024-10-05T15:29:59", "a"),
        ("Australia/Lord_Howe", layer("2024-10-05T00:00", "02:15"), "2024-10-05T15:30:00", "b"),
        # ... and back on 7 April 2024: 01:30 to 02:00 happens twice, first at UTC+11.
        ("Australia/Lord_Howe", layer("2024-04-06T00:00", "01:45"), "2024-04-06T14:44:59", "a"),
        ("Australia/Lord_Howe", layer("2024-04-06T00:00", "01:45"), "2024-04-06T14:45:00", "b"),
        # Apia had no 30 December 2011: that day's handoff is at the first instant of the 31st.
        ("Pacific/Apia", layer("2011-12-29T20:00"), "2011-12-30T09:59:59", "a"),
        ("Pacific/Apia", layer("2011-12-29T20:00"), "2011-12-30T10:00:00", "b"),
        ("Pacific/Apia", layer("2011-12-29T20:00"), "2011-12-30T18:59:59", "b"),
        ("Pacific/Apia", layer("2011-12-29T20:00"), "2011-12-30T19:00:00", "c"),
        # A leap day is a day.
        ("UTC", layer("2024-02-28T10:00"), "2024-02-29T09:00", "b"),
        ("UTC", layer("2024-02-28T10:00"), "2024-03-01T09:00", "c"),
        # A handoff at midnight.
        ("UTC", layer("2024-05-01T00:00", "00:00"), "2024-05-01T23:59:59.999999", "a"),
        ("UTC", layer("2024-05-01T00:00", "00:00"), "2024-05-02T00:00", "b"),
        # A start before, at and after that day's handoff: the next handoff is on the next day.
        ("UTC", layer("2024-05-01T08:00"), "2024-05-02T08:59:59", "a"),
        ("UTC", layer("2024-05-01T08:00"), "2024-05-01T09:00", "a"),
        ("UTC", layer("2024-05-01T09:00"), "2024-05-02T09:00", "b"),
        ("UTC", layer("2024-05-01T10:00"), "2024-05-02T08:59:59", "a"),
        ("UTC", layer("2024-05-01T10:00"), "2024-05-02T09:00", "b"),
        # Weeks count from the local date of the start: still Wednesday 1 May in Chicago.
        ("America/Chicago", layer("2024-05-02T03:00", days=7), "2024-05-08T13:59:59", "a"),
        ("America/Chicago", layer("2024-05-02T03:00", days=7), "2024-05-08T14:00:00", "b"),
        # Before the layer starts, at its start, at its end.
        ("UTC", layer("2024-05-01T10:00"), "2024-05-01T09:59:59.999999", None),
        ("UTC", layer("2024-05-01T10:00"), "2024-05-01T10:00", "a"),
        ("UTC", layer("2024-05-01T10:00", until="2024-05-01T12:00"), "2024-05-01T12:00", None),
        # Fifty years on: 18,262 days after 1 May 1974, and 18262 mod 3 is 1.
        ("UTC", layer("1974-05-01T09:00"), "2024-04-30T09:00", "b"),
        # The ends of the calendar.
        ("America/Chicago", layer("0001-01-01T00:00"), "0001-01-01T00:00", "a"),
        ("Pacific/Apia", layer("9999-12-31T12:00"), "9999-12-31T23:59:59", "a"),
    ],
)  # fmt: skip
def test_by_hand(zone: str, la: Layer, at: str, expected: str | None) -> None:
    assert owner(zone, la, at) == expected


def test_an_override_takes_the_place_of_the_first_active_layer_alone() -> None:
    layers = [
        layer("2024-05-01T00:00", people="b", position=1),
        layer("2024-05-01T00:00", people="a", position=0, until="2024-06-01T00:00"),
        layer("2024-05-01T00:00", people="c", position=2),
    ]
    stand_in = Override("o", "x", utc("2024-05-10T00:00"), utc("2024-06-10T00:00"))

    def at(text: str) -> tuple[str | None, str]:
        answer = on_call(layers, [stand_in], utc(text))
        pages = "".join(target.user_id for target in answer.paging_targets)
        return (answer.owner.user_id if answer.owner else None, pages)

    assert at("2024-04-30T00:00") == (None, "")
    assert at("2024-05-09T23:59:59") == ("a", "abc")
    assert at("2024-05-10T00:00") == ("x", "xbc")
    assert at("2024-06-01T00:00") == ("x", "xc")
    assert at("2024-06-10T00:00") == ("b", "bc")


def test_an_override_stands_alone_where_no_layer_is_active() -> None:
    stand_in = Override("o", "x", utc("2024-05-10T00:00"), utc("2024-06-10T00:00"))
    answer = on_call([], [stand_in], utc("2024-05-10T00:00"))
    assert answer.owner is not None
    assert (answer.owner.user_id, answer.owner.layer_id, answer.owner.override_id) == (
        "x",
        None,
        "o",
    )


def test_everyone_is_paged_once() -> None:
    layers = [layer("2024-05-01T00:00", people=p, position=n) for n, p in enumerate("abab")]
    answer = on_call(layers, [], utc("2024-05-01T00:00"))
    assert [(t.user_id, t.layer_id) for t in answer.paging_targets] == [
        ("a", "layer-0"),
        ("b", "layer-1"),
    ]


def test_the_owner_s_turn_is_cut_at_the_overrides_next_to_it() -> None:
    layers = [
        layer("2024-05-01T09:00", people="a", days=7),
        layer("2024-05-01T09:00", people="b", days=7, position=1),
    ]
    overrides = [
        override("2024-05-06T00:00", "2024-05-07T00:00"),
        override("2024-05-02T00:00", "2024-05-02T12:00"),
        override("2024-05-03T00:00", "2024-05-03T12:00"),
    ]

    def at(text: str) -> list[tuple[str, str, str]]:
        answer = on_call(layers, overrides, utc(text))
        assert answer.owner == answer.paging_targets[0]
        return [brief(target) for target in answer.paging_targets]

    b_turn = ("b", "05-01 09:00", "05-08 09:00")
    assert at("2024-05-01T23:59") == [("a", "05-01 09:00", "05-02 00:00"), b_turn]
    assert at("2024-05-02T00:00") == [("x", "05-02 00:00", "05-02 12:00"), b_turn]
    assert at("2024-05-02T12:00") == [("a", "05-02 12:00", "05-03 00:00"), b_turn]
    assert at("2024-05-04T00:00") == [("a", "05-03 12:00", "05-06 00:00"), b_turn]
    assert at("2024-05-07T00:00") == [("a", "05-07 00:00", "05-08 09:00"), b_turn]


def override(start: str, end: str, user: str = "x") -> Override:
    return Override(f"{start} {end}", user, utc(start), utc(end))


def brief(target: Target) -> tuple[str, str, str]:
    return target.user_id, f"{target.starts_at:%m-%d %H:%M}", f"{target.ends_at:%m-%d %H:%M}"


@pytest.mark.parametrize(
    ("zone", "layers", "overrides", "window", "expected"),
    [
        pytest.param(
            "UTC",
            [
                layer("2024-05-01T00:00", "00:00", days=7, people="b", position=1),
                layer("2024-05-03T12:00", people="ac", until="2024-05-05T00:00"),
                layer("2024-05-02T12:00", people="d", position=2),
            ],
            [],
            ("2024-05-02T00:00", "2024-05-06T00:00"),
            [
                ("b", "05-02 00:00", "05-03 12:00"),
                ("a", "05-03 12:00", "05-04 09:00"),
                ("c", "05-04 09:00", "05-05 00:00"),
                ("b", "05-05 00:00", "05-06 00:00"),
            ],
            id="a layer of lower position takes over, and gives back",
        ),
        pytest.param(
            "UTC",
            [layer("2024-05-05T00:00", people="a")],
            [override("2024-05-02T00:00", "2024-05-03T00:00")],
            ("2024-05-01T00:00", "2024-05-05T01:00"),
            [("x", "05-02 00:00", "05-03 00:00"), ("a", "05-05 00:00", "05-05 01:00")],
            id="an override where no layer is active",
        ),
        pytest.param(
            "UTC",
            [layer("2024-05-01T00:00", "00:00", days=7, people="a")],
            [
                override("2024-05-03T00:00", "2024-05-04T00:00", "y"),
                override("2024-05-02T00:00", "2024-05-03T00:00", "x"),
            ],
            ("2024-05-01T12:00", "2024-05-04T12:00"),
            [
                ("a", "05-01 12:00", "05-02 00:00"),
                ("x", "05-02 00:00", "05-03 00:00"),
                ("y", "05-03 00:00", "05-04 00:00"),
                ("a", "05-04 00:00", "05-04 12:00"),
            ],
            id="two overrides, one right after the other",
        ),
        pytest.param(
            "UTC",
            [layer("2024-05-01T00:00", people="ab")],
            [override("2024-05-01T08:00", "2024-05-01T10:00")],
            ("2024-05-01T09:00", "2024-05-01T09:30"),
            [("x", "05-01 09:00", "05-01 09:30")],
            id="an override around the whole window",
        ),
        pytest.param(
            "UTC",
            [layer("2024-05-01T00:00", people="ab")],
            [override("2024-05-01T08:00", "2024-05-02T09:00")],
            ("2024-05-01T00:00", "2024-05-03T00:00"),
            [
                ("a", "05-01 00:00", "05-01 08:00"),
                ("x", "05-01 08:00", "05-02 09:00"),
                ("b", "05-02 09:00", "05-03 00:00"),
            ],
            id="an override until a handoff",
        ),
        pytest.param(
            "UTC",
            [
                layer("2024-05-01T00:00", people="a", until="2024-05-04T00:00", position=1),
                layer("2024-05-02T06:00", people="b"),
            ],
            [override("2024-05-02T00:00", "2024-05-02T12:00")],
            ("2024-05-01T12:00", "2024-05-03T00:00"),
            [
                ("a", "05-01 12:00", "05-02 00:00"),
                ("x", "05-02 00:00", "05-02 12:00"),
                ("b", "05-02 12:00", "05-03 00:00"),
            ],
            id="a layer that takes over during an override",
        ),
        pytest.param(
            "Pacific/Apia",
            [layer("2011-12-29T20:00")],
            [],
            ("2011-12-29T00:00", "2012-01-01T00:00"),
            [
                ("a", "12-29 20:00", "12-30 10:00"),
                ("b", "12-30 10:00", "12-30 19:00"),
                ("c", "12-30 19:00", "12-31 19:00"),
                ("a", "12-31 19:00", "01-01 00:00"),
            ],
            id="Apia has no 30 December 2011",
        ),
        pytest.param(
            "Pacific/Apia",
            [layer("2011-12-29T20:00", "00:00")],
            [],
            ("2011-12-29T00:00", "2012-01-01T00:00"),
            [
                ("a", "12-29 20:00", "12-30 10:00"),
                ("c", "12-30 10:00", "12-31 10:00"),
                ("a", "12-31 10:00", "01-01 00:00"),
            ],
            id="... and a turn of that whole day takes no time",
        ),
        pytest.param(
            "America/Chicago",
            [layer("2024-03-09T12:00", "02:30", people="a")],
            [],
            ("2024-03-09T12:00", "2024-03-12T00:00"),
            [
                ("a", "03-09 12:00", "03-10 08:00"),
                ("a", "03-10 08:00", "03-11 07:30"),
                ("a", "03-11 07:30", "03-12 00:00"),
            ],
            id="a handoff to oneself is one",
        ),
        pytest.param(
            "UTC",
            [layer("2024-05-01T00:00", until="2024-05-02T00:00")],
            [],
            ("2024-05-02T00:00", "2024-06-01T00:00"),
            [],
            id="nobody",
        ),
        pytest.param(
            "UTC",
            [layer("9999-12-30T12:00", people="ab")],
            [],
            ("9999-12-30T00:00", "9999-12-31T23:59"),
            [("a", "12-30 12:00", "12-31 09:00"), ("b", "12-31 09:00", "12-31 23:59")],
            id="the end of the calendar",
        ),
    ],
)
def test_owners_by_hand(
    zone: str,
    layers: list[Layer],
    overrides: list[Override],
    window: tuple[str, str],
    expected: list[tuple[str, str, str]],
) -> None:
    start, end = map(utc, window)
    layers = [replace(la, zone=ZoneInfo(zone)) for la in layers]
    found = owners(layers, overrides, start, end)
    assert [brief(target) for target in found] == expected


def first_instant_that_shows(wall: datetime, zone: ZoneInfo) -> datetime:
    """The oracle for wall-clock times: walk real time by the minute."""
    instant = wall.replace(tzinfo=UTC) - timedelta(hours=27)
    while instant.astimezone(zone).replace(tzinfo=None) < wall:
        instant += timedelta(minutes=1)
    return instant


def shift_starts(la: Layer, zone: ZoneInfo) -> Iterator[datetime]:
    """The oracle for shifts: one by one from the first."""
    yield la.effective_from
    day = la.effective_from.astimezone(zone).date()
    while True:
        day += timedelta(days=la.rotation_length_days)
        yield first_instant_that_shows(datetime.combine(day, la.handoff_time), zone)


CLOCK_CHANGES = (
    date(2011, 12, 30), date(2024, 3, 10), date(2024, 11, 3), date(2024, 10, 6),
    date(2024, 4, 7), date(2018, 2, 18), date(2018, 11, 4), date(2024, 2, 29),
)  # fmt: skip


@st.composite
def rotations(draw: st.DrawFn, near: datetime, zone: ZoneInfo, position: int = 0) -> Layer:
    """A layer without an end that begins in the six days before `near`, or the two after it."""
    return Layer(
        id=f"layer-{position}",
        position=position,
        zone=zone,
        rotation_length_days=draw(st.sampled_from((1, 2, 3, 7))),
        handoff_time=time(draw(st.integers(0, 23)), draw(st.sampled_from((0, 15, 30, 59)))),
        effective_from=near + timedelta(minutes=draw(st.integers(-6 * 1440, 2 * 1440))),
        effective_until=None,
        participant_ids=tuple("abcde"[: draw(st.integers(1, 5))]),
    )


zones = st.sampled_from(ZONES).map(ZoneInfo)
clock_changes = st.sampled_from(CLOCK_CHANGES).map(lambda day: datetime.combine(day, time(), UTC))


@st.composite
def cases(draw: st.DrawFn) -> tuple[ZoneInfo, Layer, datetime]:
    zone = draw(zones)
    la = draw(rotations(draw(clock_changes), zone))
    return zone, la, la.effective_from + timedelta(minutes=draw(st.integers(0, 12 * 1440)))


@given(cases())
def test_against_a_walk_through_time(case: tuple[ZoneInfo, Layer, datetime]) -> None:
    zone, la, at = case
    index, starts_at, ends_at = 0, la.effective_from, la.effective_from
    for n, start in enumerate(shift_starts(la, zone)):
        ends_at = start
        if start > at:
            break
        index, starts_at = n, start
    shift = shift_at(la, at)
    assert (shift.index, shift.starts_at, shift.ends_at) == (index, starts_at, ends_at)
    assert shift.user_id == la.participant_ids[index % len(la.participant_ids)]


@dataclass(frozen=True)
class Rota:
    """A schedule, a window over it, and instants within the window."""

    layers: list[Layer]
    overrides: list[Override]
    start: datetime
    end: datetime
    instants: list[datetime]

    def owner(self, at: datetime) -> Target | None:
        return on_call(self.layers, self.overrides, at).owner

    def owners(self) -> list[Target]:
        return list(owners(self.layers, self.overrides, self.start, self.end))


@st.composite
def rotas(draw: st.DrawFn) -> Rota:
    near, zone = draw(clock_changes), draw(zones)
    minutes = st.integers(-7 * 1440, 9 * 1440).map(lambda n: near + timedelta(minutes=n))
    layers = []
    for position in range(draw(st.integers(0, 4))):
        la = draw(rotations(near, zone, position))
        lasts = draw(st.none() | st.integers(1, 8 * 1440))
        until = la.effective_from + timedelta(minutes=lasts) if lasts else None
        layers.append(replace(la, effective_until=until))
    edges = sorted(draw(st.lists(minutes, max_size=8, unique=True)))
    overrides = [
        Override(f"override-{9 - n}", draw(st.sampled_from("abxy")), *edge)
        for n, edge in enumerate(pairwise(edges))
        if draw(st.booleans())
    ]
    start, end = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    length = (end - start) // timedelta(microseconds=1)
    at = st.integers(0, length - 1).map(lambda n: start + timedelta(microseconds=n))
    return Rota(
        layers=draw(st.permutations(layers)),
        overrides=draw(st.permutations(overrides)),
        start=start,
        end=end,
        instants=draw(st.lists(at, min_size=5, max_size=20)),
    )


def source(target: Target | None) -> tuple[str, str | None, str | None] | None:
    """Who is on call, and by what."""
    if target is None:
        return None
    return target.user_id, target.layer_id, target.override_id


TICK = timedelta(microseconds=1)


@given(rotas())
def test_owners_are_in_order_within_the_window(rota: Rota) -> None:
    edges = [rota.start]
    for target in rota.owners():
        edges += [target.starts_at, target.ends_at]
        assert target.starts_at < target.ends_at
    assert sorted(edges) == edges
    assert edges[-1] <= rota.end


@given(rotas())
def test_owners_are_those_on_call_at_each_instant(rota: Rota) -> None:
    found = rota.owners()
    edges = [edge for target in found for edge in (target.starts_at, target.ends_at - TICK)]
    for at in (rota.start, rota.end - TICK, *edges, *rota.instants):
        covering = [target for target in found if target.starts_at <= at < target.ends_at]
        owner = rota.owner(at)
        assert [source(target) for target in covering] == ([source(owner)] if owner else [])
        for target in covering:
            assert owner is not None
            assert owner.starts_at <= target.starts_at
            assert target.ends_at <= owner.ends_at


@given(rotas())
def test_gaps_are_the_times_without_an_owner(rota: Rota) -> None:
    at, expected = rota.start, []
    for target in rota.owners():
        if target.starts_at > at:
            expected.append(Gap(at, target.starts_at))
        at = target.ends_at
    if at < rota.end:
        expected.append(Gap(at, rota.end))
    assert list(gaps(rota.layers, rota.overrides, rota.start, rota.end)) == expected


@given(rotas())
def test_owners_are_cut_only_where_something_changes(rota: Rota) -> None:
    for target in rota.owners():
        for edge in (target.starts_at, target.ends_at):
            if rota.start < edge < rota.end:
                assert rota.owner(edge - TICK) != rota.owner(edge)


@given(rotas())
def test_an_owner_s_turn_overlaps_no_override(rota: Rota) -> None:
    for at in rota.instants:
        owner = rota.owner(at)
        if owner is None:
            continue
        assert owner.starts_at <= at < owner.ends_at
        for other in rota.overrides:
            is_it = other.id == owner.override_id
            assert is_it or other.ends_at <= owner.starts_at or owner.ends_at <= other.starts_at


@given(
    st.sampled_from(ZONES),
    st.sampled_from(CLOCK_CHANGES),
    st.integers(-2 * 1440, 3 * 1440),
)
def test_a_wall_clock_time_happens_at_the_first_instant_that_shows_it(
    name: str, day: date, minutes: int
) -> None:
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    assert instant_of(wall, ZoneInfo(name)) == first_instant_that_shows(wall, ZoneInfo(name))


def test_the_cost_does_not_grow_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[datetime] = []

    def counted(wall: datetime, zone: ZoneInfo) -> datetime:
        calls.append(wall)
        return instant_of(wall, zone)

    monkeypatch.setattr(rotation, "instant_of", counted)
    for since in ("2024-04-01T00:00", "1924-04-01T00:00"):
        calls.clear()
        answer: OnCall = on_call(
            [layer(since, zone="America/Chicago")], [], utc("2024-05-01T00:00")
        )
        assert answer.owner is not None
        assert len(calls) <= 6


def test_the_cost_grows_with_the_number_of_edits_alone() -> None:
    hour = timedelta(hours=1)
    edited = [utc("2024-01-01T00:00") + hour * n for n in range(5000)]
    layers = [
        replace(layer("2024-01-01T00:00"), valid_from=since, valid_until=until, turns_from=since)
        for since, until in pairwise(edited)
    ]
    begun = clock.process_time()
    found = list(owners(layers, [], edited[0], edited[-1]))
    assert clock.process_time() - begun < 3  # about a tenth of a second, on a quiet machine
    assert len(found) == len(layers)
