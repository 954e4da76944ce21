"""What subscriptions are told, by whichever way it happens, and how it is delivered (§8)."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from incident_service.incidents import by_link
from incident_service.paging import announcing, delivery, pager
from incident_service.paging.page import EventMessage, Outcome, SubscriptionMessage, Update
from tests.helpers.monitoring import Tool, act, fire, resolved
from tests.helpers.monitoring import acknowledge as acknowledged_by_tool
from tests.helpers.plans import scans, traced
from tests.helpers.rota import FAILED
from tests.helpers.status_pages import publish
from tests.helpers.subscribed import (
    HOOK,
    LATER,
    claim,
    delivered,
    record,
    soon,
    subscribe,
    waiting,
)
from tests.helpers.world import World


def opened(world: World, **fields: Any) -> str:
    answer = world.post(world.body(**fields))
    assert answer.status_code == 201, answer.json
    return str(answer.json["data"]["id"])


def call(method: str, path: str, body: Any = ...) -> Callable[[World, str], None]:
    def made(world: World, id: str) -> None:
        answer = world.call(method, f"incidents/{id}/{path}", body)
        assert answer.status_code in (200, 201), answer.json

    return made


def by_button(**wanted: Any) -> Callable[[World, str], None]:
    def pressed(world: World, id: str) -> None:
        link = by_link.Link(world.made.org_id, id, world.made.user_id)
        assert world.database.write(
            world.made.org_id, by_link.act, link, by_link.Act(**wanted), False
        )

    return pressed


def update(body: str | None, status: str | None = None, visibility: str = "internal") -> Any:
    fields = {"visibility": visibility, "body": body, "statusChange": status}
    return call("POST", "updates", fields)


identify = call("PATCH", "status", {"status": "identified"})
resolve = call("POST", "resolve", {})

WAYS: list[tuple[str, Callable[[World, str], None], list[str]]] = [
    ("acknowledge", call("POST", "acknowledge"), ["incident_acknowledged"]),
    ("snooze", call("POST", "snooze", {"minutes": 5}), ["incident_acknowledged"]),
    ("the next status", identify, ["status_changed"]),
    ("resolve", resolve, ["incident_resolved"]),
    ("an update", update("Looking."), ["update_posted"]),
    ("an update that moves it on", update("It is the disk.", "identified"), ["status_changed"]),
    ("an update without a text", update(None, "identified"), ["status_changed"]),
    ("a button acknowledges", by_button(), ["incident_acknowledged"]),
    ("a button snoozes", by_button(minutes=5), ["incident_acknowledged"]),
    ("a button moves it on", by_button(status="identified"), ["status_changed"]),
    ("a button resolves", by_button(status="resolved"), ["incident_resolved"]),
    ("a change of its fields", lambda world, id: edit(world, id), []),
    ("unacknowledge", call("POST", "unacknowledge"), []),
]


def edit(world: World, id: str) -> None:
    assert world.call("PATCH", f"incidents/{id}", {"severity": "low"}).status_code == 200


@pytest.mark.parametrize(("way", "expected"), [each[1:] for each in WAYS], ids=[w[0] for w in WAYS])
def test_each_way_sends_one_message(
    world: World, way: Callable[[World, str], None], expected: list[str]
) -> None:
    subscribe(world)
    id = opened(world)
    assert waiting(world) == ["incident_opened"]
    way(world, id)
    assert waiting(world) == ["incident_opened", *expected]


def test_what_changes_nothing_sends_nothing(world: World) -> None:
    subscribe(world)
    id = opened(world)
    for _ in range(2):
        call("POST", "acknowledge")(world, id)
        call("POST", "snooze", {"minutes": 5})(world, id)
    for _ in range(2):
        resolve(world, id)
    assert waiting(world) == ["incident_opened", "incident_acknowledged", "incident_resolved"]


def test_reopening_changes_the_status(world: World) -> None:
    subscribe(world, "status_changed")
    id = opened(world)
    resolve(world, id)
    call("POST", "reopen")(world, id)
    (message,) = told(delivered(world))
    assert (message.event, message.before, message.after) == (
        "status_changed",
        "resolved",
        "investigating",
    )


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        (["update_posted"], "update_posted"),
        (["incident_resolved"], "incident_resolved"),
        (["update_posted", "incident_resolved"], "incident_resolved"),
        (["status_changed"], None),
    ],
)
def test_an_update_that_resolves_is_one_message(
    world: World, events: list[str], expected: str | None
) -> None:
    subscribe(world, *events)
    id = opened(world)
    identify(world, id)
    world.execute("DELETE FROM deliveries")
    call("PATCH", "status", {"status": "monitoring"})(world, id)
    world.execute("DELETE FROM deliveries")
    update("Mended.", "resolved")(world, id)
    messages = told(delivered(world))
    assert [each.event for each in messages] == ([expected] if expected else [])
    assert all(each.update is not None and each.update.body == "Mended." for each in messages)


def told(messages: list[SubscriptionMessage]) -> list[EventMessage]:
    return [each for each in messages if isinstance(each, EventMessage)]


def test_a_message_says_what_happened_and_to_what(world: World) -> None:
    id = subscribe(world)
    incident = opened(world, title="Payments fail")
    update("It is the disk.", "identified")(world, incident)
    first, second = told(delivered(world))
    row = world.call("GET", f"incidents/{incident}").json["data"]
    assert dataclasses.replace(first, id="", at="") == EventMessage(
        id="",
        org_id=world.made.org_id,
        title="Payments fail",
        description=row["description"],
        severity="critical",
        subscription_id=id,
        event="incident_opened",
        at="",
        actor=first.actor,
        incident_id=incident,
        number=1,
        status="identified",
        opened_at=row["createdAt"],
        components=(row["affectedComponents"][0]["name"],),
    )
    assert first.actor.id == world.made.user_id
    assert (second.event, second.before, second.after) == (
        "status_changed",
        "investigating",
        "identified",
    )
    assert second.update is not None
    assert second.update[1:] == ("internal", "It is the disk.")


def test_a_row_keeps_no_text_and_a_redacted_update_is_not_sent(world: World) -> None:
    subscribe(world)
    incident = opened(world)
    update("The password is word.")(world, incident)
    update("And that of Ada, too.", "identified")(world, incident)
    kept = json.dumps(world.rows("SELECT * FROM deliveries"))
    assert "password" not in kept and "Ada, too" not in kept
    for posted in world.call("GET", f"incidents/{incident}/updates").json["data"]["updates"]:
        redacted = world.call("POST", f"incidents/{incident}/updates/{posted['id']}/redact")
        assert redacted.status_code == 200
    messages = told(delivered(world))
    assert [each.event for each in messages] == ["incident_opened", "status_changed"]
    assert [each.update for each in messages] == [None, None]
    assert waiting(world) == []


def test_a_public_update_says_so(world: World) -> None:
    publish(world, componentIds=[world.made.component_id])
    subscribe(world, "update_posted")
    incident = opened(world)
    update("We are on it.", visibility="public")(world, incident)
    (message,) = told(delivered(world))
    assert message.update == Update(message.update[0] if message.update else "", "public",
                                    "We are on it.")  # fmt: skip


def test_alerts_open_acknowledge_and_resolve(world: World) -> None:
    subscribe(world)
    tool = Tool(world, name="Prometheus", resolve_after_seconds=0)
    tool.send(0, fire("disk", severity="high"))
    tool.send(1, acknowledged_by_tool("disk"))
    tool.send(2, resolved("disk"))
    messages = told(delivered(world))
    assert [each.event for each in messages] == [
        "incident_opened",
        "incident_acknowledged",
        "incident_resolved",
    ]
    assert {each.actor.name for each in messages} == {"Prometheus"}


def test_a_provisional_incident_counts_as_opened_once_it_is_confirmed(world: World) -> None:
    subscribe(world)
    rules = [
        {"severity": severity, "outcome": "provisional_page"}
        for severity in ("critical", "high", "medium", "low")
    ]
    policy = world.make("routing/policies", name="Maybe", rules=rules)["id"]
    tool = Tool(world, name="Prometheus", routing_policy_id=policy, resolve_after_seconds=0)
    for key in ("disk", "net"):
        tool.send(0, fire(key, severity="high"))
        tool.send(1, acknowledged_by_tool(key))
    tool.send(2, resolved("net"))
    assert waiting(world) == []
    disk, net = tool.incidents()
    assert (net["status"], disk["is_provisional"]) == ("resolved", 1)
    act(world, 3, "POST", f"incidents/{disk['id']}/updates", visibility="internal", body="True.")
    messages = told(delivered(world))
    assert [each.event for each in messages] == ["incident_opened", "update_posted"]
    assert messages[0].actor.name == "Prometheus"


def test_filters_hold_for_each_subscription(world: World) -> None:
    component = world.make("components", name="Search")["id"]
    schedule = world.make("oncall/schedules", name="Other", timezone="UTC")["id"]
    ids = {
        "all": subscribe(world, label="a"),
        "low": subscribe(world, severities=["low"]),
        "search": subscribe(world, componentIds=[component]),
        "other": subscribe(world, scheduleIds=[schedule]),
        "resolved": subscribe(world, "incident_resolved"),
    }
    opened(world)
    assert {name for name, id in ids.items() if waiting(world, id)} == {"all"}
    opened(world, severity="low", componentIds=[component, world.made.component_id])
    assert {name for name, id in ids.items() if waiting(world, id)} == {"all", "low", "search"}
    opened(world, ownerScheduleId=schedule, componentIds=[])
    assert {name for name, id in ids.items() if waiting(world, id)} == set(ids) - {"resolved"}


@pytest.mark.sqlite_only("how it finds rows")
def test_without_a_subscription_nothing_is_read_but_that_there_is_none(world: World) -> None:
    with traced(world) as statements:
        opened(world)
    about = [text for text in statements if "subscription" in text and "INSERT" not in text]
    assert len(about) == 1
    assert scans(world, about[0]) == []


# Delivering


def test_messages_arrive_in_order_one_at_a_time(world: World) -> None:
    ids = [subscribe(world), subscribe(world, label="other")]
    incident = opened(world)
    identify(world, incident)
    resolve(world, incident)
    first = {each.row["subscription_id"]: each for each in claim(world, soon())}
    assert set(first) == set(ids)
    assert claim(world, soon()) == []
    record(world, first[ids[0]], FAILED, soon())
    record(world, first[ids[1]], at=soon())
    (second,) = claim(world, soon())
    assert second.row["subscription_id"] == ids[1]
    (again,) = claim(world, soon(10))
    assert again.row["id"] == first[ids[0]].row["id"]
    assert waiting(world, ids[0]) == ["incident_opened", "status_changed", "incident_resolved"]


def test_an_event_is_given_up_half_an_hour_after_it_was_made(world: World) -> None:
    """So the receiver's next messages, which waited behind it, get a try each and no more."""
    subscribe(world)
    incident = opened(world)
    identify(world, incident)
    assert len(waiting(world)) == 2
    for left in (1, 0):
        (taken,) = claim(world)
        record(world, taken, FAILED)  # it is a day later
        assert len(waiting(world)) == left


def test_what_a_receiver_refuses_for_good_is_not_tried_again(world: World) -> None:
    subscribe(world)
    opened(world)
    (taken,) = claim(world)
    record(world, taken, Outcome(False, "answered with status 404", permanent=True))
    assert waiting(world) == []


def test_a_process_that_dies_leaves_the_message_to_another(world: World) -> None:
    subscribe(world)
    opened(world)
    (taken,) = claim(world, soon())
    (again,) = claim(world, soon(120))
    assert again.row["id"] == taken.row["id"]
    record(world, again, at=soon(120))
    record(world, taken, FAILED, soon(120))
    assert waiting(world) == []


def test_nothing_goes_to_a_url_that_was_changed_or_deleted(world: World) -> None:
    id = subscribe(world)
    incident = opened(world)
    identify(world, incident)
    (taken,) = claim(world, soon())
    other = "https://other.example.com/hook"
    assert world.call("PATCH", f"subscriptions/{id}", {"url": other}).status_code == 200
    record(world, taken, FAILED, soon())
    receivers = {row["receiver"] for row in world.rows("SELECT receiver FROM deliveries")}
    assert taken.row["receiver"] not in receivers and len(receivers) == 1
    (again,) = claim(world, soon(60))
    assert (taken.url, again.url) == (HOOK, other)
    assert world.call("DELETE", f"subscriptions/{id}").status_code == 204
    record(world, again, FAILED, soon())
    assert world.rows("SELECT * FROM deliveries WHERE kind = 'event'") == []


def test_a_full_queue_takes_no_more_and_says_so_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert announcing.MAX_WAITING == 200
    monkeypatch.setattr(announcing, "MAX_WAITING", 3)
    id = subscribe(world, "incident_opened")
    with caplog.at_level(logging.WARNING, "incident_service.paging"):
        for _ in range(5):
            opened(world)
    assert len(waiting(world, id)) == 3
    (said,) = [each for each in caplog.records if each.name == "incident_service.paging"]
    assert said.__dict__["subscriptionId"] == id
    assert len(delivered(world)) == 3


def test_an_event_is_in_the_log_and_on_no_trail_and_no_page(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    id = subscribe(world)
    incident = opened(world)
    trail = world.call("GET", f"incidents/{incident}").json["data"]["auditTrail"]
    (taken,) = claim(world)
    record(world, taken)
    assert world.call("GET", f"incidents/{incident}").json["data"]["auditTrail"] == trail
    assert {row["number"] for row in world.rows("SELECT number FROM page_outcomes")} == {0}
    with caplog.at_level(logging.INFO, "incident_service.paging"):
        delivery.log_outcome(taken.row, Outcome(True))
    (said,) = [each for each in caplog.records if each.name == "incident_service.paging"]
    assert said.message == "event sent"
    assert (said.__dict__["subscriptionId"], said.__dict__["incidentId"]) == (id, incident)
    assert "userId" not in said.__dict__


def test_a_late_event_is_no_late_page(world: World) -> None:
    subscribe(world, "incident_opened")
    opened(world)
    world.execute("DELETE FROM incident_timers")
    assert pager.seconds_late(world.database, LATER) == 0


def test_pages_do_not_mind_events_of_their_incident(world: World) -> None:
    """Acknowledging calls off pages, and no event."""
    subscribe(world)
    incident = opened(world)
    call("POST", "acknowledge")(world, incident)
    call("POST", "handoff", {"targetUserId": world.made.user_id})(world, incident)
    resolve(world, incident)
    assert waiting(world) == ["incident_opened", "incident_acknowledged", "incident_resolved"]
