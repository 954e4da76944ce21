"""What responders do about an incident's pages: each call and each rule (contract §3)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest

from incident_service import quickstart
from incident_service.clock import format_instant, parse_instant
from incident_service.errors import InvalidRequest
from incident_service.incidents import lifecycle, reopening, responding, updates
from incident_service.people.caller import Caller
from tests.helpers.clocks import write_at
from tests.helpers.rota import Rota, at, hand_off, page_of
from tests.helpers.world import World

CALLS: dict[str, tuple[str, str, dict[str, Any] | None]] = {
    "resolve": ("POST", "resolve", {"resolutionNote": "Rolled back."}),
    "reopen": ("POST", "reopen", None),
    "acknowledge": ("POST", "acknowledge", None),
    "unacknowledge": ("POST", "unacknowledge", None),
    "snooze": ("POST", "snooze", {"minutes": 5}),
    "escalate": ("POST", "escalate", None),
    "add": ("POST", "responders", {"userIds": ["ben"]}),
    "remove": ("DELETE", "responders/ben", None),
}


@pytest.fixture
def incident(world: World) -> dict[str, Any]:
    world.make("users", id="ben", email="ben@example.com")
    path = f"users/{world.made.user_id}/contact-methods"
    world.make(path, label="hook", url="https://example.com/hook")
    opened: dict[str, Any] = world.post().json["data"]
    return opened


def call(world: World, name: str, id: str = "1", body: Any = ..., key: str | None = None) -> Any:
    method, path, sent = CALLS[name]
    body = sent if body is ... else body
    return world.call(method, f"incidents/{id}/{path}", *([] if body is None else [body]), key=key)


def whole(world: World) -> dict[str, Any]:
    found: dict[str, Any] = world.call("GET", "incidents/1").json["data"]
    return found


def events(world: World) -> list[str]:
    return [event["event"] for event in whole(world)["auditTrail"]]


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def prepare(world: World, name: str) -> None:
    """Bring the incident to where the call changes something."""
    needed = {"reopen": "resolve", "unacknowledge": "acknowledge", "remove": "add"}
    if name in needed:
        assert call(world, needed[name]).status_code == 200


@pytest.mark.parametrize("name", CALLS)
def test_a_member_may_and_a_number_will_do(
    world: World, incident: dict[str, Any], member: str, name: str
) -> None:
    prepare(world, name)
    before = events(world)
    answer = call(world, name, key=member)
    assert answer.status_code == 200, answer.json
    assert answer.json["data"] == whole(world)
    assert answer.json["data"]["id"] == incident["id"]
    added = answer.json["data"]["auditTrail"][len(before) :]
    assert {event["actorId"] for event in added} - {None} == {"member"}


@pytest.mark.parametrize("name", CALLS)
def test_another_organization_s_incident_is_not_there(
    world: World, incident: dict[str, Any], other_org: quickstart.Provisioned, name: str
) -> None:
    for id in (incident["id"], "1", "x", "00000000-0000-7000-8000-000000000000"):
        assert code(call(world, name, id, key=other_org.key)) == (404, "not_found")
    assert events(world) == ["incident_opened"]


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("resolve", {"resolutionNote": "x" * 10_001}, "resolutionNote"),
        ("resolve", {"note": "x"}, "note"),
        ("snooze", {}, "minutes"),
        ("snooze", {"minutes": 4}, "minutes"),
        ("snooze", {"minutes": 1441}, "minutes"),
        ("snooze", {"minutes": "60"}, "minutes"),
        ("snooze", {"minutes": 5.0}, "minutes"),
        ("snooze", {"minutes": True}, "minutes"),
        ("snooze", {"minutes": None}, "minutes"),
        ("add", {}, "userIds"),
        ("add", {"userIds": []}, "userIds"),
        ("add", {"userIds": ["ben", "ben"]}, "userIds"),
        ("add", {"userIds": [str(n) for n in range(51)]}, "userIds"),
        ("add", {"userIds": [7]}, "userIds"),
    ],
)
def test_a_body_that_is_refused(
    world: World, incident: dict[str, Any], name: str, body: Any, field: str
) -> None:
    answer = call(world, name, body=body)
    assert (answer.status_code, list(answer.json["errors"])) == (400, [field])
    assert events(world) == ["incident_opened"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("unacknowledge", (200, None)),
        ("escalate", (400, "escalation_exhausted")),
        ("reopen", (400, "invalid_status_transition")),
    ],
)
def test_a_body_for_a_call_that_takes_none_is_ignored(
    world: World, incident: dict[str, Any], name: str, told: tuple[int, str | None]
) -> None:
    call(world, name)  # which pages the only layer
    key = {"Authorization": f"Bearer {world.made.key}"}
    for body in (b"x", b"null", b'{"minutes": 5}', b"x" * 2_000_000):
        answer = world.client.post(f"/v1/incidents/1/{name}", data=body, headers=key)
        assert (answer.status_code, answer.json.get("code")) == told


@pytest.mark.parametrize("name", ["snooze", "escalate", "add", "remove"])
def test_what_is_refused_once_it_is_resolved(
    world: World, incident: dict[str, Any], name: str
) -> None:
    call(world, "add")
    call(world, "resolve")
    before = whole(world)
    assert code(call(world, name)) == (400, "incident_resolved")
    assert whole(world) == before


@pytest.mark.parametrize("name", ["resolve", "acknowledge", "unacknowledge"])
def test_what_changes_nothing_once_it_is_resolved(
    world: World, incident: dict[str, Any], name: str
) -> None:
    call(world, "acknowledge")
    call(world, "resolve")
    before = whole(world)
    answer = call(world, name)
    assert (answer.status_code, answer.json["data"]) == (200, before)


def test_resolving_walks_the_steps_that_are_left(world: World, incident: dict[str, Any]) -> None:
    world.call("PATCH", "incidents/1/status", {"status": "identified"})
    found = call(world, "resolve").json["data"]
    history = [(entry["status"], entry["resolutionNote"]) for entry in found["statusHistory"]]
    assert history == [
        ("investigating", None),
        ("identified", None),
        ("monitoring", None),
        ("resolved", "Rolled back."),
    ]
    assert found["resolvedAt"] == found["updatedAt"]
    assert events(world)[-3:] == ["status_changed", "status_changed", "update_posted"]


def test_resolving_needs_no_body(world: World, incident: dict[str, Any]) -> None:
    found = world.call("POST", "incidents/1/resolve").json["data"]
    assert (found["status"], found["statusHistory"][-1]["resolutionNote"]) == ("resolved", None)


def test_a_reopened_incident_begins_again(world: World, incident: dict[str, Any]) -> None:
    call(world, "acknowledge")
    first = whole(world)["acknowledgedAt"]
    call(world, "resolve")
    found = call(world, "reopen").json["data"]
    assert [found[name] for name in ("status", "resolvedAt", "acknowledgedAt")] == [
        "investigating", None, None,
    ]  # fmt: skip
    assert found["firstAcknowledgedAt"] == first
    statuses = [entry["status"] for entry in found["statusHistory"]]
    assert statuses == ["investigating", "identified", "monitoring", "resolved", "investigating"]
    assert found["auditTrail"][-1]["event"] == "incident_reopened"
    assert code(call(world, "reopen")) == (400, "invalid_status_transition")
    assert call(world, "acknowledge").json["data"]["firstAcknowledgedAt"] == first


def test_the_status_history_is_bounded(world: World, incident: dict[str, Any]) -> None:
    world.execute(
        """
        WITH RECURSIVE more (number) AS (
            VALUES (2) UNION ALL SELECT number + 1 FROM more WHERE number < 1501)
        INSERT INTO status_history (org_id, incident_id, number, id, status, changed_at, changed_by)
        SELECT org_id, incident_id, more.number, id, 'investigating', changed_at, changed_by
        FROM status_history, more
        """
    )
    history = call(world, "resolve").json["data"]["statusHistory"]
    assert [entry["status"] for entry in history][-4:] == [*lifecycle.STATUSES]
    assert len(history) == 1000


@pytest.mark.parametrize(
    ("after", "is_open"),
    [(timedelta(days=7), True), (timedelta(days=7, milliseconds=1), False)],
)
def test_an_incident_can_be_reopened_for_seven_days(
    world: World, incident: dict[str, Any], after: timedelta, is_open: bool
) -> None:
    resolved = parse_instant(call(world, "resolve").json["data"]["resolvedAt"])
    caller = Caller(world.made.org_id, "key", None, "org:member")
    refused = pytest.raises(InvalidRequest, match="more than 7 days ago")
    with nullcontext() if is_open else refused:
        write_at(resolved + after, world.database, reopening.reopen, caller, incident["id"])
    assert (whole(world)["status"] == "investigating") == is_open


def test_reopening_leaves_out_what_was_deleted_since(
    world: World, incident: dict[str, Any]
) -> None:
    policy = world.make("escalation/policies", name="Gone")["id"]
    body = world.body(ownerId="ben", escalationPolicyId=policy)
    world.post(body)
    world.call("POST", "incidents/2/resolve")
    assert world.call("DELETE", "users/ben").status_code == 204
    assert world.call("DELETE", f"escalation/policies/{policy}").status_code == 204
    found = world.call("POST", "incidents/2/reopen").json["data"]
    left = {"ownerId": world.made.user_id, "escalationPolicyId": None}
    assert {name: found[name] for name in left} == left
    assert found["auditTrail"][-1]["details"] == left


def test_the_filter_of_what_is_open(world: World, incident: dict[str, Any]) -> None:
    for _ in range(4):
        world.post()
    world.call("POST", "incidents/2/resolve")
    world.call("PATCH", "incidents/4/status", {"status": "identified"})
    found = world.call("GET", "incidents", status="open", limit="2").json["data"]
    more = world.call("GET", "incidents", status="open", cursor=found["nextCursor"]).json["data"]
    numbers = [each["sequentialId"] for each in found["incidents"] + more["incidents"]]
    assert (numbers, more["nextCursor"]) == ([5, 4, 3, 1], None)


def test_a_snooze_acknowledges_and_says_until_when(world: World, incident: dict[str, Any]) -> None:
    found = call(world, "snooze", body={"minutes": 1440}).json["data"]
    acknowledged = parse_instant(found["acknowledgedAt"])
    until = format_instant(acknowledged + timedelta(days=1))
    assert (found["snoozedUntil"], found["acknowledgedBy"]) == (until, world.made.user_id)
    assert found["firstAcknowledgedAt"] == found["acknowledgedAt"]
    event = found["auditTrail"][-1]
    assert (event["event"], event["details"]) == (
        "incident_snoozed", {"minutes": 1440, "until": until},
    )  # fmt: skip
    assert found["auditTrail"][-2]["event"] == "incident_acknowledged"


def test_who_acknowledged_stays_when_another_snoozes(
    world: World, incident: dict[str, Any], member: str
) -> None:
    call(world, "acknowledge", key=member)
    found = call(world, "snooze").json["data"]
    assert found["acknowledgedBy"] == "member"
    assert events(world) == ["incident_opened", "incident_acknowledged", "incident_snoozed"]


@pytest.mark.parametrize("name", ["unacknowledge", "escalate", "handoff", "resolve"])
def test_what_ends_a_snooze(world: World, incident: dict[str, Any], name: str) -> None:
    world.call("POST", "users/ben/contact-methods", {"label": "x", "url": "https://example.com/b"})
    steps = [{"targetType": "users", "userIds": ["ben"], "escalateAfterSeconds": 60}]
    policy = world.make("escalation/policies", name="Ben", steps=steps)["id"]
    world.post(world.body(escalationPolicyId=policy))
    world.call("POST", "incidents/2/snooze", {"minutes": 5})
    body = {"targetUserId": "ben"} if name == "handoff" else {}
    answer = world.call("POST", f"incidents/2/{name}", body)
    assert (answer.status_code, answer.json["data"]["snoozedUntil"]) == (200, None)
    assert world.rows("SELECT 1 FROM incident_timers WHERE kind = 'snooze'") == []


def test_responders_are_listed_and_removed(world: World, incident: dict[str, Any]) -> None:
    found = call(world, "add", body={"userIds": ["ben", world.made.user_id]}).json["data"]
    (added,) = {responder["addedAt"] for responder in found["responders"]}
    assert [responder["userId"] for responder in found["responders"]] == sorted(
        ["ben", world.made.user_id]
    )
    assert found["ownerId"] == world.made.user_id
    event = next(each for each in found["auditTrail"] if each["event"] == "responder_added")
    assert event["details"] == {"userIds": ["ben", world.made.user_id]}
    assert event["at"] == added
    before = whole(world)
    assert call(world, "add").json["data"] == before  # Ben was asked already
    found = call(world, "remove").json["data"]
    assert [responder["userId"] for responder in found["responders"]] == [world.made.user_id]
    assert found["auditTrail"][-1]["details"] == {"userId": "ben"}
    assert code(call(world, "remove")) == (404, "not_found")


def test_a_responder_from_elsewhere(
    world: World, incident: dict[str, Any], other_org: quickstart.Provisioned
) -> None:
    for stranger in ("nobody", other_org.user_id):
        answer = call(world, "add", body={"userIds": ["ben", stranger]})
        assert code(answer) == (400, "invalid_user_id")
        assert stranger in answer.json["message"]
    assert whole(world)["responders"] == []


def test_an_incident_has_a_hundred_responders(world: World, incident: dict[str, Any]) -> None:
    for n in range(101):
        world.make("users", id=f"u{n}", email=f"u{n}@example.com")
    for first in (0, 50):
        asked = [f"u{n}" for n in range(first, first + 50)]
        assert call(world, "add", body={"userIds": asked}).status_code == 200
    answer = call(world, "add", body={"userIds": ["u100"]})
    assert code(answer) == (409, "too_many_responders")
    assert len(whole(world)["responders"]) == 100


def test_without_a_policy_there_is_nothing_to_escalate(
    world: World, incident: dict[str, Any]
) -> None:
    world.post(world.body(ownerId="ben", ownerScheduleId=...))
    assert code(world.call("POST", "incidents/2/escalate")) == (400, "escalation_exhausted")
    assert len(world.call("GET", "incidents/2").json["data"]["auditTrail"]) == 1


# --- What it does to pages, by chosen time.


def do(rota: Rota, work: Callable[..., Any], minutes: float, id: str, *args: Any) -> None:
    write_at(at(minutes), rota.world.database, work, rota.caller, id, *args)


def read(rota: Rota, id: str) -> dict[str, Any]:
    incident: dict[str, Any] = rota.world.call("GET", f"incidents/{id}").json["data"]
    return incident


def as_user(rota: Rota, user_id: str) -> Caller:
    return Caller(rota.caller.org_id, "key", user_id, "org:member")


def test_unacknowledging_starts_the_layer_s_time_again(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], minutes=5), owner="c")
    assert sorted(rota.fire(0)) == ["a/1", "c/owner"]
    do(rota, lifecycle.acknowledge, 1, id)
    do(rota, responding.unacknowledge, 10, id)
    assert rota.fire(14.9) == []
    assert rota.fire(15) == ["b/2"]
    assert "owner" not in {row["kind"] for row in rota.world.rows("SELECT * FROM incident_timers")}


def test_when_a_snooze_is_over_the_owner_is_paged_and_the_layer_s_time_runs(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], minutes=5), owner="c")
    rota.fire(0)
    rota.deliver(0)
    do(rota, responding.snooze, 1, id, 30)
    assert rota.fire(30.9) == []
    assert rota.fire(31) == ["c/owner"]
    found = rota.world.call("GET", f"incidents/{id}").json["data"]
    assert (found["acknowledgedAt"], found["snoozedUntil"]) == (None, None)
    (event,) = [e for e in found["auditTrail"] if e["event"] == "incident_unacknowledged"]
    assert (event["actorId"], event["details"]) == (None, {"reason": "the snooze is over"})
    assert rota.fire(31) == []
    assert rota.fire(35.9) == []
    assert rota.fire(36) == ["b/2"]


def test_a_snooze_that_ended_while_nothing_ran_is_followed_in_order(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], ["x"], minutes=5), owner="c")
    rota.fire(0)
    rota.deliver(0)
    do(rota, responding.snooze, 1, id, 30)
    assert rota.fire(60) == ["c/owner", "b/2", "x/3"]
    assert rota.events(id)[-4:] == [
        "incident_unacknowledged", "layer_escalated", "layer_escalated", "escalation_exhausted",
    ]  # fmt: skip


@pytest.mark.parametrize("owner", [None, "c"])
def test_when_a_snooze_is_over_and_nobody_else_can_be_paged_the_admins_are(
    rota: Rota, owner: str | None
) -> None:
    admin = rota.world.made.user_id
    rota.reach(admin)
    id = rota.open(None, owner)
    rota.fire(0)
    rota.deliver(0)
    do(rota, responding.snooze, 1, id, 30)
    rota.world.execute("DELETE FROM contact_methods WHERE user_id = 'c'")
    assert rota.fire(31) == [f"{admin}/owner"]
    assert rota.events(id).count("last_resort_paged") == (1 if owner else 2)
    assert rota.fire(60) == []


def test_when_a_snooze_is_over_and_the_owner_cannot_be_paged_a_layer_that_is_left_will(
    rota: Rota,
) -> None:
    rota.reach(rota.world.made.user_id)
    id = rota.open(rota.policy(["a"], ["b"], minutes=5), owner="y")
    rota.fire(0)
    rota.deliver(0)
    do(rota, responding.snooze, 1, id, 30)
    assert rota.fire(31) == []
    assert rota.fire(36) == ["b/2"]
    assert rota.fire(60) == []
    assert "last_resort_paged" not in rota.events(id)


def test_a_later_snooze_takes_the_place_of_the_first(rota: Rota) -> None:
    id = rota.open(None, owner="c")
    rota.fire(0)
    rota.deliver(0)
    do(rota, responding.snooze, 1, id, 5)
    do(rota, responding.snooze, 2, id, 30)
    assert rota.fire(31.9) == []
    assert rota.fire(32) == ["c/owner"]


def test_escalating_fires_the_next_layer_and_its_time_runs(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], ["c"], minutes=5))
    rota.fire(0)
    do(rota, lifecycle.acknowledge, 1, id)
    before = len(rota.deliveries())
    do(rota, responding.escalate, 2, id, False)
    assert [row["user_id"] for row in rota.deliveries()[before:]] == ["b"]
    found = rota.world.call("GET", f"incidents/{id}").json["data"]
    assert (found["acknowledgedAt"], found["auditTrail"][-1]["actorId"]) == (None, "key")
    assert found["auditTrail"][-1]["event"] == "layer_escalated"
    assert rota.fire(6.9) == []
    assert rota.fire(7) == ["c/3"]
    with pytest.raises(InvalidRequest, match="no layer left"):
        do(rota, responding.escalate, 8, id, False)


def test_escalating_changes_the_incident_only_if_it_was_acknowledged(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], ["c"], minutes=5))
    rota.fire(0)
    do(rota, responding.escalate, 1, id, False)
    assert read(rota, id)["updatedAt"] == format_instant(at(0))
    do(rota, lifecycle.acknowledge, 2, id)
    do(rota, responding.escalate, 3, id, False)
    assert read(rota, id)["updatedAt"] == format_instant(at(3))


def test_escalating_passes_over_who_cannot_be_paged_and_ends_where_none_is_left(
    rota: Rota,
) -> None:
    id = rota.open(rota.policy(["a"], ["y"], ["b"], ["y"], minutes=5))
    rota.fire(0)
    do(rota, responding.escalate, 1, id, False)
    assert rota.events(id)[-2:] == ["layer_skipped", "layer_escalated"]
    do(rota, lifecycle.acknowledge, 2, id)
    before = rota.trail(id)
    with pytest.raises(InvalidRequest, match="no layer left"):
        do(rota, responding.escalate, 3, id, False)
    assert rota.trail(id) == before
    (row,) = rota.world.rows("SELECT acknowledged_at FROM incidents")
    assert row["acknowledged_at"] is not None


def test_a_repeat_is_not_begun_by_hand(rota: Rota) -> None:
    policy = rota.policy(["a"], minutes=5)
    rota.world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 3})
    id = rota.open(policy)
    rota.fire(0)
    rota.deliver(0)
    with pytest.raises(InvalidRequest, match="no layer left"):
        do(rota, responding.escalate, 1, id, False)
    assert rota.fire(5) == ["a/1"]


def test_a_policy_starts_again_as_often_as_it_says(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], minutes=5)
    rota.world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 2})
    id = rota.open(policy)
    fired = {}
    for minutes in range(60):
        fired[minutes] = rota.fire(minutes)
        rota.deliver(minutes)
    assert {minutes: who for minutes, who in fired.items() if who} == {
        0: ["a/1"], 5: ["b/2"], 10: ["a/1"], 15: ["b/2"], 20: ["a/1"], 25: ["b/2"],
    }  # fmt: skip
    repeats = [d.get("repeat") for event, d in rota.trail(id) if event == "layer_escalated"]
    assert repeats == [None, None, 1, 1, 2, 2]
    assert rota.events(id).count("escalation_exhausted") == 1


def test_a_policy_that_changes_while_it_is_repeated(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], minutes=5)
    path = f"escalation/policies/{policy}"
    rota.world.call("PATCH", path, {"repeat": 2})
    id = rota.open(policy)
    fired = {}

    def run(since: int, until: int) -> None:
        for minutes in range(since, until):
            fired[minutes] = rota.fire(minutes)
            rota.deliver(minutes)

    run(0, 12)  # the second round has paged a
    steps = [rota.step([user]) for user in "xab"]
    rota.world.call("PUT", path, {"name": "P", "steps": steps})
    run(12, 27)
    rota.world.call("PATCH", path, {"repeat": 0})
    run(27, 60)
    assert {minutes: who for minutes, who in fired.items() if who} == {
        0: ["a/1"], 5: ["b/2"], 10: ["a/1"], 15: ["x/1"], 20: ["b/3"],
        25: ["x/1"], 30: ["a/2"], 35: ["b/3"],
    }  # fmt: skip
    rota.world.call("PATCH", path, {"repeat": 9})
    run(60, 90)
    assert rota.events(id)[-1] == "escalation_exhausted"  # what is over does not begin again


def test_a_policy_that_pages_nobody_does_not_start_again(rota: Rota) -> None:
    policy = rota.policy(["y"], minutes=5)
    rota.world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 9})
    id = rota.open(policy)
    rota.fire(0)
    assert rota.events(id)[1:3] == ["layer_skipped", "escalation_exhausted"]
    assert rota.fire(60) == []


def test_a_reopened_incident_pages_as_when_it_opened(rota: Rota) -> None:
    policy = rota.policy(["a"], ["b"], minutes=5)
    rota.world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 1})
    id = rota.open(policy, owner="c")
    for minutes in (0, 5, 10):
        rota.fire(minutes)
        rota.deliver(minutes)
    do(rota, updates.resolve, 11, id, None)
    do(rota, reopening.reopen, 20, id)
    fired = {}
    for minutes in range(20, 60):
        fired[minutes] = rota.fire(minutes)
        rota.deliver(minutes)
    assert {minutes: sorted(who) for minutes, who in fired.items() if who} == {
        20: ["a/1", "c/owner"], 25: ["b/2"], 30: ["a/1"], 35: ["b/2"],
    }  # fmt: skip


def test_a_responder_is_paged_once_to_help_whoever_acknowledges(rota: Rota) -> None:
    id = rota.open(None, owner="c")
    rota.fire(0)
    do(rota, responding.add_responders, 1, id, ["x", "y"], False)
    do(rota, lifecycle.acknowledge, 2, id)
    taken = rota.claim(3)
    assert [(page_of(each).user_id, page_of(each).asks_for_help) for each in taken] == [("x", True)]
    (failed,) = [details for event, details in rota.trail(id) if event == "page_failed"]
    assert failed["userId"] == "y"
    assert rota.deliver(4) == 1  # its claim is over
    do(rota, responding.add_responders, 5, id, ["x"], False)
    assert rota.deliver(6) == 0
    (sent,) = [details for event, details in rota.trail(id) if event == "page_sent"]
    assert (sent["userId"], sent["help"], sent["layer"]) == ("x", True, None)


def test_a_layer_pages_a_responder_too_so_that_removing_them_loses_no_page(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"], ["b"], minutes=5))
    rota.fire(0)
    rota.deliver(0)
    do(rota, responding.add_responders, 4, id, ["b"], False)
    assert rota.fire(5) == ["b/2"]
    do(rota, responding.remove_responder, 5, id, "b")
    assert [(row["user_id"], row["kind"]) for row in rota.deliveries()] == [("b", "page")]


def test_responders_stay_in_order_if_the_clock_is_set_back(rota: Rota) -> None:
    id = rota.open(None, owner="c")
    for minutes, asked in ((5, "x"), (3, "b"), (-1, "a")):
        do(rota, responding.add_responders, minutes, id, [asked], False)
    added = [each["addedAt"] for each in read(rota, id)["responders"]]
    assert added == [format_instant(at(5))] * 3


@pytest.mark.parametrize("ends", ["remove", "resolve"])
def test_what_calls_a_responder_s_page_off(rota: Rota, ends: str) -> None:
    id = rota.open(None, owner="c")
    rota.fire(0)
    do(rota, responding.add_responders, 1, id, ["x"], False)
    if ends == "remove":
        do(rota, responding.remove_responder, 2, id, "x")
    else:
        do(rota, updates.resolve, 2, id, None)
    assert "x" not in {row["user_id"] for row in rota.deliveries()}


def notices(rota: Rota, minutes: float) -> dict[str, str | None]:
    """Return who gets a notice by then, and what it says."""
    return {page_of(each).user_id: page_of(each).notice for each in rota.claim(minutes)}


def test_who_was_paged_is_told_that_somebody_else_resolved_it(rota: Rota) -> None:
    id = rota.open(rota.policy(["a", "b"]), owner="c")
    rota.fire(0)
    rota.deliver(0)
    write_at(at(1), rota.world.database, updates.resolve, as_user(rota, "a"), id, None)
    assert sorted(rota.fire(1)) == ["b/owner", "c/owner"]
    said = "a@example.com has resolved this incident."
    assert notices(rota, 1) == {"b": said, "c": said}
    rota.deliver(9)  # the claims are over
    assert rota.fire(60) == []
    told = [d["notice"] for event, d in rota.trail(id) if "notice" in d]
    assert told == ["resolved", "resolved"]


def test_each_time_that_it_is_resolved_they_are_told_once(rota: Rota) -> None:
    id = rota.open(rota.policy(["a"]), owner="c")
    rota.fire(0)
    rota.deliver(0)
    for minutes, resolver, told in ((10, "a", ["c/owner"]), (30, "c", ["a/owner"])):
        caller = as_user(rota, resolver)
        for _ in range(2):
            write_at(at(minutes), rota.world.database, updates.resolve, caller, id, None)
        assert rota.fire(minutes) == told
        assert rota.deliver(minutes) == 1
        do(rota, reopening.reopen, minutes + 10, id)
        rota.fire(minutes + 10)
        rota.deliver(minutes + 10)


def test_who_was_never_paged_is_not_told(rota: Rota) -> None:
    id = rota.open(None, owner="c")
    rota.fire(0)  # nobody has taken the page on
    do(rota, updates.resolve, 1, id, None)
    assert rota.fire(2) == []
    assert rota.deliveries() == []


def test_reopening_calls_the_notices_off(rota: Rota) -> None:
    id = rota.open(None, owner="c")
    rota.fire(0)
    rota.deliver(0)
    do(rota, updates.resolve, 1, id, None)
    assert rota.fire(1) == ["c/owner"]
    do(rota, reopening.reopen, 2, id)
    rota.fire(2)
    assert [row["kind"] for row in rota.deliveries()] == ["page"]


def test_a_handoff_leaves_responders_alone(rota: Rota) -> None:
    id = rota.open(None, owner="c")
    rota.fire(0)
    do(rota, responding.add_responders, 1, id, ["x"], False)
    hand_off(rota, id, "a", 2)
    assert [row["user_id"] for row in rota.deliveries()] == ["x"]
