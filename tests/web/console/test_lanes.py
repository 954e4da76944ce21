"""The calendar's layout agrees with who is on call at every instant (contract §11)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.clock import parse_instant
from incident_service.oncall import calculator, calendar_lanes
from incident_service.oncall.calculator import Override
from incident_service.oncall.calendar_lanes import Lane, Span
from incident_service.oncall.rotation import Layer
from incident_service.web.console import lane_words, lanes
from incident_service.web.console.days import SHOWN, Window, monday
from incident_service.web.console.lanes import Bar, Text
from incident_service.web.console.stretches import COLOURS, Stretch, colour

ZONES = ("UTC", "Europe/Berlin", "America/Chicago", "Australia/Lord_Howe", "America/Sao_Paulo",
         "Asia/Beirut", "Asia/Kathmandu")  # fmt: skip

# Clocks change in each of the zones that ever do in one of these windows.
FIRST_DAYS = (date(2018, 10, 29), date(2026, 3, 16), date(2026, 10, 12), date(2026, 6, 1))

PEOPLE = {"a": "Ana Lima", "b": "Ben", "c": "chiara.rossi@example.com", "x": "Xi Wu"}

BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Rota:
    layers: Sequence[Layer]
    overrides: Sequence[Override]
    window: Window

    @property
    def lane(self) -> Lane:
        return lane_of(self.layers, self.overrides, self.window)

    def owner(self, at: datetime) -> str | None:
        found = calculator.on_call(self.layers, self.overrides, at).owner
        return found.user_id if found else None


def lane_of(layers: Sequence[Layer], overrides: Sequence[Override], window: Window) -> Lane:
    span = Span(window.starts_at, window.ends_at, window.now)
    return span.lane(span.owners(layers, overrides), PEOPLE.__getitem__, {})


def layer(since: datetime, **values: object) -> Layer:
    fields = {
        "id": "layer",
        "position": 0,
        "zone": BERLIN,
        "rotation_length_days": 7,
        "handoff_time": time(9),
        "effective_from": since,
        "effective_until": None,
        "participant_ids": ("a", "b"),
    }
    return Layer(**{**fields, **values})  # type: ignore[arg-type]


@st.composite
def rotas(draw: st.DrawFn) -> Rota:
    """Up to three layers that begin and end around the window, and overrides."""
    first, zone = draw(st.sampled_from(FIRST_DAYS)), ZoneInfo(draw(st.sampled_from(ZONES)))
    near = datetime.combine(first, time(), UTC)
    instants = st.integers(-10 * 24 * 4, 40 * 24 * 4).map(
        lambda quarters: near + timedelta(minutes=15 * quarters)
    )
    window = Window.of(first, SHOWN, zone, draw(instants))
    layers = []
    for position in range(draw(st.integers(0, 3))):
        since, until = draw(instants), draw(st.none() | instants)
        layers.append(
            layer(
                since,
                id=f"layer {position}",
                position=position,
                zone=ZoneInfo(draw(st.sampled_from(ZONES))),
                rotation_length_days=draw(st.sampled_from((1, 2, 7))),
                handoff_time=draw(st.sampled_from((time(0), time(2, 30), time(9)))),
                effective_until=until if until and until > since else None,
                participant_ids=tuple(draw(st.lists(st.sampled_from("abc"), min_size=1))),
            )
        )
    ends = sorted(set(draw(st.lists(instants, max_size=8))))
    overrides = [
        Override(f"override {n}", "x", *pair)
        for n, pair in enumerate(pairwise(ends))
        if draw(st.booleans())
    ]
    return Rota(layers, overrides, window)


def instants_of(rota: Rota) -> list[datetime]:
    """Return instants of the window at and around the ends of its days and bars."""
    window = rota.window
    edges = {day.starts_at for day in window.days} | {window.now}
    for bar in lanes.bars(rota.lane, window):
        edges |= {bar.stretch.starts_at, bar.stretch.ends_at}
    moment, hours = timedelta(microseconds=1), timedelta(hours=5)
    around = {edge + shift for edge in edges for shift in (-moment, timedelta(), moment, hours)}
    return sorted(at for at in around if window.starts_at <= at < window.ends_at)


def covering(bars: list[Bar], at: datetime) -> Bar:
    (found,) = (bar for bar in bars if bar.stretch.starts_at <= at < bar.stretch.ends_at)
    return found


def user(stretch: Stretch) -> str | None:
    return stretch.shift.user_id if stretch.shift else None


@given(rotas())
def test_every_instant_is_in_one_bar_which_names_who_owns_the_schedule_then(rota: Rota) -> None:
    window, drawn = rota.window, lanes.bars(rota.lane, rota.window)
    for at in instants_of(rota):
        bar = covering(drawn, at)
        assert user(bar.stretch) == rota.owner(at)
        assert bar.x - 0.001 <= window.place(at) <= bar.x + bar.width + 0.001
        if bar.stretch.shift is None:
            assert bar.stretch.kind == ("gap" if at >= window.now else "past_gap")
        else:
            assert (bar.stretch.kind == "override") == (bar.stretch.shift.user_id == "x")


@given(rotas())
def test_bars_stand_one_beside_the_other_over_the_whole_lane(rota: Rota) -> None:
    for window in (rota.window, *rota.window.weeks()):
        drawn = lanes.bars(rota.lane, window)
        assert drawn[0].x == 0
        assert drawn[-1].x + drawn[-1].width == pytest.approx(100)
        for bar, following in pairwise(drawn):
            assert bar.stretch.ends_at == following.stretch.starts_at
            assert bar.x + bar.width == pytest.approx(following.x)


@given(rotas())
def test_weeks_show_the_same_as_the_whole(rota: Rota) -> None:
    rows = [(week, lanes.bars(rota.lane, week)) for week in rota.window.weeks()]
    assert [day for week, _ in rows for day in week.days] == list(rota.window.days)
    whole = lanes.bars(rota.lane, rota.window)
    for at in instants_of(rota):
        ((_, row),) = ((week, row) for week, row in rows if week.starts_at <= at < week.ends_at)
        assert covering(row, at).sentence == covering(whole, at).sentence


@given(rotas())
def test_the_list_has_each_bar_that_is_not_over_once(rota: Rota) -> None:
    window = rota.window
    drawn = [bar.stretch for bar in lanes.bars(rota.lane, window)]
    since = window.now if window.has_now else window.starts_at
    listed = lanes.by_day([("Payments", rota.lane)], window)
    assert [entry.stretch for _, entries in listed for entry in entries] == [
        stretch for stretch in drawn if stretch.ends_at > since
    ]
    for day, entries in listed:
        for entry in entries:
            assert day.starts_at <= max(entry.stretch.starts_at, since) < day.ends_at


@given(st.sampled_from(FIRST_DAYS), st.sampled_from(ZONES))
def test_a_day_is_as_wide_as_any_other(first: date, zone: str) -> None:
    window = Window.of(first, SHOWN, ZoneInfo(zone), datetime.combine(first, time(), UTC))
    assert len(window.days) == SHOWN
    for n, day in enumerate(window.days):
        assert window.place(day.starts_at) == pytest.approx(100 * n / SHOWN, abs=0.001)
        noon = day.starts_at + (day.ends_at - day.starts_at) / 2
        assert window.place(noon) == pytest.approx(100 * (n + 0.5) / SHOWN, abs=0.001)


def test_days_are_those_of_the_viewer() -> None:
    """In Berlin, 29 March 2026 has 23 hours, and 25 October has 25."""
    for first, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        (day,) = Window.of(first, 1, BERLIN, parse_instant("2026-01-01T00:00:00Z")).days
        assert day.ends_at - day.starts_at == timedelta(hours=hours)
        assert day.starts_at.astimezone(BERLIN).hour == 0


def test_a_day_that_a_zone_leaves_out_is_not_shown() -> None:
    window = Window.of(date(2011, 12, 29), 3, ZoneInfo("Pacific/Apia"), datetime.now(UTC))
    assert [day.date.day for day in window.days] == [29, 31]


def test_weeks_begin_on_monday_where_the_viewer_is() -> None:
    sunday_evening = parse_instant("2026-03-29T22:30:00Z")
    assert monday(sunday_evening, ZoneInfo("UTC")) == date(2026, 3, 23)
    assert monday(sunday_evening, BERLIN) == date(2026, 3, 30)


def shown(rota: Rota) -> list[tuple[Text, str]]:
    return [(bar.text, bar.sentence) for bar in lanes.bars(rota.lane, rota.window)]


def test_a_bar_says_who_since_when_and_until_when() -> None:
    window = Window.of(date(2026, 3, 23), 14, BERLIN, parse_instant("2026-03-24T12:00:00Z"))
    layers = [
        layer(
            parse_instant("2026-03-16T08:00:00Z"),
            effective_until=parse_instant("2026-04-04T10:00:00Z"),
        )
    ]
    stand_in = Override(
        "o", "x", parse_instant("2026-03-26T11:00:00Z"), parse_instant("2026-03-29T16:00:00Z")
    )
    assert shown(Rota(layers, [stand_in], window)) == [
        (
            Text("", ""),
            "Ana Lima, since before Mon 23 Mar 2026, 00:00 until Mon 23 Mar 2026, 09:00 "
            "Europe/Berlin (since before Sun 22 Mar 2026, 23:00 until Mon 23 Mar 2026, 08:00 UTC)",
        ),
        (
            Text("Ben", "09:00"),
            "Ben, from Mon 23 Mar 2026, 09:00 until Thu 26 Mar 2026, 12:00 "
            "Europe/Berlin (from Mon 23 Mar 2026, 08:00 until Thu 26 Mar 2026, 11:00 UTC)",
        ),
        (
            Text("Xi Wu", "12:00 override"),
            "Xi Wu (override), from Thu 26 Mar 2026, 12:00 until Sun 29 Mar 2026, 18:00 "
            "Europe/Berlin (from Thu 26 Mar 2026, 11:00 until Sun 29 Mar 2026, 16:00 UTC)",
        ),
        (
            Text("B", ""),
            "Ben, from Sun 29 Mar 2026, 18:00 until Mon 30 Mar 2026, 09:00 "
            "Europe/Berlin (from Sun 29 Mar 2026, 16:00 until Mon 30 Mar 2026, 07:00 UTC)",
        ),
        (
            Text("Ana Lima", "09:00"),
            "Ana Lima, from Mon 30 Mar 2026, 09:00 until Sat 4 Apr 2026, 12:00 "
            "Europe/Berlin (from Mon 30 Mar 2026, 07:00 until Sat 4 Apr 2026, 10:00 UTC)",
        ),
        (
            Text("Nobody", ""),
            "Nobody is on call, from Sat 4 Apr 2026, 12:00 until after Mon 6 Apr 2026, 00:00 "
            "Europe/Berlin (from Sat 4 Apr 2026, 10:00 until after Sun 5 Apr 2026, 22:00 UTC)",
        ),
    ]


def test_a_list_by_day_begins_with_who_is_on_call_now() -> None:
    window = Window.of(date(2026, 3, 23), 14, BERLIN, parse_instant("2026-03-24T12:00:00Z"))
    lane = lane_of([layer(parse_instant("2026-03-16T08:00:00Z"))], [], window)
    assert [
        (day.date.day, entry.subject, entry.initials, entry.who, entry.since, entry.until)
        for day, entries in lanes.by_day([("Payments", lane)], window)
        for entry in entries
    ] == [
        (24, "Payments", "B", "Ben", "now", "Mon 30 Mar, 09:00"),
        (30, "Payments", "AL", "Ana Lima", "09:00", "after Mon 6 Apr, 00:00"),
    ]


def test_a_layer_has_no_gaps_of_its_own() -> None:
    window = Window.of(date(2026, 3, 23), 7, BERLIN, parse_instant("2026-03-23T12:00:00Z"))
    lane = lane_of([layer(parse_instant("2026-03-25T08:00:00Z"))], [], window)
    (bar,) = lanes.bars(lane, window, with_gaps=False)
    ((day, (entry,)),) = lanes.by_day([("", lane)], window, with_gaps=False)
    assert bar.stretch == entry.stretch
    assert (bar.stretch.kind, day.date.day) == ("shift", 25)


def test_what_is_too_much_to_show_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar_lanes, "MAX_SHIFTS", 2)
    window = Window.of(date(2026, 3, 23), 28, BERLIN, parse_instant("2026-03-23T12:00:00Z"))
    lane = lane_of([layer(parse_instant("2026-03-16T08:00:00Z"))], [], window)
    *_, last = lanes.bars(lane, window)
    assert last.sentence.startswith(
        "Too many shifts to show, from Mon 30 Mar 2026, 09:00 until Mon 20 Apr 2026, 00:00 "
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ana Lima", "AL"),
        ("Ana Maria de Lima", "AL"),
        ("ben", "B"),
        ("chiara.rossi@example.com", "CR"),
        ("@", "@"),
        ("李 明", "李明"),
    ],
)
def test_initials(name: str, expected: str) -> None:
    assert lane_words.initials(name) == expected


def test_a_person_has_one_colour_and_nothing_but_their_id_decides_it() -> None:
    """These stay as they are: people know each other's colours."""
    ids = ("user_1", "0198f0c0-0000-7000-8000-000000000000", "ana")
    assert [colour(id) for id in ids] == [8, 0, 6]
    spread = Counter(colour(f"user {n}") for n in range(6000))
    assert set(spread) == set(range(COLOURS))
    assert max(spread.values()) < 1.2 * min(spread.values())
