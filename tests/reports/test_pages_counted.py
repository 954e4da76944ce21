"""Which messages are one page, as the trail marks them when they are sent (contract §12)."""

from __future__ import annotations

from typing import Any

import pytest

from incident_service.incidents import lifecycle, reopening, responding, updates
from incident_service.severity import SEVERITIES
from tests.helpers.clocks import write_at
from tests.helpers.rota import FAILED, SENT, Rota, at, hand_off


@pytest.fixture
def rota(rota: Rota) -> Rota:
    """People of whom `a` has two contact methods."""
    rota.reach("a", "phone")
    return rota


def act(rota: Rota, minutes: float, work: Any, *args: Any, **kwargs: Any) -> None:
    write_at(at(minutes), rota.world.database, work, rota.caller, *args, **kwargs)


def send(rota: Rota, minutes: float) -> None:
    rota.fire(minutes)
    rota.deliver(minutes)


def sent(rota: Rota) -> list[str]:
    """Return to whom each message of a page was sent; after a star if it is counted."""
    rows = rota.world.rows(
        """
        SELECT json_extract(details, '$.userId') AS user_id, paged_user_id FROM audit_events
        WHERE event = 'page_sent' AND json_extract(details, '$.notice') IS NULL ORDER BY id
        """
    )
    assert {row["paged_user_id"] for row in rows} <= {None, *"abcxy"}
    return [("*" if row["paged_user_id"] else "") + row["user_id"] for row in rows]


def counted(rota: Rota) -> list[str]:
    return sorted(who.strip("*") for who in sent(rota) if who.startswith("*"))


def test_one_page_goes_by_several_methods(rota: Rota) -> None:
    rota.open(None, owner="a")
    send(rota, 0)
    assert sent(rota) == ["*a", "a"]


def test_a_message_that_failed_first_is_no_page_of_its_own(rota: Rota) -> None:
    rota.open(None, owner="a")
    rota.fire(0)
    first, second = rota.claim(0)
    rota.record(0, first, FAILED)
    rota.record(0, second, SENT)
    for minutes in (1, 2, 3):
        rota.deliver(minutes)
    assert sent(rota) == ["*a", "a"]


def test_a_page_that_never_arrives_does_not_count(rota: Rota) -> None:
    rota.open(None, owner="a")
    rota.fire(0)
    for minutes in range(0, 40, 2):
        rota.deliver(minutes, FAILED)
    assert sent(rota) == []


def test_what_rules_delay_is_the_same_page(rota: Rota) -> None:
    ways = rota.world.call("GET", "users/a/contact-methods").json["data"]
    rules = [
        {"contactMethodId": way["id"], "severities": [*SEVERITIES], "delayMinutes": delay}
        for way, delay in zip(ways, (0, 45), strict=True)
    ]
    answer = rota.world.call("PUT", "users/a/notification-rules", {"rules": rules})
    assert answer.status_code == 200
    rota.open(None, owner="a")
    for minutes in (0, 44, 45):
        send(rota, minutes)
    assert sent(rota) == ["*a", "a"]


def test_an_owner_whom_a_layer_pages_at_the_same_moment_is_paged_once(rota: Rota) -> None:
    rota.open(rota.policy(["a", "b"]), owner="a")
    send(rota, 0)
    assert counted(rota) == ["a", "b"]


def test_each_layer_and_each_round_is_a_page_of_its_own(rota: Rota) -> None:
    policy = rota.policy(["a"], ["a"])
    rota.world.call("PATCH", f"escalation/policies/{policy}", {"repeat": 1})
    rota.open(policy)
    for minutes in range(0, 25, 5):
        send(rota, minutes)
    assert counted(rota) == ["a"] * 4


def test_whoever_gets_an_incident_back_is_paged_again(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    send(rota, 0)
    hand_off(rota, id, "b", 1)
    send(rota, 1)
    hand_off(rota, id, "a", 2)
    send(rota, 2)
    assert counted(rota) == ["a", "a", "b"]


def test_so_is_whoever_snoozed_it_and_whoever_owned_it_when_it_is_reopened(rota: Rota) -> None:
    id = rota.open(None, owner="a")
    send(rota, 0)
    act(rota, 1, responding.snooze, id, 5)
    send(rota, 6)
    act(rota, 7, updates.resolve, id, None)
    send(rota, 8)
    act(rota, 9, reopening.reopen, id)
    send(rota, 9)
    assert counted(rota) == ["a"] * 3


def test_asking_for_help_is_a_page_and_a_notice_is_none(rota: Rota) -> None:
    id = rota.open(None, owner="b")
    send(rota, 0)
    act(rota, 1, responding.add_responders, id, ["a"], by_email=False)
    send(rota, 1)
    act(rota, 2, lifecycle.acknowledge, id)
    send(rota, 2)
    assert counted(rota) == ["a", "b"]


def test_the_last_resort_pages_each_admin_once(rota: Rota) -> None:
    rota.world.call("PATCH", "users/a", {"role": "org:admin"})
    rota.open(rota.policy(["y"]))
    send(rota, 0)
    assert counted(rota) == ["a"]


def test_a_page_knows_the_schedule_of_its_incident(rota: Rota) -> None:
    body = rota.world.body(ownerScheduleId=rota.schedule, ownerId="a", componentIds=[])
    assert rota.world.post(body).status_code == 201
    rota.world.execute("UPDATE incidents SET created_at = ?", "2025-04-02T10:00:00.000Z")
    minutes = 60 * 24 * 366 * 80.0  # it opened by the machine's clock
    rota.fire(minutes)
    rota.deliver(minutes)
    rows = rota.world.rows("SELECT * FROM audit_events WHERE paged_user_id IS NOT NULL")
    assert {row["paged_schedule_id"] for row in rows} == {rota.schedule}
