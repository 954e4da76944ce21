"""Which subscriptions are told of what happened, against an oracle (contract §8)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from incident_service.paging.matching import EVENTS, Event, Happened, event_for
from incident_service.severity import SEVERITIES

ids = st.sampled_from(["one", "two", "three"])


def maybe_some(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(values, min_size=1, unique=True)


subscriptions = st.fixed_dictionaries(
    {
        "events": st.lists(st.sampled_from(EVENTS), min_size=1, unique=True),
        "severities": maybe_some(st.sampled_from(SEVERITIES)),
        "schedule_ids": maybe_some(ids),
        "component_ids": maybe_some(ids),
    }
)
of_incidents = st.builds(
    Happened,
    st.lists(st.sampled_from(EVENTS[:-1]), min_size=1, max_size=2, unique=True),
    schedule_id=st.none() | ids,
    severity=st.sampled_from(SEVERITIES),
    component_ids=st.sets(ids),
)
of_shifts = st.builds(Happened, st.just(["shift_changed"]), schedule_id=ids)


def oracle(subscription: dict[str, Any], happened: Happened) -> Event | None:
    """As the contract says it: each filter is a set, and null is the set of everything."""
    everything = {"one", "two", "three", None}
    schedules = set(subscription["schedule_ids"] or everything)
    if happened.schedule_id not in schedules:
        return None
    if happened.events != ["shift_changed"]:
        if happened.severity not in set(subscription["severities"] or SEVERITIES):
            return None
        components = set(happened.component_ids)
        named = subscription["component_ids"]
        if named is not None and not components & set(named):
            return None
    told = [event for event in happened.events if event in subscription["events"]]
    return told[0] if told else None


@given(subscriptions, of_incidents | of_shifts)
def test_a_subscription_is_told_of_what_all_its_filters_let_through(
    subscription: dict[str, Any], happened: Happened
) -> None:
    assert event_for(subscription, happened) == oracle(subscription, happened)
