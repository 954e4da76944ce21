"""Pages by notification rules, at chosen instants: at once, later, or not at all (§8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from incident_service.alerts import notify
from incident_service.clock import format_instant
from incident_service.incidents import (
    by_link,
    lifecycle,
    offboarding,
    reopening,
    responding,
    updates,
)
from incident_service.paging import escalation, firing, pager
from incident_service.severity import SEVERITIES
from incident_service.store import deliveries, incidents
from tests.helpers.clocks import write_at
from tests.helpers.monitoring import Tool, after, fire, resolved
from tests.helpers.rota import FAILED, SENT, Rota, at, hand_off

EVERY: list[str] = [*SEVERITIES]


def rule(id: str | None, delay: int = 0, severities: list[str] = EVERY) -> dict[str, Any]:
    return {"contactMethodId": id, "severities": severities, "delayMinutes": delay}


class Ben:
    """Somebody with a chat that is told at once, and a phone that rings later."""

    def __init__(self, rota: Rota) -> None:
        self.rota = rota
        (chat,) = rota.world.call("GET", "users/b/contact-methods").json["data"]
        self.chat = chat["id"]
        self.phone = rota.reach("b", "phone")
        self.wants(rule(self.chat), rule(self.phone, 5))

    def wants(self, *rules: dict[str, Any], **more: Any) -> None:
        answer = self.rota.world.call(
            "PUT", "users/b/notification-rules", {"rules": [*rules], **more}
        )
        assert answer.status_code == 200, answer.json

    def gets(self, minutes: float) -> list[str]:
        """Let all that is due be fired and sent; return what reaches him, in order."""
        self.rota.fire(minutes)
        taken = self.rota.claim(minutes)
        names = {self.chat: "chat", self.phone: "phone"}
        for one in taken:
            self.rota.record(minutes, one, SENT)
        to_ben = [one.row for one in taken if one.row["user_id"] == "b"]
        return [
            names[row["contact_method_id"]] + ("" if row["kind"] == "page" else f" {row['kind']}")
            for row in to_ben
        ]

    def do(self, minutes: float, work: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        write_at(at(minutes), self.rota.world.database, work, self.rota.caller, *args, **kwargs)


@pytest.fixture
def ben(rota: Rota) -> Ben:
    return Ben(rota)


def test_rules_say_by_what_and_when(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    assert ben.gets(4.99) == []
    assert pager.seconds_late(rota.world.database, at(4.99)) == 0
    assert pager.seconds_late(rota.world.database, at(6)) == 60
    assert ben.gets(5) == ["phone"]
    assert rota.deliveries() == []
    page = {"userId": "b", "layer": None, "attempt": 1, "madeAt": format_instant(at(0))}
    assert rota.trail(id)[1:] == [
        ("page_sent", {**page, "contactMethodId": ben.chat}),
        ("page_sent", {**page, "contactMethodId": ben.phone, "delayMinutes": 5}),
    ]


def test_rules_go_by_severity(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.chat, severities=["low"]), rule(ben.phone, 0, EVERY[:3]))
    rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    id = rota.open(None, owner="b")
    ben.do(0, lifecycle.edit, id, {"severity": "high"})
    assert ben.gets(0) == ["phone"]


def test_a_new_contact_method_counts_at_once_without_rules(rota: Rota) -> None:
    rota.open(rota.policy(["a"], ["a"]))
    assert rota.fire(0) == ["a/1"]
    rota.deliver(0)
    rota.reach("a", "phone")
    assert rota.fire(5) == ["a/2", "a/2"]


@pytest.mark.parametrize("minutes", [0, 2], ids=["before the first", "after the first"])
@pytest.mark.parametrize("name", ["acknowledge", "snooze", "resolve", "link", "handoff", "deleted"])
def test_what_calls_a_delayed_page_off(ben: Ben, rota: Rota, name: str, minutes: float) -> None:
    id = rota.open(None, owner="b")
    rota.fire(0)
    if minutes:
        assert ben.gets(0) == ["chat"]
    if name == "acknowledge":
        ben.do(minutes, lifecycle.acknowledge, id)
    elif name == "snooze":
        ben.do(minutes, responding.snooze, id, 60)
    elif name == "resolve":
        ben.do(minutes, updates.resolve, id, None)
    elif name == "handoff":
        hand_off(rota, id, "c", minutes)
    elif name == "deleted":
        ben.do(minutes, offboarding.delete_user, "b")
    else:
        link = by_link.Link(rota.caller.org_id, id, "a")
        database = rota.world.database
        write_at(at(minutes), database, by_link.act, link, by_link.Act(), by_email=False)
    assert [row for row in rota.deliveries() if row["user_id"] == "b"] == []
    assert "phone" not in ben.gets(5)


def test_a_page_of_a_layer_stays_when_the_incident_is_handed_off(ben: Ben, rota: Rota) -> None:
    id = rota.open(rota.policy(["b"], minutes=60))
    assert ben.gets(0) == ["chat"]
    hand_off(rota, id, "c", 1)
    assert ben.gets(5) == ["phone"]


def test_so_does_the_page_of_an_owner_whom_a_layer_pages_too(ben: Ben, rota: Rota) -> None:
    id = rota.open(rota.policy(["b"], minutes=60), owner="b")
    assert rota.fire(0) == ["b/1", "b/1"]
    assert rota.deliver(0, FAILED) == 1
    hand_off(rota, id, "c", 1)
    assert sorted(ben.gets(5)) == ["chat", "phone"]


def test_so_does_one_that_waits_when_the_layer_fires(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone), rule(ben.phone, 5))
    id = rota.open(rota.policy(["a"], ["b"]), owner="b")
    assert rota.fire(0) == ["b/owner", "b/owner", "a/1"]
    assert ben.gets(0) == ["phone"]
    assert rota.fire(5) == ["b/2"]
    hand_off(rota, id, "c", 5)
    assert ben.gets(5) == ["phone"]


def test_what_was_called_off_stays_so_when_the_acknowledgement_ends(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    ben.do(1, lifecycle.acknowledge, id)
    ben.do(2, responding.unacknowledge, id)
    assert ben.gets(60) == []


def test_the_end_of_a_snooze_pages_by_the_rules_again(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    ben.do(1, responding.snooze, id, 5)
    assert ben.gets(6) == ["chat"]
    assert ben.gets(10.99) == []
    assert ben.gets(11) == ["phone"]


def test_a_reopened_incident_pages_anew(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    ben.do(1, updates.resolve, id, None)
    ben.do(2, reopening.reopen, id)
    assert ben.gets(2) == ["chat"]
    assert ben.gets(6.99) == []
    assert ben.gets(7) == ["phone"]


@pytest.mark.parametrize("change", ["rules", "severity", "method", "default"])
def test_rules_decide_again_when_a_delayed_page_falls_due(
    ben: Ben, rota: Rota, change: str
) -> None:
    """What they do not name any more is dropped, and nobody hears of it."""
    ben.wants(rule(ben.chat), rule(ben.phone, 5, ["low"]))
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    if change == "rules":
        ben.wants(rule(ben.chat), rule(ben.phone, 5, ["high"]))
    elif change == "severity":
        ben.do(1, lifecycle.edit, id, {"severity": "high"})
    elif change == "method":
        rota.world.call("DELETE", f"users/b/contact-methods/{ben.phone}")
    else:  # every method is named again
        rota.world.call("DELETE", "users/b/notification-rules")
    before = len(rota.trail(id))
    assert ben.gets(5) == (["phone"] if change == "default" else [])
    assert rota.deliveries() == []
    assert len(rota.trail(id)) == before + (change == "default")


def test_who_got_nothing_is_paged_by_the_rules_as_they_are_now(ben: Ben, rota: Rota) -> None:
    """The page that was to come is dropped, but not the user."""
    ben.wants(rule(ben.phone, 5))
    rota.open(rota.policy(["b"]))
    assert ben.gets(0) == []
    ben.wants(rule(ben.chat))
    assert rota.claim(5) == []
    (waiting,) = rota.deliveries()
    assert (waiting["layer_position"], waiting["due_at"]) == (1, format_instant(at(5)))
    assert ben.gets(5)[:1] == ["chat"]


def test_who_got_nothing_waits_no_longer_than_the_rules_say_now(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 5), rule(ben.phone, 60), rule(None, 5))
    rota.open(None, owner="b")
    assert rota.fire(0) == ["b/owner"] * 2
    ben.wants(rule(ben.chat, 8), rule(None))
    assert [ben.gets(minutes) for minutes in (5, 7.99, 8, 60)] == [[], [], ["chat"], []]
    assert rota.deliveries() == []


def test_who_got_nothing_gets_one_page_for_all_that_is_dropped(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 5), rule(rota.reach("b", "pager"), 5))
    rota.open(None, owner="b")
    rota.fire(0)
    ben.wants(rule(ben.chat))
    assert rota.claim(5) == []
    assert ben.gets(5) == ["chat"]
    assert rota.deliveries() == []


def test_a_page_of_an_earlier_round_does_not_count_for_a_later_one(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 5))
    id = rota.open(None, owner="b")
    assert [ben.gets(0), ben.gets(5)] == [[], ["phone"]]
    ben.do(6, responding.snooze, id, 5)
    assert ben.gets(11) == []
    ben.wants(rule(ben.chat))
    assert rota.claim(16) == []
    assert ben.gets(16) == ["chat"]


def test_who_got_nothing_is_paged_at_once_when_the_severity_rises(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 60, ["low"]), rule(ben.chat, severities=EVERY[:3]))
    id = rota.open(rota.policy(["b"], minutes=90))
    assert ben.gets(0) == []
    ben.do(1, lifecycle.edit, id, {"severity": "critical"})
    assert [row["layer_position"] for row in rota.deliveries()] == [1, 1]
    assert ben.gets(1) == ["chat"]
    assert ben.gets(60) == []


def test_a_worse_severity_shortens_a_delay(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 30, ["low"]), rule(ben.phone, 2, EVERY[:3]))
    id = rota.open(None, owner="b")
    rota.fire(0)
    ben.do(1, lifecycle.edit, id, {"severity": "high"})
    assert [ben.gets(minutes) for minutes in (1, 1.99, 2)] == [[], [], ["phone"]]


def test_who_got_something_waits_for_the_rest_when_the_severity_rises(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    ben.wants(rule(ben.chat), rule(ben.phone, 5, ["low"]), rule(ben.phone, 0, EVERY[:3]))
    ben.do(1, lifecycle.edit, id, {"severity": "critical"})
    assert ben.gets(1) == []
    assert ben.gets(5) == ["phone"]


def test_a_lower_severity_hastens_nothing(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 5, EVERY[:2]), rule(ben.chat, severities=EVERY[2:]))
    id = rota.open(None, owner="b")
    ben.do(0, lifecycle.edit, id, {"severity": "high"})
    rota.fire(0)
    ben.do(1, lifecycle.edit, id, {"severity": "low"})
    assert ben.gets(1) == []
    ben.gets(5)
    assert ben.gets(5) == ["chat"]


def test_the_same_method_may_be_used_again_later(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone), rule(ben.phone, 5), rule(ben.phone, 5, ["low"]), rule(ben.phone, 7))
    rota.open(None, owner="b")
    assert [ben.gets(minutes) for minutes in (0, 5, 6, 7)] == [["phone"], ["phone"], [], ["phone"]]


def test_a_later_layer_pages_whom_a_delayed_page_waits_for(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 20))
    rota.open(rota.policy(["b"], ["b"]))
    assert rota.fire(0) == ["b/1"]
    assert rota.fire(5) == ["b/2"]
    assert [ben.gets(minutes) for minutes in (19, 20, 24, 25)] == [[], ["phone"], [], ["phone"]]


def test_who_is_due_twice_at_the_same_moment_gets_one_page_a_method(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.chat), rule(ben.chat, 5), rule(ben.phone, 10))
    rota.open(rota.policy(["b"], ["b"]), owner="b")
    assert rota.fire(0) == ["b/1"] * 3
    assert ben.gets(0) == ["chat"]
    assert ben.gets(5.01) == ["chat"]  # by the rule's delay, and by the second layer
    assert sorted(ben.gets(10)) == ["chat", "phone"]
    assert ben.gets(15) == ["phone"]


def test_what_fell_due_while_nothing_ran_is_one_page_a_method(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.chat), rule(ben.chat, 5), rule(ben.phone, 10), rule(ben.phone, 60))
    rota.open(rota.policy(["b"], ["b"]))
    assert ben.gets(30) == ["chat", "phone"]
    assert ben.gets(59) == []
    assert ben.gets(60) == ["phone"]
    assert ben.gets(65) == ["phone"]  # the second layer's


def test_a_delayed_page_that_fails_is_tried_again_until_somebody_acknowledges(
    ben: Ben, rota: Rota
) -> None:
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    assert rota.deliver(5, FAILED) == 1
    assert rota.trail(id)[-1][1]["delayMinutes"] == 5
    assert rota.deliver(6, FAILED) == 1
    ben.do(7, lifecycle.acknowledge, id)
    assert rota.deliveries() == []


def test_nobody_is_forgotten_when_mail_can_no_longer_be_sent(ben: Ben, rota: Rota) -> None:
    org_id = rota.caller.org_id
    ben.wants(rule(ben.phone))
    rota.world.execute(
        "UPDATE notification_rules SET contact_method_id = NULL, delay_minutes = 5 "
        "WHERE org_id = ?",
        org_id,
    )
    rota.open(None, owner="b")
    rota.fire(0, by_email=True)
    (waiting,) = rota.deliveries()
    assert (waiting["contact_method_id"], waiting["delay_minutes"]) == (None, 5)
    assert len(rota.claim(5)) == 1
    rota.open(None, owner="b")
    rota.fire(0)
    assert sorted(ben.gets(0)) == ["chat", "phone"]


def test_a_delayed_page_is_not_on_its_way_yet(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="b")
    ben.wants(rule(ben.phone, 5))
    rota.fire(0)
    with rota.world.database.read() as db:
        assert deliveries.user_ids(db, rota.caller.org_id, id, limit=9) == []
    rota.claim(5)
    with rota.world.database.read() as db:
        assert deliveries.user_ids(db, rota.caller.org_id, id, limit=9) == ["b"]


def ask_for_help(ben: Ben, id: str, minutes: float) -> None:
    ben.do(minutes, responding.add_responders, id, ["b"], by_email=False)


def test_a_page_for_help_follows_the_rules(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.fire(0)
    ask_for_help(ben, id, 1)
    assert ben.gets(1) == ["chat help"]
    assert ben.gets(6) == ["phone help"]


def test_who_is_asked_to_help_is_not_left_out_for_an_acknowledgement(ben: Ben, rota: Rota) -> None:
    """What is at once leaves all the same, and if nothing is at once, everything is."""
    first = rota.open(None, owner="a")
    rota.fire(0)
    ask_for_help(ben, first, 1)
    ben.do(1, lifecycle.acknowledge, first)
    assert ben.gets(1) == ["chat help"]
    assert ben.gets(6) == []
    ben.wants(rule(ben.phone, 5), rule(ben.phone, 10))
    second = rota.open(None, owner="a")
    rota.fire(1)
    ask_for_help(ben, second, 2)
    ben.do(2, lifecycle.acknowledge, second)
    assert ben.gets(2) == ["phone help"]


def test_an_owner_who_is_called_again_is_paged_at_once(ben: Ben, rota: Rota) -> None:
    """Nothing delayed would be sent about an acknowledged incident."""
    ben.wants(rule(ben.phone, 5))
    id = rota.open(None, owner="b")
    rota.fire(0)
    ben.do(1, lifecycle.acknowledge, id)

    def call_owner(db: Any, *, now: Any) -> None:
        incident = incidents.get(db, rota.caller.org_id, id)
        assert incident is not None
        escalation.call_owner(db, incident, now=now)

    write_at(at(2), rota.world.database, call_owner)
    assert ben.gets(2) == ["phone"]


def test_a_notice_of_an_acknowledgement_goes_by_what_has_no_delay(ben: Ben, rota: Rota) -> None:
    id = rota.open(None, owner="a")
    rota.deliver(0)
    hand_off(rota, id, "b", 1)
    assert ben.gets(1) == ["chat"]
    ben.do(2, lifecycle.acknowledge, id)
    assert ben.gets(2) == ["chat acknowledged"]
    ben.wants(rule(ben.phone, 5), rule(ben.chat, 10))
    hand_off(rota, id, "b", 3)
    ben.do(4, lifecycle.acknowledge, id)
    assert ben.gets(4) == ["phone acknowledged", "chat acknowledged"]


@pytest.mark.parametrize(
    ("minutes", "told"), [(1, ["chat resolved"]), (6, ["chat resolved", "phone resolved"])]
)
def test_a_notice_of_resolution_goes_by_what_took_a_page(
    ben: Ben, rota: Rota, minutes: float, told: list[str]
) -> None:
    id = rota.open(None, owner="b")
    ben.gets(0)
    ben.gets(minutes)
    ben.do(minutes, updates.resolve, id, None)
    assert ben.gets(minutes) == told


def test_a_notice_of_resolution_finds_another_way_if_the_first_is_gone(
    ben: Ben, rota: Rota
) -> None:
    ben.wants(rule(ben.phone))
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["phone"]
    ben.wants(rule(ben.chat, 5))
    rota.world.call("DELETE", f"users/b/contact-methods/{ben.phone}")
    ben.do(1, updates.resolve, id, None)
    assert ben.gets(1) == ["chat resolved"]


def test_who_wants_no_notice_of_resolution_gets_none(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.chat), resolvedNotice=False)
    id = rota.open(None, owner="b")
    assert ben.gets(0) == ["chat"]
    ben.do(1, updates.resolve, id, None)
    assert ben.gets(1) == []


@pytest.mark.parametrize("ends", [False, True])
def test_messages_about_alerts_follow_the_rules(ben: Ben, rota: Rota, ends: bool) -> None:
    tool = Tool(rota.world, name="Tool")
    policy = {"defaultEscalationPolicyId": rota.policy(["b"])}
    assert rota.world.call("PATCH", "organization", policy).status_code == 200
    tool.send(0, fire("disk", severity="low"))
    (alert,) = tool.alerts()
    task = {"org_id": rota.caller.org_id, "kind": "notify", "subject_id": alert["id"]}
    write_at(after(0), rota.world.database, notify.notify, task, by_email=False)
    found = rota.deliveries()
    assert [(row["contact_method_id"], row["delay_minutes"]) for row in found] == [
        (ben.chat, 0),
        (ben.phone, 5),
    ]
    assert [row["due_at"] for row in found] == [format_instant(after(s)) for s in (0, 300)]
    assert ben.gets(0) == ["chat alert"]
    if ends:
        tool.send(60, resolved("disk"))
    assert ben.gets(5) == ([] if ends else ["phone alert"])
    assert rota.deliveries() == []


def test_a_layer_that_only_later_methods_reach_is_not_passed_over(ben: Ben, rota: Rota) -> None:
    ben.wants(rule(ben.phone, 60))
    id = rota.open(rota.policy(["b"]))
    assert rota.fire(0) == ["b/1"]
    write_at(at(1), rota.world.database, firing.fire_due, [rota.caller.org_id], by_email=False)
    assert [event for event, _ in rota.trail(id)] == ["incident_opened", "layer_escalated"]
