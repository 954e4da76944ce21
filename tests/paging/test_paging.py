"""Whom an incident pages, and when, with chosen instants (contract §8)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle, opening
from incident_service.paging import delivery, firing, pager
from incident_service.paging.fairness import receiver_of
from incident_service.paging.page import Outcome
from incident_service.people.caller import Caller
from incident_service.store import deliveries, timers
from tests.helpers.clocks import write_at
from tests.helpers.rota import FAILED, SENT, Rota, at, hand_off, page_of


def test_layer_after_layer_until_they_are_used_up(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule, ["b", "c"]))
    assert rota.fire(0) == ["a/1"]
    assert rota.fire(4.99) == []
    assert rota.fire(5) == ["b/2", "c/2"]
    assert rota.fire(9.99) == []
    assert rota.fire(10) == []
    assert rota.fire(1000) == []
    assert rota.trail(id)[1:] == [
        ("layer_escalated", {"position": 1, "userIds": ["a"]}),
        ("layer_escalated", {"position": 2, "userIds": ["b", "c"]}),
        ("escalation_exhausted", {}),
    ]


def test_the_owner_is_paged_at_once_with_a_policy_or_without(rota: Rota) -> None:
    rota.open(None, owner="b")
    assert rota.fire(0) == ["b/owner"]
    rota.open(rota.policy(rota.schedule), owner="b")
    assert rota.fire(0) == ["b/owner", "a/1"]
    rota.open(None)
    assert rota.fire(60) == []


def test_who_is_due_twice_at_once_gets_one_page(rota: Rota) -> None:
    rota.open(rota.policy(rota.schedule, ["a", "b"]), owner="a")
    assert rota.fire(0) == ["a/1"]
    rota.deliver(0)
    assert rota.fire(5) == ["a/2", "b/2"]


def test_who_fell_due_twice_while_nothing_ran_gets_one_page(rota: Rota) -> None:
    rota.open(rota.policy(["a"], ["a", "b"], ["b"]))
    assert rota.fire(60) == ["a/1", "b/2"]


def test_an_incident_that_cannot_be_fired_does_not_keep_the_others_from_it(rota: Rota) -> None:
    broken = rota.open(rota.policy(rota.schedule, ["c"]))
    rota.world.execute("UPDATE schedules SET timezone = 'No/Where' WHERE name = 'Rota'")
    rota.open(None, owner="b")
    assert sorted(rota.fire(0)) == ["b/owner", "c/2"]
    skipped = ("layer_skipped", {"position": 1, "reason": "could not be resolved"})
    assert rota.trail(broken)[1] == skipped


def test_a_fault_in_firing_is_tried_again_later(
    rota: Rota, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = rota.open(None, owner="a")
    rota.open(None, owner="b")
    insert = deliveries.insert

    def fail(db: Connection, rows: Sequence[dict[str, Any]]) -> None:
        if any(row["incident_id"] == first for row in rows):
            raise ZeroDivisionError
        insert(db, rows)

    monkeypatch.setattr(deliveries, "insert", fail)
    assert rota.fire(0) == ["b/owner"]
    monkeypatch.setattr(deliveries, "insert", insert)
    assert rota.fire(0.9) == []
    assert rota.fire(1) == ["a/owner"]


def test_a_try_that_outlasts_its_claim_does_not_end_the_next_one_s(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    (first,) = rota.claim(0)
    (second,) = rota.claim(2)
    write_at(at(2.1), rota.world.database, delivery.record, first, FAILED, jitter=0.0)
    assert rota.claim(2.5) == []
    assert rota.trail(id)[-1][1]["willRetry"] is False
    write_at(at(2.6), rota.world.database, delivery.record, second, SENT, jitter=0.0)
    assert (rota.deliveries(), rota.events(id)[-1]) == ([], "page_sent")


def test_one_that_is_always_cut_off_is_given_up(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    for minutes in range(0, 31, 2):
        assert len(rota.claim(minutes)) == 1
    assert rota.claim(32) == []
    assert rota.events(id)[-1] == "page_failed"


def test_half_an_hour_of_tries_begins_with_the_first(rota: Rota) -> None:
    rota.open(None, owner="a")
    rota.fire(0)
    assert rota.deliver(120, FAILED) == 1
    assert rota.deliver(121, FAILED) == 1


def test_a_page_goes_to_every_contact_method(rota: Rota) -> None:
    second = rota.reach("a", "phone")
    rota.open(None, owner="a")
    assert rota.fire(0) == ["a/owner", "a/owner"]
    assert second in {row["contact_method_id"] for row in rota.deliveries()}


def test_all_active_layers_are_paged_and_an_override_stands_in(rota: Rota) -> None:
    schedule = rota.make_schedule("Two", "a", "b")
    body = {"userId": "x", "startsAt": format_instant(at(4)), "endsAt": format_instant(at(20))}
    rota.world.make(f"oncall/schedules/{schedule}/overrides", **body)
    rota.open(rota.policy(schedule, schedule))
    assert rota.fire(0) == ["a/1", "b/1"]
    rota.deliver(0)
    assert rota.fire(5) == ["x/2", "b/2"]


def test_a_layer_with_nobody_on_call_is_passed_over_at_once(rota: Rota) -> None:
    nobody = rota.make_schedule("Later", "a", since=at(60))
    id = rota.open(rota.policy(nobody, nobody, ["b"]))
    assert rota.fire(0) == ["b/3"]
    assert rota.trail(id)[1:3] == [
        ("layer_skipped", {"position": 1, "reason": "nobody is on call"}),
        ("layer_skipped", {"position": 2, "reason": "nobody is on call"}),
    ]


def test_a_layer_whom_nothing_reaches_is_passed_over_at_once(rota: Rota) -> None:
    id = rota.open(rota.policy(["y"], ["y", "b"]), owner="y")
    assert rota.fire(0) == ["b/2"]
    failed = {
        "userId": "y",
        "layer": None,
        "contactMethodId": None,
        "reason": "has no way to be reached",
        "attempt": 0,
        "willRetry": False,
    }
    assert rota.trail(id)[1:] == [
        ("page_failed", failed),
        ("layer_skipped", {"position": 1, "reason": "nobody has a way to be reached"}),
        ("layer_escalated", {"position": 2, "userIds": ["y", "b"]}),
    ]


def test_without_a_contact_method_it_is_the_email_address(rota: Rota) -> None:
    rota.open(rota.policy(["y"]))
    assert rota.fire(0, by_email=True) == ["y/1"]
    (taken,) = rota.claim(0)
    assert (taken.url, page_of(taken).user_email) == (None, "y@example.com")


@pytest.mark.parametrize(("when", "paged"), [("during", ["a/1"]), ("outside", ["b/2"])])
def test_a_condition(rota: Rota, when: str, paged: list[str]) -> None:
    hours = rota.world.make(
        "working-hours",
        name="Office",
        timezone="Europe/Berlin",  # two hours ahead of START
        windows=[{"days": [3], "start": "12:00", "end": "12:05"}],
    )["id"]
    id = rota.open(rota.policy(rota.schedule, ["b"], workingHoursId=hours, when=when))
    assert rota.fire(0) == paged
    skipped = ("layer_skipped", {"position": 1, "reason": "not outside its working hours"})
    assert (skipped in rota.trail(id)) == (when == "outside")


def test_a_condition_is_looked_at_when_the_layer_would_fire(rota: Rota) -> None:
    hours = rota.world.make(
        "working-hours",
        name="Office",
        timezone="UTC",
        windows=[{"days": [3], "start": "10:05", "end": "10:06"}],
    )["id"]
    steps = [rota.step(["b"]), rota.step(["c"])]
    steps[1]["condition"] = {"workingHoursId": hours, "when": "during"}
    policy = rota.world.make("escalation/policies", name="p", steps=steps)["id"]
    rota.open(policy)
    assert rota.fire(0) == ["b/1"]
    assert rota.fire(5) == ["c/2"]


def test_acknowledging_stops_it_and_calls_off_what_is_on_its_way(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule, ["b"]), owner="c")
    rota.fire(0)
    rota.deliver(0, FAILED)
    rota.world.call("POST", f"incidents/{id}/acknowledge")
    assert rota.deliveries() == []
    assert rota.fire(1000) == []
    assert "escalation_exhausted" not in rota.events(id)


def test_resolving_stops_it(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule, ["b"]), owner="c")
    for status in lifecycle.STATUSES[1:]:
        rota.world.call("PATCH", f"incidents/{id}/status", {"status": status})
    assert rota.fire(1000) == []
    assert rota.world.rows("SELECT * FROM incident_timers") == []


def test_a_handoff_pages_at_once_and_starts_the_timer_again(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule, ["b"]))
    rota.fire(0)
    hand_off(rota, id, "c", 4)
    assert rota.fire(4) == ["c/owner"]
    assert rota.fire(8.99) == []
    assert rota.fire(9) == ["b/2"]


def test_a_handoff_after_an_acknowledgement_goes_on(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule, ["b"]))
    rota.fire(0)
    write_at(at(1), rota.world.database, lifecycle.acknowledge, rota.caller, id)
    assert rota.fire(60) == []
    hand_off(rota, id, "c", 60)
    assert rota.fire(60) == ["c/owner"]
    assert rota.fire(65) == ["b/2"]


def test_a_handoff_when_the_layers_are_used_up_pages_the_new_owner_alone(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule))
    rota.fire(0)
    rota.fire(5)
    hand_off(rota, id, "c", 6)
    assert rota.fire(6) == ["c/owner"]
    assert rota.fire(1000) == []
    assert rota.events(id).count("escalation_exhausted") == 1


def test_it_goes_on_by_position_in_the_list_as_it_stands(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"])
    id = rota.open(policy)
    assert rota.fire(0) == ["a/1"]
    path = f"escalation/policies/{policy}"
    name = rota.world.call("GET", path).json["data"]["name"]
    steps = [rota.step(["a"]), rota.step(["c"]), rota.step(["x"])]
    rota.world.call("PUT", path, {"name": name, "steps": steps})
    assert rota.fire(5) == ["c/2"]
    rota.world.call("PUT", path, {"name": name, "steps": []})
    assert rota.fire(10) == []
    assert rota.events(id)[-1] == "escalation_exhausted"


def test_what_fell_due_while_nothing_ran_is_done_in_order_and_once(rota: Rota) -> None:
    id = rota.open(rota.policy(rota.schedule, ["b"], ["c"]))
    rota.fire(0)
    assert rota.fire(120) == ["b/2", "c/3"]
    assert rota.events(id)[-1] == "escalation_exhausted"


def test_a_clock_that_is_set_back_fires_nothing_twice(rota: Rota) -> None:
    rota.open(rota.policy(rota.schedule, ["b"]))
    assert rota.fire(0) == ["a/1"]
    assert rota.fire(-60) == []
    assert rota.fire(0) == []
    assert rota.fire(5) == ["b/2"]


def test_a_delivery_is_made_once_and_recorded(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    (taken,) = rota.claim(0)
    assert rota.claim(0.5) == []  # somebody is at it
    page = page_of(taken)
    assert taken.url == "https://example.com/a/hook"
    assert (page.number, page.title, page.severity, page.layer) == (1, "t", "low", None)
    assert page.acknowledge_url.startswith("https://oncall.example.com/a/")
    write_at(at(0.1), rota.world.database, delivery.record, taken, SENT, jitter=0.0)
    assert rota.claim(60) == []
    method = taken.row["contact_method_id"]
    details = {"userId": "a", "layer": None, "contactMethodId": method, "attempt": 1}
    details["madeAt"] = format_instant(at(0))
    assert rota.trail(id)[1:] == [("page_sent", details)]


def test_one_that_was_taken_and_never_recorded_is_made_again(rota: Rota) -> None:
    rota.open(None, owner="a")
    rota.fire(0)
    (first,) = rota.claim(0)
    (again,) = rota.claim(1)
    assert page_of(again).id == page_of(first).id


def test_one_that_fails_is_tried_again_with_growing_pauses_for_half_an_hour(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    tries: list[float] = []
    minutes = 0.0
    while minutes < 60:
        if rota.deliver(minutes, FAILED):
            tries.append(minutes)
        minutes += 1 / 12
    pauses = [round((b - a) * 60) for a, b in itertools.pairwise(tries)]
    assert pauses[:7] == [5, 10, 20, 40, 80, 160, 300]
    assert tries[-1] <= 30
    trail = rota.trail(id)[1:]
    assert [event for event, _ in trail] == ["page_failed"] * len(tries)
    assert [details["willRetry"] for _, details in trail] == [True] * (len(tries) - 1) + [False]
    assert trail[0][1]["reason"] == "503 Service Unavailable"
    assert rota.deliveries() == []
    counted = rota.world.rows("SELECT outcome, number FROM page_outcomes ORDER BY outcome")
    assert [tuple(row.values()) for row in counted] == [("failed", len(tries)), ("sent", 0)]


def test_a_permanent_failure_is_not_tried_again(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    rota.deliver(0, Outcome(False, "404 Not Found", permanent=True))
    assert (rota.deliveries(), rota.events(id)[-1]) == ([], "page_failed")


def test_a_contact_method_deleted_meanwhile(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    method = rota.deliveries()[0]["contact_method_id"]
    rota.world.call("DELETE", f"users/a/contact-methods/{method}")
    assert rota.claim(0) == []
    assert rota.trail(id)[-1][1]["reason"] == "the contact method was deleted"


def test_what_was_due_first_is_taken_first(rota: Rota) -> None:
    for _ in range(3):
        rota.open(None, owner="a")
    rota.fire(0)
    order = [page_of(taken).number for n in range(3) for taken in rota.claim(0, limit=1)]
    assert order == [1, 2, 3]


def test_late_paging_is_said(rota: Rota) -> None:
    database = rota.world.database
    assert not pager.is_late(database, at(0))
    rota.open(None, owner="a")
    assert not pager.is_late(database, at(0.99))
    assert pager.is_late(database, at(1.01))
    rota.fire(0)
    assert pager.is_late(database, at(1.01))
    assert rota.world.client.get("/readyz").json["data"] == {"status": "ok", "paging": "late"}
    rota.claim(0)
    assert not pager.is_late(database, at(0.9))
    rota.deliver(2)
    assert not pager.is_late(database, at(60))


def test_a_try_that_came_to_no_end_within_its_claim_is_late(rota: Rota) -> None:
    """A paging process that is stuck, or was killed, shows."""
    database = rota.world.database
    rota.open(None, owner="a")
    rota.fire(0)
    rota.claim(0)
    assert not pager.is_late(database, at(1.9))
    assert pager.is_late(database, at(2.01))


def test_firing_takes_organizations_in_turn(rota: Rota, other_org: quickstart.Provisioned) -> None:
    """However much of one is due, another's first page is made in the first write."""
    for _ in range(30):
        rota.open(None, owner="a")
    caller = Caller(other_org.org_id, "key", None, "org:admin")
    new = opening.NewIncident("t", "low", owner_id=other_org.user_id)
    write_at(at(0.1), rota.world.database, opening.open_incident, caller, new)
    with rota.world.database.read() as db:
        due = timers.due_organizations(db, format_instant(at(0.1)))
        assert timers.due_organizations(db, format_instant(at(0))) == [rota.caller.org_id]
    assert sorted(due) == sorted([rota.caller.org_id, other_org.org_id])
    limit = pager.FIRED_A_WRITE
    write_at(at(0.1), rota.world.database, firing.fire_due, due, by_email=True, limit=limit)
    fired = {(row["org_id"], row["incident_id"]) for row in rota.deliveries()}
    paged = [org_id for org_id, _ in fired]
    assert paged.count(other_org.org_id) == 1
    assert len(paged) == limit


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("https://a.example/x", "https://a.example/y?z=1", True),
        ("https://a.example/x", "json://me:s3cret@A.example/y", True),
        ("https://a.example/x", "https://b.example/x", False),
        ("https://a.example:1/x", "https://a.example:2/x", False),
        ("mailto://me:p@mail.example?to=a@example.com", "mailto://you:q@mail.example", True),
        ("https://[broken", "https://[broken", True),
    ],
)
def test_what_goes_to_one_receiver(one: str, other: str, is_same: bool) -> None:
    assert (receiver_of(one) == receiver_of(other)) == is_same
    assert "example" not in receiver_of(one)


def test_what_goes_out_by_mail_goes_to_one_receiver() -> None:
    assert receiver_of(None) == "mail"
