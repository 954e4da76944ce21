"""Who is on call: by hand over clock changes, and against a brute-force oracle (contract §4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incident_service import oncall
from incident_service.oncall import Layer, OnCall, Override, instant_of, on_call, shift_at

CHICAGO = ZoneInfo("America/Chicago")
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
) -> Layer:
    return Layer(
        id=f"layer-{position}",
        position=position,
        rotation_length_days=days,
        handoff_time=time.fromisoformat(handoff),
        effective_from=utc(since),
        effective_until=utc(until) if until else None,
        participant_ids=tuple(people),
    )


def owner(zone: str, la: Layer, at: str) -> str | None:
    answer = on_call(ZoneInfo(zone), [la], [], utc(at))
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
        answer = on_call(CHICAGO, layers, [stand_in], utc(text))
        pages = "".join(target.user_id for target in answer.paging_targets)
        return (answer.owner.user_id if answer.owner else None, pages)

    assert at("2024-04-30T00:00") == (None, "")
    assert at("2024-05-09T23:59:59") == ("a", "abc")
    assert at("2024-05-10T00:00") == ("x", "xbc")
    assert at("2024-06-01T00:00") == ("x", "xc")
    assert at("2024-06-10T00:00") == ("b", "bc")


def test_an_override_stands_alone_where_no_layer_is_active() -> None:
    stand_in = Override("o", "x", utc("2024-05-10T00:00"), utc("2024-06-10T00:00"))
    answer = on_call(CHICAGO, [], [stand_in], utc("2024-05-10T00:00"))
    assert answer.owner is not None
    assert (answer.owner.user_id, answer.owner.layer_id, answer.owner.override_id) == (
        "x",
        None,
        "o",
    )


def test_everyone_is_paged_once() -> None:
    layers = [layer("2024-05-01T00:00", people=p, position=n) for n, p in enumerate("abab")]
    answer = on_call(CHICAGO, layers, [], utc("2024-05-01T00:00"))
    assert [(t.user_id, t.layer_id) for t in answer.paging_targets] == [
        ("a", "layer-0"),
        ("b", "layer-1"),
    ]


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
def cases(draw: st.DrawFn) -> tuple[ZoneInfo, Layer, datetime]:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    near = datetime.combine(draw(st.sampled_from(CLOCK_CHANGES)), time(), UTC)
    minutes = st.integers(-6 * 1440, 2 * 1440)
    la = Layer(
        id="layer",
        position=0,
        rotation_length_days=draw(st.sampled_from((1, 2, 3, 7))),
        handoff_time=time(draw(st.integers(0, 23)), draw(st.sampled_from((0, 15, 30, 59)))),
        effective_from=near + timedelta(minutes=draw(minutes)),
        effective_until=None,
        participant_ids=tuple("abcde"[: draw(st.integers(1, 5))]),
    )
    return zone, la, la.effective_from + timedelta(minutes=draw(st.integers(0, 12 * 1440)))


@settings(max_examples=150, deadline=None)
@given(cases())
def test_against_a_walk_through_time(case: tuple[ZoneInfo, Layer, datetime]) -> None:
    zone, la, at = case
    index, starts_at, ends_at = 0, la.effective_from, la.effective_from
    for n, start in enumerate(shift_starts(la, zone)):
        ends_at = start
        if start > at:
            break
        index, starts_at = n, start
    shift = shift_at(la, zone, at)
    assert (shift.index, shift.starts_at, shift.ends_at) == (index, starts_at, ends_at)
    assert shift.user_id == la.participant_ids[index % len(la.participant_ids)]


@settings(max_examples=300)
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

    monkeypatch.setattr(oncall, "instant_of", counted)
    for since in ("2024-04-01T00:00", "1924-04-01T00:00"):
        calls.clear()
        answer: OnCall = on_call(CHICAGO, [layer(since)], [], utc("2024-05-01T00:00"))
        assert answer.owner is not None
        assert len(calls) <= 6
