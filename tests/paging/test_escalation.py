"""Escalation that nobody falls out of, whatever changes meanwhile (contract §5 and §8)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.incidents import lifecycle
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.rota import SENT, Rota, at, hand_off, page_of


def layer_ids(rota: Rota, policy: str) -> list[str]:
    layers = rota.world.call("GET", f"escalation/policies/{policy}").json["data"]["layers"]
    return [layer["id"] for layer in layers]


def replace(rota: Rota, policy: str, *targets: Any) -> None:
    path = f"escalation/policies/{policy}"
    name = rota.world.call("GET", path).json["data"]["name"]
    steps = [rota.step(target) for target in targets]
    assert rota.world.call("PUT", path, {"name": name, "steps": steps}).status_code == 200


def insert(rota: Rota, policy: str, position: int, *user_ids: str) -> None:
    target = {"type": "users", "userIds": list(user_ids)}
    rota.world.make(
        f"escalation/policies/{policy}/layers",
        position=position,
        ackTimeoutMinutes=5,
        target=target,
    )


def acknowledge(rota: Rota, id: str, user_id: str | None, minutes: float) -> None:
    caller = Caller(rota.caller.org_id, "key", user_id, "org:member")
    write_at(at(minutes), rota.world.database, lifecycle.acknowledge, caller, id)


def rest(rota: Rota) -> list[str]:
    """Fire until nothing more falls due; return who was paged, in order."""
    return [paged for minutes in range(5, 200, 5) for paged in rota.fire(minutes)]


def test_the_layer_that_fired_is_deleted(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], ["c"])
    rota.open(policy)
    assert rota.fire(0) == ["a/1"]
    path = f"escalation/policies/{policy}/layers/{layer_ids(rota, policy)[0]}"
    assert rota.world.call("DELETE", path).status_code == 204
    assert rest(rota) == ["b/1", "c/2"]


def test_the_layer_that_fired_is_left_out_of_a_put(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], ["c"])
    rota.open(policy)
    rota.fire(0)
    replace(rota, policy, ["b"], ["c"])
    assert rest(rota) == ["b/1", "c/2"]


def test_layers_are_put_in_another_order(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], ["c"])
    rota.open(policy)
    rota.fire(0)
    order = {"layerIds": layer_ids(rota, policy)[::-1]}
    rota.world.call("PUT", f"escalation/policies/{policy}/layers/order", order)
    assert rest(rota) == ["c/1", "b/2"]


def test_a_layer_is_added_in_front(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"])
    rota.open(policy)
    rota.fire(0)
    insert(rota, policy, 1, "x")
    assert rest(rota) == ["x/1", "b/3"]


def test_one_target_twice_fires_twice(rota: Rota) -> None:
    policy = rota.policy(rota.schedule, ["b", "c"], rota.schedule)
    rota.open(policy)
    assert rota.fire(0) == ["a/1"]
    rota.deliver(0)
    replace(rota, policy, ["c", "b"], rota.schedule, rota.schedule)
    assert rota.fire(5) == ["c/1", "b/1"]
    assert rota.fire(10) == ["a/3"]


def test_what_was_passed_over_is_done_too(rota: Rota) -> None:
    nobody = rota.make_schedule("Later", "b", since=at(60))
    policy = rota.policy(nobody, ["a"], ["c"])
    rota.open(policy)
    assert rota.fire(0) == ["a/2"]
    replace(rota, policy, ["a"], nobody, ["c"])
    assert rota.fire(65) == ["c/3"]


def test_the_current_time_out_outlives_its_layer(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], minutes=30)
    rota.open(policy)
    rota.fire(0)
    replace(rota, policy, ["b"])
    hand_off(rota, rota.world.rows("SELECT id FROM incidents")[0]["id"], "c", 10)
    assert rota.fire(10) == ["c/owner"]
    assert rota.fire(39.9) == []
    assert rota.fire(40) == ["b/1"]


def test_each_incident_escalates_for_itself(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"])
    rota.open(policy)
    rota.fire(0)
    replace(rota, policy, ["b"], ["a"])
    rota.open(policy)
    assert rota.fire(0) == ["b/1"]
    assert rota.fire(5) == ["b/1", "a/2"]


def test_resolving_forgets_the_progress(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"]))
    rota.fire(0)
    assert rota.world.rows("SELECT target, done FROM escalation_progress") == [
        {"target": 'users:["a"]', "done": 1}
    ]
    for status in lifecycle.STATUSES[1:]:
        rota.world.call("PATCH", f"incidents/{id}/status", {"status": status})
    assert rota.world.rows("SELECT * FROM escalation_progress") == []


def never(rota: Rota) -> dict[str, Any]:
    """A condition that does not hold while the tests run."""
    hours = rota.world.make(
        "working-hours",
        name="Sundays",
        timezone="UTC",
        windows=[{"days": [7], "start": "00:00", "end": "01:00"}],
    )
    return {"workingHoursId": hours["id"], "when": "during"}


def conditional(rota: Rota, *targets: Any, name: str = "conditional") -> str:
    condition = never(rota)
    steps = [{**rota.step(target), "condition": condition} for target in targets]
    id: str = rota.world.make("escalation/policies", name=name, steps=steps)["id"]
    return id


SUNDAY = {"reason": "not during its working hours"}


def test_if_no_condition_holds_the_last_layer_pages_anyway(rota: Rota) -> None:
    id = rota.open(conditional(rota, ["a"], ["b"]))
    assert rota.fire(0) == ["b/2"]
    assert rest(rota) == []
    assert rota.trail(id)[1:] == [
        ("layer_skipped", {"position": 1, **SUNDAY}),
        ("layer_skipped", {"position": 2, **SUNDAY}),
        ("layer_escalated", {"position": 2, "userIds": ["b"], "conditionIgnored": True}),
        ("escalation_exhausted", {}),
    ]


def test_the_last_layer_pages_anyway_for_an_owner_who_was_paged_too(rota: Rota) -> None:
    rota.open(conditional(rota, ["a"], ["b"]), owner="c")
    assert rota.fire(0) == ["c/owner", "b/2"]


def test_a_layer_that_fired_leaves_the_conditions_in_force(rota: Rota) -> None:
    policy = conditional(rota, ["x"], ["b"])
    insert(rota, policy, 2, "a")
    rota.open(policy)
    assert rota.fire(0) == ["a/2"]
    assert rest(rota) == []


def reach_admin(rota: Rota) -> str:
    """Give the admin a way to be reached."""
    admin = rota.world.made.user_id
    rota.reach(admin)
    return admin


def test_if_nobody_could_be_paged_the_admins_are_once(rota: Rota) -> None:
    admin = reach_admin(rota)
    rota.world.make("users", id="unreachable", email="u@example.com", role="org:admin")
    nobody = rota.make_schedule("Later", "a", since=at(60))
    id = rota.open(rota.policy(nobody, ["y"]), owner="y")
    assert rota.fire(0) == [f"{admin}/owner"]
    assert rest(rota) == []
    assert rota.events(id)[-2:] == ["escalation_exhausted", "last_resort_paged"]
    assert rota.trail(id)[-1][1] == {"userIds": [admin]}
    (taken,) = rota.claim(0)
    assert (page_of(taken).layer, page_of(taken).last_resort) == (None, True)


@pytest.mark.parametrize("owner", ["y", None])
def test_without_a_policy_the_admins_stand_in_for_who_cannot_be_paged(
    rota: Rota, owner: str | None
) -> None:
    admin = reach_admin(rota)
    id = rota.open(None, owner=owner)
    assert rota.fire(0) == [f"{admin}/owner"]
    assert rest(rota) == []
    assert rota.events(id).count("last_resort_paged") == 1


def test_a_policy_without_layers_leaves_it_to_the_admins(rota: Rota) -> None:
    admin = reach_admin(rota)
    id = rota.open(rota.policy())
    assert rota.fire(0) == [f"{admin}/owner"]
    assert rota.events(id)[-2:] == ["escalation_exhausted", "last_resort_paged"]


def test_the_admins_are_left_alone_if_somebody_was_paged(rota: Rota) -> None:
    reach_admin(rota)
    id = rota.open(rota.policy(["y"]), owner="a")
    assert rota.fire(0) == ["a/owner"]
    rota.deliver(0)
    assert rest(rota) == []
    assert "last_resort_paged" not in rota.events(id)


def test_if_no_admin_can_be_reached_the_trail_says_so_once(rota: Rota) -> None:
    id = rota.open(rota.policy(["y"]), owner="y")
    assert rota.fire(0) == rest(rota) == []
    failed = [details for event, details in rota.trail(id) if event == "page_failed"]
    assert [details["userId"] for details in failed] == ["y", rota.world.made.user_id]
    assert {details["reason"] for details in failed} == {"has no way to be reached"}
    assert "last_resort_paged" not in rota.events(id)
    assert rota.world.rows("SELECT * FROM incident_timers") == []


def test_of_very_many_admins_the_trail_names_some(rota: Rota) -> None:
    admin = reach_admin(rota)
    for n in range(60):
        id = rota.world.make("users", email=f"{n}@example.com", role="org:admin")["id"]
        rota.reach(id)
    incident = rota.open(None)
    assert len(rota.fire(0)) == 61
    (details,) = (d for event, d in rota.trail(incident) if event == "last_resort_paged")
    assert (details["userIds"][0], len(details["userIds"]), details["more"]) == (admin, 50, 11)


def test_a_layer_that_cannot_be_resolved_does_not_keep_the_admins_from_it(rota: Rota) -> None:
    admin = reach_admin(rota)
    rota.open(rota.policy(rota.schedule))
    rota.world.execute("UPDATE schedules SET timezone = 'No/Where' WHERE name = 'Rota'")
    assert rota.fire(0) == [f"{admin}/owner"]


def test_conditions_and_nobody_on_call_together_leave_it_to_the_admins(rota: Rota) -> None:
    admin = reach_admin(rota)
    policy = conditional(rota, ["a"])
    insert(rota, policy, 1, "y")
    rota.open(policy)
    assert rota.fire(0) == [f"{admin}/owner"]


def test_the_last_layer_that_cannot_page_anyway_leaves_it_to_the_admins(rota: Rota) -> None:
    admin = reach_admin(rota)
    id = rota.open(conditional(rota, ["a"], ["y"]))
    assert rota.fire(0) == [f"{admin}/owner"]
    assert rota.trail(id)[3][1]["reason"] == "nobody has a way to be reached"


@pytest.mark.parametrize("wait", [1, 6])
def test_a_handoff_to_somebody_unreachable_with_no_layers_left(rota: Rota, wait: float) -> None:
    admin = reach_admin(rota)
    id = rota.open(rota.policy(["a"]))
    rota.fire(0)
    rota.deliver(0)
    rota.fire(wait)
    hand_off(rota, id, "y", wait)
    assert rota.fire(wait) == [f"{admin}/owner"]
    assert rest(rota) == []
    assert rota.events(id).count("escalation_exhausted") == 1


def test_a_handoff_to_somebody_unreachable_goes_on_with_the_next_layer(rota: Rota) -> None:
    reach_admin(rota)
    id = rota.open(rota.policy(["a"], ["b"]))
    rota.fire(0)
    hand_off(rota, id, "y", 1)
    assert rota.fire(5.9) == []
    assert rota.fire(6) == ["b/2"]
    assert rest(rota) == []


def test_a_handoff_to_somebody_whose_page_is_about_to_leave(rota: Rota) -> None:
    reach_admin(rota)
    id = rota.open(rota.policy(["b"], minutes=1), owner="c")
    assert rota.fire(0) == ["c/owner", "b/1"]
    hand_off(rota, id, "b", 0.5)
    assert rota.fire(2) == []  # the page of the layer will do
    assert rota.events(id)[-1] == "escalation_exhausted"


def test_no_layer_fires_while_somebody_works_on_it(rota: Rota) -> None:
    policy = rota.policy(["a"])
    rota.world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 1})
    id = rota.open(policy)
    rota.fire(0)
    rota.deliver(0)
    hand_off(rota, id, "y", 1)
    acknowledge(rota, id, "b", 1)
    (incident,) = rota.world.rows("SELECT * FROM incidents")
    worse = lifecycle.raise_severity
    write_at(at(2), rota.world.database, worse, rota.caller, incident, "critical")
    assert rota.fire(2) == []
    assert rota.events(id).count("layer_escalated") == 1


def test_a_page_goes_to_the_email_address_as_well(rota: Rota) -> None:
    rota.open(rota.policy(["a"], ["a"]), owner="a")
    assert rota.fire(0, by_email=True) == ["a/1", "a/1"]
    methods = [row["contact_method_id"] for row in rota.deliveries()]
    assert (methods.count(None), len(methods)) == (1, 2)


def notices(rota: Rota) -> list[str]:
    found = rota.world.rows("SELECT user_id FROM deliveries WHERE kind = 'acknowledged'")
    return [row["user_id"] for row in found]


def test_an_owner_by_handoff_is_told_if_somebody_else_acknowledges(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"]), owner="a")
    rota.fire(0)
    hand_off(rota, id, "c", 1)
    rota.fire(1)
    acknowledge(rota, id, "a", 2)
    assert rota.fire(2, by_email=True) == ["c/owner", "c/owner"]
    assert notices(rota) == ["c", "c"]
    taken = rota.claim(2)
    assert {page_of(each).notice for each in taken} == {
        "a@example.com has acknowledged this incident."
    }
    rota.deliver(4)
    event, details = rota.trail(id)[-1]
    assert (event, details["notice"]) == ("page_sent", "acknowledged")
    assert rest(rota) == []


@pytest.mark.parametrize("by", ["c", None])
def test_who_is_told_of_an_acknowledgement(rota: Rota, by: str | None) -> None:
    id = rota.open(None, owner="a")
    hand_off(rota, id, "c", 1)
    acknowledge(rota, id, by, 2)
    rota.fire(2)
    assert notices(rota) == ([] if by == "c" else ["c"])


def test_an_owner_from_the_start_is_not_told(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    acknowledge(rota, id, "b", 1)
    rota.fire(1)
    assert notices(rota) == []


def test_an_owner_whom_nothing_reaches_is_not_told(rota: Rota) -> None:
    reach_admin(rota)
    id = rota.open(None, owner="a")
    hand_off(rota, id, "y", 1)
    acknowledge(rota, id, "b", 2)
    assert rota.fire(2) == []
    assert "last_resort_paged" not in rota.events(id)


def test_a_handoff_calls_off_the_former_owner_s_page_alone(rota: Rota) -> None:
    id = rota.open(rota.policy(["a", "b"]), owner="c")
    assert sorted(rota.fire(0)) == ["a/1", "b/1", "c/owner"]
    hand_off(rota, id, "x", 0.01)
    waiting = [(row["user_id"], row["layer_position"]) for row in rota.deliveries()]
    assert sorted(waiting) == [("a", 1), ("b", 1)]


def test_the_next_handoff_calls_a_notice_off(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    hand_off(rota, id, "c", 1)
    acknowledge(rota, id, "a", 2)
    rota.fire(2)
    assert notices(rota) == ["c"]
    hand_off(rota, id, "b", 3)
    assert rota.fire(3) == ["b/owner"]
    assert notices(rota) == []


def test_resolving_leaves_a_notice_on_its_way(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    hand_off(rota, id, "c", 1)
    acknowledge(rota, id, "a", 2)
    for status in lifecycle.STATUSES[1:]:
        rota.world.call("PATCH", f"incidents/{id}/status", {"status": status})
    rota.fire(3)
    assert notices(rota) == ["c"]
    assert rota.deliver(3, SENT) == 1


def test_pages_carry_one_short_link_a_user_and_incident(rota: Rota) -> None:
    rota.open(rota.policy(["a", "b"], ["a"]))
    rota.fire(0)
    first = {page_of(each).user_id: page_of(each).acknowledge_url for each in rota.claim(0)}
    rota.deliver(2)
    rota.fire(5)
    (again,) = rota.claim(5)
    assert page_of(again).acknowledge_url == first["a"] != first["b"]
    prefix, token = page_of(again).acknowledge_url.rsplit("/", 1)
    assert prefix == "https://oncall.example.com/a"
    assert (len(token), token.isalnum(), token.isascii()) == (22, True, True)
    (kept,) = rota.world.rows("SELECT * FROM acknowledge_links WHERE user_id = 'a'")
    assert kept["expires_at"] == "2025-04-09T10:05:00.000Z"


def test_a_notice_calls_a_key_by_its_name(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"]), "a")
    hand_off(rota, id, "b", 1)
    rota.fire(1)
    key = rota.world.make("api-keys", name="deploy bot", role="org:admin")["id"]
    caller = Caller(rota.caller.org_id, key, None, "org:admin")
    write_at(at(2), rota.world.database, lifecycle.acknowledge, caller, id)
    rota.fire(2)
    taken = rota.claim(2)
    notices = [page_of(each).notice for each in taken if page_of(each).notice]
    assert notices == ["deploy bot has acknowledged this incident."]
