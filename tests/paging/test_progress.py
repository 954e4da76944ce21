"""Which layer fires next while the policy changes: a rule about targets (contract §5)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_service.paging.progress import next_layer, target_of

Layers = list[dict[str, Any]]

TARGETS: Layers = [
    {"target_type": "schedule", "schedule_id": "s", "user_ids": []},
    {"target_type": "users", "schedule_id": None, "user_ids": ["a"]},
    {"target_type": "users", "schedule_id": None, "user_ids": ["b", "a"]},
    {"target_type": "users", "schedule_id": None, "user_ids": ["a,b"]},
]

layers = st.lists(st.sampled_from(TARGETS), max_size=6)
edits = st.one_of(
    st.tuples(st.just("fire")),
    st.tuples(st.just("delete"), st.integers(0, 5)),
    st.tuples(st.just("insert"), st.integers(0, 5), st.sampled_from(TARGETS)),
    st.tuples(st.just("move"), st.integers(0, 5), st.integers(0, 5)),
    st.tuples(st.just("replace"), layers),
)


def counted(policy: Layers) -> Counter[str]:
    return Counter(target_of(layer) for layer in policy)


def changed(policy: Layers, edit: tuple[Any, ...]) -> Layers:
    match edit:
        case ("delete", at):
            return policy[:at] + policy[at + 1 :]
        case ("insert", at, layer):
            return [*policy[:at], layer, *policy[at:]]
        case ("move", old, new) if old < len(policy):
            rest = policy[:old] + policy[old + 1 :]
            return [*rest[:new], policy[old], *rest[new:]]
        case ("replace", others):
            return list(others)
    return policy


def fire(policy: Layers, done: Counter[str]) -> str | None:
    """Fire the next layer; check that it is the first that the rule lets fire."""
    layer = next_layer(policy, done)
    seen: Counter[str] = Counter()
    for each in policy:
        seen[target_of(each)] += 1
        if seen[target_of(each)] > done[target_of(each)]:
            assert layer is each
            break
    else:
        assert layer is None
    if layer is None:
        return None
    done[target_of(layer)] += 1
    return target_of(layer)


@given(layers, st.lists(edits, max_size=12))
def test_nobody_is_left_out_and_nobody_paged_twice(policy: Layers, script: list[Any]) -> None:
    done: Counter[str] = Counter()
    most = counted(policy)  # how often each target ever stood in the policy at once
    for edit in script:
        if edit == ("fire",):
            target = fire(policy, done)
            assert target is None or done[target] <= counted(policy)[target]
        policy = changed(policy, edit)
        most |= counted(policy)
    done_when_last_changed = done.copy()
    while fire(policy, done) is not None:
        pass
    # As often as the policy names it, or as it had fired before it was removed.
    assert done == counted(policy) | done_when_last_changed
    assert done <= most


@given(layers, st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_moving_layers_changes_nothing_about_how_often_each_target_fires(
    policy: Layers, moves: list[tuple[int, int]]
) -> None:
    done: Counter[str] = Counter()
    once = counted(policy)
    for move in moves:
        fire(policy, done)
        policy = changed(policy, ("move", *move))
    while fire(policy, done) is not None:
        pass
    assert done == once


def test_the_order_of_users_makes_no_other_target() -> None:
    assert target_of({"target_type": "users", "user_ids": ["b", "a"]}) == 'users:["a","b"]'
    assert target_of({"target_type": "users", "user_ids": ["a", "b"]}) == 'users:["a","b"]'
