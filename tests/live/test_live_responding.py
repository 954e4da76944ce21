"""Snoozes, repeats and notices of resolution, with real processes and kills (contract §3, §8)."""

from __future__ import annotations

import random
import signal
from collections import Counter
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from incident_service.database.file import Connection
from incident_service.incidents import responding, updates
from incident_service.paging.fairness import Limits
from tests.helpers.pagers import bodies, paging, wait_for
from tests.helpers.place import Place
from tests.helpers.receivers import Receiver, receiving

EACH = 40
"""Incidents of each kind."""

KILLS = 3


def repeat(place: Place, policy_id: str) -> None:
    """Let the policy start again once."""
    place.database.write(
        lambda db, **_: db.execute(
            "UPDATE escalation_policies SET repeat = 1 WHERE id = ?", (policy_id,)
        )
    )


def snooze(place: Place, ids: list[str]) -> None:
    def snooze_all(db: Connection, *, now: datetime) -> None:
        for id in ids:
            responding.snooze(db, place.caller, id, 5, now=now)

    place.database.write(snooze_all)


def resolve(place: Place, ids: list[str]) -> None:
    def resolve_all(db: Connection, *, now: datetime) -> None:
        for id in ids:
            updates.resolve(db, place.caller, id, None, now=now)

    place.database.write(resolve_all)


def through_kills(place: Place) -> None:
    """Let four processes do all that is due, and kill some of them meanwhile."""
    with ExitStack() as stack:
        processes = [stack.enter_context(paging(place)) for _ in range(4)]
        total = waiting(place)
        for n in range(1, KILLS + 1):
            most = total - total * n // (KILLS + 1)
            wait_for(lambda most=most: waiting(place) <= most, 60)  # type: ignore[misc]
            killed = processes.pop(random.randrange(4))
            killed.send_signal(signal.SIGKILL)
            killed.wait(10)
            processes.append(stack.enter_context(paging(place)))
        wait_for(lambda: waiting(place) == 0, 60)
        place.database.write(end_claims)
        wait_for(lambda: place.count("deliveries") == 0, 60)


def waiting(place: Place) -> int:
    return place.count("incident_timers", "due_at <= strftime('%Y-%m-%dT%H:%M:%fZ')")


def end_claims(db: Connection, **_: object) -> None:
    db.execute("UPDATE deliveries SET due_at = created_at")


def test_four_processes_and_kills_in_the_middle_do_each_once(tmp_path: Path) -> None:
    with receiving() as receiver:
        place = Place(tmp_path / "responding.db")
        ada = place.user("ada", receiver.url("http"))
        policy_id = place.policy([ada])
        repeat(place, policy_id)
        snoozed = place.open(EACH, owner_id=ada)
        repeated = place.open(EACH, escalation_policy_id=policy_id)
        through_kills(place)
        assert_sent(receiver, 2 * EACH, KILLS)  # everybody was paged once

        snooze(place, snoozed)
        place.let_a_minute_pass()
        through_kills(place)
        assert place.events("incident_unacknowledged") == dict.fromkeys(snoozed, 1)
        assert place.events("layer_escalated") == dict.fromkeys(repeated, 2)
        assert_sent(receiver, 4 * EACH, 2 * KILLS)
        place.let_a_minute_pass()
        through_kills(place)
        assert place.events("escalation_exhausted") == dict.fromkeys(repeated, 1)
        assert_sent(receiver, 4 * EACH, 3 * KILLS)

        resolve(place, [*snoozed, *repeated])
        through_kills(place)
        told = {body["id"]: body for body in bodies(receiver) if body["type"] == "notice"}
        by_incident = Counter(body["incident"]["id"] for body in told.values())
        assert by_incident == dict.fromkeys([*snoozed, *repeated], 1)
        assert_sent(receiver, 6 * EACH, 4 * KILLS)


def assert_sent(receiver: Receiver, number: int, kills: int) -> None:
    """Each message was sent once; those of a process that was killed, at most twice."""
    sent = Counter(body["id"] for body in bodies(receiver))
    assert len(sent) == number
    assert sent.total() - number <= kills * Limits().receiver
