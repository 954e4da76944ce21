"""Events of a trail, folded into entries of a story (contract §11)."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_service.incidents import story

AT = "2026-01-05T10:00:00.000Z"

PAGES = st.builds(
    lambda name, user, method, attempt: (
        name,
        {"userId": user, "contactMethodId": method, "layer": 1, "attempt": attempt},
    ),
    st.sampled_from(["page_sent", "page_failed"]),
    st.sampled_from("ab"),
    st.sampled_from([None, "m"]),
    st.integers(0, 3),
)
STATUSES = st.sampled_from(
    [
        ("status_changed", {"before": "investigating", "after": "identified"}),
        ("status_changed", {"before": "identified", "after": "monitoring"}),
        ("update_posted", {"updateId": "u", "visibility": "public", "statusChange": "identified"}),
        ("update_posted", {"updateId": "u", "visibility": "internal", "statusChange": None}),
    ]
)
OTHERS = st.sampled_from(
    [
        ("incident_acknowledged", {}),
        ("incident_snoozed", {"minutes": 5, "until": AT}),
        ("layer_escalated", {"position": 1, "userIds": ["a"]}),
    ]
)


def trail(*events: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {"number": n, "event": event, "at": AT, "actor_id": None, "details": details}
        for n, (event, details) in enumerate(events, 1)
    ]


def page(event: str, attempt: int, **details: Any) -> tuple[str, dict[str, Any]]:
    given = {"userId": "a", "contactMethodId": None, "layer": 1, "attempt": attempt}
    return event, {**given, **details}


@given(st.lists(PAGES | STATUSES | OTHERS, max_size=20))
def test_no_try_and_no_update_is_lost(events: list[tuple[str, dict[str, Any]]]) -> None:
    update = {"id": "u", "body": "News"}
    entries = story.fold(trail(*events), {"u": update})
    pages = [page for entry in entries for page in entry.pages]
    names = [name for name, _ in events]
    assert sum(page.failures for page in pages) == names.count("page_failed")
    assert sum(entry.update is update for entry in entries) == names.count("update_posted")
    assert len(entries) <= len(events)
    assert [entry.event for entry in entries].count("layer_escalated") == names.count(
        "layer_escalated"
    )


def test_a_page_that_is_tried_again_is_one() -> None:
    failed = {"reason": "timed out", "willRetry": True}
    (entry,) = story.fold(
        trail(page("page_failed", 1, **failed), page("page_sent", 2), page("page_sent", 1)), {}
    )
    first, second = entry.pages
    assert (first.is_sent, first.failures, second.failures) == (True, 1, 0)


def test_what_happens_between_tries_does_not_part_them() -> None:
    failed = {"reason": "timed out", "willRetry": False}
    pages, other = story.fold(
        trail(
            page("page_failed", 1, **failed),
            ("layer_escalated", {"position": 2, "userIds": ["b"]}),
            page("page_failed", 2, **failed),
        ),
        {},
    )
    assert (pages.pages[0].failures, pages.pages[0].will_retry) == (2, False)
    assert other.event == "layer_escalated"


def test_steps_of_one_change_are_one() -> None:
    steps = ["investigating", "identified", "monitoring", "resolved"]
    moves = [
        ("status_changed", {"before": before, "after": after})
        for before, after in itertools.pairwise(steps)
    ]
    posted = ("update_posted", {"updateId": "u", "statusChange": "resolved"})
    update = {"id": "u", "body": None}
    (entry,) = story.fold(trail(*moves, posted), {"u": update})
    assert (entry.details["before"], entry.details["after"]) == ("investigating", "resolved")
    assert entry.update is update
