"""Fair shares: what is started, and what is cut off, over any load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from incident_service.paging.fairness import (
    EVENTS,
    RECENT_SECONDS,
    SLOW_SECONDS,
    Limits,
    Plan,
    Running,
    Waiting,
    plan,
)

LIMITS = Limits(total=12, organization=6, recipient=4, receiver=3, hung=4, hung_organization=2)

names = st.sampled_from("abc")
waiting_ones = st.lists(st.tuples(names, names, names, st.integers(0, 1)), max_size=40)
running_ones = st.lists(st.tuples(names, names, names, st.floats(0, 10)), max_size=12)
events_waiting = st.lists(st.tuples(names, names, names, st.integers(2, 3)), max_size=40)
events_running = st.lists(st.tuples(names, names, names, st.floats(0, 10)), max_size=12)
hung_ones = st.sets(st.tuples(names, names))


def make(waiting: list[tuple[str, str, str, int]]) -> list[Waiting]:
    return [Waiting(f"w{n}", *each) for n, each in enumerate(waiting)]


def under_way(running: list[tuple[str, str, str, float]]) -> list[Running]:
    return [Running(f"r{n}", *each) for n, each in enumerate(running)]


def planned(waiting: list[Waiting], running: list[Running], hung: set[tuple[str, str]]) -> Plan:
    return plan(waiting, running, hung=hung, limits=LIMITS)


@given(waiting_ones, running_ones, hung_ones)
def test_no_share_grows_over_its_limit(
    waiting: list[tuple[str, str, str, int]],
    running: list[tuple[str, str, str, float]],
    hung: set[tuple[str, str]],
) -> None:
    before, due = under_way(running), make(waiting)
    started = planned(due, before, hung).start
    assert len({each.id for each in started}) == len(started)
    assert {each.id for each in started} <= {each.id for each in due}
    after: list[Running | Waiting] = [*before, *started]
    parties: list[tuple[Callable[[Running | Waiting], object], int]] = [
        (lambda each: "all", LIMITS.total),
        (lambda each: each.org_id, LIMITS.organization),
        (lambda each: (each.org_id, each.recipient_id), LIMITS.recipient),
        (lambda each: (each.org_id, each.receiver), LIMITS.receiver),
        (lambda each: "hung" if (each.org_id, each.receiver) in hung else None, LIMITS.hung),
    ]
    for of, limit in parties:
        then = Counter(of(each) for each in before)
        for party, number in Counter(of(each) for each in after).items():
            assert party is None or number <= max(limit, then[party])


@given(waiting_ones, running_ones, hung_ones)
def test_only_slow_tries_of_somebody_with_more_are_cut_off(
    waiting: list[tuple[str, str, str, int]],
    running: list[tuple[str, str, str, float]],
    hung: set[tuple[str, str]],
) -> None:
    made = planned(make(waiting), under_way(running), hung)
    assert all(each.seconds >= SLOW_SECONDS for each in made.cut)
    assert len({each.id for each in made.cut}) == len(made.cut)
    assert len(made.cut) <= len(waiting)


@given(waiting_ones, hung_ones)
def test_something_is_started_whenever_something_waits(
    waiting: list[tuple[str, str, str, int]], hung: set[tuple[str, str]]
) -> None:
    assert bool(planned(make(waiting), [], hung).start) == bool(waiting)


@given(waiting_ones, hung_ones)
def test_first_tries_go_before_retries_and_the_hung_after_all(
    waiting: list[tuple[str, str, str, int]], hung: set[tuple[str, str]]
) -> None:
    started = planned(make(waiting), [], hung).start
    order = [((each.org_id, each.receiver) in hung, each.rank) for each in started]
    assert order == sorted(order)


def test_organizations_take_turns_and_persons_within_them() -> None:
    due = make([("a", "x", f"r{n}", 0) for n in range(20)])
    due += [Waiting("y", "a", "y", "r", 0), Waiting("b", "b", "z", "r", 0)]
    assert [each.id for each in planned(due, [], set()).start[:3]] == ["w0", "b", "y"]


def test_who_fails_at_once_has_had_a_turn() -> None:
    """However little of it is under way; and while there is room, what hangs is no turn."""
    due = make([("a", "x", "r", 0), ("b", "x", "r", 0), ("b", "y", "r", 0)])
    ended = [Running(f"e{n}", "a", "x", "r", 0.5) for n in range(5)]
    ended.append(Running("e", "b", "x", "r", 0.5))
    hanging = [Running(f"b{n}", "b", "z", f"s{n}", 5) for n in range(4)]
    started = plan(due, hanging, ended=ended, hung=set(), limits=LIMITS).start
    assert [each.id for each in started] == ["w2", "w1", "w0"]
    assert RECENT_SECONDS < 5
    past = [Running(f"e{n}", "a", "x", "r", RECENT_SECONDS) for n in range(5)]
    assert plan(due, [], ended=past, hung=set(), limits=LIMITS).start[0].id == "w0"


def test_what_hangs_is_a_turn_once_threads_are_scarce() -> None:
    due = make([("a", "x", "r", 0), ("c", "x", "r", 0)])
    hanging = under_way([("ab"[n % 2], "z", f"s{n}", 5) for n in range(9)])
    assert [each.id for each in planned(due, hanging, set()).start] == ["w1", "w0"]


def test_a_colleague_s_page_cuts_off_the_slowest_of_who_has_more() -> None:
    running = under_way([("a", "x", f"r{n}", 1 + n) for n in range(4)])
    running += [Running("y1", "a", "y", "s1", 0.5), Running("y2", "a", "y", "s2", 0.5)]
    made = planned([Waiting("w", "a", "z", "t", 0)], running, set())
    assert (made.start, [each.id for each in made.cut]) == ([], ["r3"])


def test_another_organization_s_page_cuts_off_one_of_those_with_more() -> None:
    running = under_way([("a", str(n), str(n), 5) for n in range(6)])
    running += [Running(f"b{n}", "b", str(n), str(n), 9) for n in range(6)]
    made = planned([Waiting("w", "c", "z", "t", 0)], running, {("a", "2")})
    assert [each.id for each in made.cut] == ["r2"]


def test_nobody_s_own_backlog_cuts_off_their_own_tries() -> None:
    running = under_way([("a", "x", f"r{n}", 5) for n in range(4)])
    assert planned([Waiting("w", "a", "x", "t", 0)], running, set()).cut == []


def events_under_way(running: list[tuple[str, str, str, float]]) -> list[Running]:
    return [Running(f"re{n}", *each, 3) for n, each in enumerate(running)]


@given(waiting_ones, running_ones, hung_ones, events_waiting, events_running)
def test_pages_are_planned_as_if_there_were_no_events(
    waiting: list[tuple[str, str, str, int]],
    running: list[tuple[str, str, str, float]],
    hung: set[tuple[str, str]],
    events: list[tuple[str, str, str, int]],
    running_events: list[tuple[str, str, str, float]],
) -> None:
    alone = planned(make(waiting), under_way(running), hung)
    due = [Waiting(f"e{n}", *each) for n, each in enumerate(events)] + make(waiting)
    both = planned(due, events_under_way(running_events) + under_way(running), hung)
    assert both.start[: len(alone.start)] == alone.start
    assert both.cut[: len(alone.cut)] == alone.cut
    assert {each.rank for each in both.start[len(alone.start) :]} <= {2, 3}
    assert {each.rank for each in both.cut[len(alone.cut) :]} <= {3}


@given(events_waiting, events_running)
def test_events_have_few_threads_and_a_subscription_one(
    events: list[tuple[str, str, str, int]], running: list[tuple[str, str, str, float]]
) -> None:
    before = events_under_way(running)
    after: list[Running | Waiting] = [*before, *planned(make(events), before, set()).start]
    for of, limit in (
        (lambda each: each.org_id, EVENTS.organization),
        (lambda each: (each.org_id, each.recipient_id), 1),
    ):
        then = Counter(of(each) for each in before)
        for party, number in Counter(of(each) for each in after).items():
            assert number <= max(limit, then[party])


def test_another_subscription_s_event_cuts_off_one_that_hangs() -> None:
    hanging = [Running(f"h{n}", "a", f"s{n}", "r", 5, 2) for n in range(EVENTS.organization)]
    made = planned([Waiting("w", "a", "other", "t", 2)], hanging, set())
    assert (made.start, len(made.cut)) == ([], 1)
