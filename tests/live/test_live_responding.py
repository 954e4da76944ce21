"""Snoozes, repeats, delayed pages and notices of resolution, with real processes and kills."""

from __future__ import annotations

import random
import signal
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from incident_service import clock
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.incidents import lifecycle, responding, updates
from incident_service.paging import notification_rules
from incident_service.paging.fairness import Limits
from incident_service.severity import SEVERITIES
from tests.helpers.pagers import bodies, end, paging
from tests.helpers.place import Place
from tests.helpers.receivers import Receiver, receiving
from tests.helpers.waiting import wait_for

EACH = 30
"""Incidents of each kind."""

KILLS = 1


def delay(place: Place, user_id: str) -> None:
    """Let pages reach the user by their only contact method later, and once more."""
    (method,) = place.rows(f"SELECT id FROM contact_methods WHERE user_id = '{user_id}'")
    rules = [
        {"contact_method_id": method["id"], "severities": [*SEVERITIES], "delay_minutes": minutes}
        for minutes in (30, 60)
    ]
    wanted = {"rules": rules, "resolved_notice": False}
    place.database.write(
        place.caller.org_id,
        notification_rules.replace,
        place.caller,
        user_id,
        wanted,
        by_email=False,
    )


def repeat(place: Place, policy_id: str) -> None:
    """Let the policy start again once."""
    place.database.write(
        None,
        lambda db, **_: db.execute(
            "UPDATE escalation_policies SET repeat = 1 WHERE id = ?", (policy_id,)
        ),
    )


def snooze(place: Place, ids: list[str]) -> None:
    def snooze_all(db: Connection, *, now: datetime) -> None:
        for id in ids:
            responding.snooze(db, place.caller, id, 5, now=now)

    place.database.write(place.made.org_id, snooze_all)


def acknowledge(place: Place, ids: list[str]) -> None:
    def acknowledge_all(db: Connection, *, now: datetime) -> None:
        for id in ids:
            lifecycle.acknowledge(db, place.caller, id, now=now)

    place.database.write(place.made.org_id, acknowledge_all)


def resolve(place: Place, ids: list[str]) -> None:
    def resolve_all(db: Connection, *, now: datetime) -> None:
        for id in ids:
            updates.resolve(db, place.caller, id, None, now=now)

    place.database.write(place.made.org_id, resolve_all)


def through_kills(place: Place) -> None:
    """Let three processes do all that is due, and kill one of them meanwhile."""
    with ExitStack() as stack:
        processes = [stack.enter_context(paging(place)) for _ in range(3)]
        total = waiting(place)
        for n in range(1, KILLS + 1):
            most = total - total * n // (KILLS + 1)
            wait_for(lambda most=most: waiting(place) <= most)  # type: ignore[misc]
            killed = processes.pop(random.randrange(3))
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            processes.append(stack.enter_context(paging(place)))
        wait_for(lambda: waiting(place) == 0)
        end(processes)
        place.database.write(None, end_claims)
        stack.enter_context(paging(place))
        wait_for(lambda: place.count("deliveries", f"attempts > 0 OR {due()}") == 0)


def due() -> str:
    """Return the condition for what is due by now."""
    return f"due_at <= '{format_instant(clock.now())}'"


def waiting(place: Place) -> int:
    """Return how much that is due was not fired, or not tried."""
    return place.count("incident_timers", due()) + place.count(
        "deliveries", f"attempts = 0 AND {due()}"
    )


def end_claims(db: Connection, **_: object) -> None:
    db.execute("UPDATE deliveries SET due_at = created_at WHERE attempts > 0")


def test_three_processes_and_kills_in_the_middle_do_each_once(tmp_path: Path) -> None:
    with receiving() as receiver:
        place = Place(tmp_path / "responding.db")
        ada = place.user("ada", receiver.url("http"))
        ben = place.user("ben", receiver.url("http"))
        delay(place, ben)
        policy_id = place.policy([ada])
        repeat(place, policy_id)
        snoozed = place.open(EACH, owner_id=ada)
        repeated = place.open(EACH, escalation_policy_id=policy_id)
        delayed = place.open(EACH, owner_id=ben)
        called_off = place.open(EACH, owner_id=ben)
        through_kills(place)
        assert_sent(receiver, 2 * EACH, KILLS)  # everybody was paged once who is paged at once

        snooze(place, snoozed)
        acknowledge(place, called_off)
        place.let_a_minute_pass()
        through_kills(place)
        assert place.events("incident_unacknowledged") == dict.fromkeys(snoozed, 1)
        assert place.events("layer_escalated") == dict.fromkeys(repeated, 2)
        by_incident = Counter(body["incident"]["id"] for body in messages(receiver, "ben"))
        assert by_incident == dict.fromkeys(delayed, 2)
        assert_sent(receiver, 6 * EACH, 2 * KILLS)
        place.let_a_minute_pass()
        through_kills(place)
        assert place.events("escalation_exhausted") == dict.fromkeys(repeated, 1)
        assert_sent(receiver, 6 * EACH, 3 * KILLS)

        resolve(place, [*snoozed, *repeated])
        through_kills(place)
        told = [body for body in messages(receiver, "ada") if body["type"] == "notice"]
        by_incident = Counter(body["incident"]["id"] for body in told)
        assert by_incident == dict.fromkeys([*snoozed, *repeated], 1)
        assert_sent(receiver, 8 * EACH, 4 * KILLS)


def messages(receiver: Receiver, user_id: str) -> list[dict[str, Any]]:
    """Return the messages to a user, each once however often it was sent."""
    found = {body["id"]: body for body in bodies(receiver) if body["user"]["id"] == user_id}
    return [*found.values()]


def assert_sent(receiver: Receiver, number: int, kills: int) -> None:
    """Each message was sent once; those of a process that was killed, at most twice."""
    sent = Counter(body["id"] for body in bodies(receiver))
    assert len(sent) == number
    assert sent.total() - number <= kills * Limits().receiver
