"""What the service does by itself for alerts, with real processes (contract §8 and §10)."""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from incident_service import clock
from incident_service.alerts import intake, integrations
from incident_service.alerts.incoming import incoming_alert
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.paging.fairness import Limits
from incident_service.store import Row, tasks
from incident_service.store import integrations as rows
from tests.helpers.pagers import bodies, end, paging
from tests.helpers.place import SCHEMES, Place
from tests.helpers.receivers import Receiver, receiving
from tests.helpers.servers import running
from tests.helpers.waiting import wait_for

TOOLS = 15
EACH = 20
"""Messages that one tool may send within five minutes."""

JOBS = 100


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "duties.db")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def make_integration(place: Place, name: str, **values: Any) -> Row:
    """Make an integration; return it with its token."""
    given = {"name": name, **values}
    return place.database.write(
        place.made.org_id, integrations.create, org_id=place.made.org_id, values=given
    )


def make_job(place: Place, name: str) -> Row:
    return make_integration(place, name, kind="heartbeat", every_seconds=60, grace_seconds=0)


def let_hours_pass(place: Place, *, is_service_up: bool = True) -> None:
    """Let what is due within hours be due now, whether the service was up meanwhile or not."""

    def set_back(db: Connection, *, now: datetime) -> None:
        past = format_instant(now - timedelta(hours=3))
        db.execute("UPDATE tasks SET due_at = ? WHERE due_at > ?", (past, past))
        db.execute("UPDATE paging_presence SET present_since = ?", (past,))
        if not is_service_up:
            db.execute("UPDATE paging_presence SET seen_at = ?", (past,))

    place.database.write(None, set_back)


def fill(place: Place) -> None:
    """Let many messages and missed heartbeats be due."""
    for n in range(TOOLS):
        tool = make_integration(place, f"Tool {n}", kind="generic")

        def send(db: Connection, *, now: datetime, tool: Row = tool) -> None:
            integration = rows.get(db, place.made.org_id, tool["id"])
            assert integration is not None
            fired = [incoming_alert("fire", f"{k}", f"{k}", severity="low") for k in range(EACH)]
            intake.take_in(db, integration, fired, now=now)

        place.database.write(None, send)
    jobs = [make_job(place, f"Job {n}") for n in range(JOBS)]

    def expect(db: Connection, *, now: datetime) -> None:
        at = format_instant(now)
        for job in jobs:
            tasks.put(db, place.made.org_id, "miss_heartbeat", job["id"], due_at=at)
        past = format_instant(now - timedelta(hours=3))
        db.execute("UPDATE paging_presence SET seen_at = ?, present_since = ?", (at, past))

    place.database.write(None, expect)


def test_four_processes_and_kills_in_the_middle_do_each_task_once(
    place: Place, receiver: Receiver
) -> None:
    ada = place.user("ada", receiver.url("http"))
    policy_id = place.policy([ada])
    place.database.write(
        None,
        lambda db, **_: db.execute(
            "UPDATE organizations SET default_escalation_policy_id = ?", (policy_id,)
        ),
    )
    fill(place)
    assert place.count("tasks") == TOOLS * EACH + JOBS
    kills = 0
    with ExitStack() as stack:
        processes = [stack.enter_context(paging(place)) for _ in range(4)]
        for remaining in (350, 250, 100):
            wait_for(lambda most=remaining: place.count("tasks") <= most)  # type: ignore[misc]
            killed = processes.pop(random.randrange(4))
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            kills += 1
            processes.append(stack.enter_context(paging(place)))
        wait_for(lambda: place.count("tasks") == 0)
        end(processes)
        place.let_a_minute_pass()  # the claims of those who were killed end
        stack.enter_context(paging(place))
        wait_for(lambda: place.count("deliveries") == 0)
    missed = place.rows("SELECT * FROM alerts WHERE title LIKE 'No sign of life from %'")
    assert len({alert["integration_id"] for alert in missed}) == len(missed) == JOBS
    assert {alert["count"] for alert in missed} == {1}
    assert place.events("incident_opened") == dict.fromkeys(
        (alert["incident_id"] for alert in missed), 1
    )
    told = [body for body in bodies(receiver) if body["type"] == "alert"]
    by_alert = Counter(body["alert"]["id"] for body in told)
    assert len(by_alert) == TOOLS * EACH
    assert len({body["id"] for body in told}) == TOOLS * EACH
    assert by_alert.total() - TOOLS * EACH <= kills * Limits().receiver


def test_a_job_from_its_first_sign_to_its_return(place: Place) -> None:
    job = make_job(place, "Backup")

    def statuses() -> list[str]:
        return [row["status"] for row in place.rows("SELECT status FROM alerts")]

    with running(place.path, environment=SCHEMES) as server:

        def sign(method: str = "GET") -> None:
            url = f"http://127.0.0.1:{server.port}/in/{job['token']}"
            with urlopen(Request(url, method=method)) as answer:
                assert answer.status == 202

        wait_for(lambda: place.count("paging_presence", "seen_at IS NOT NULL") == 1)
        assert place.count("tasks") == 0
        sign()
        (task,) = place.rows("SELECT kind, subject_id FROM tasks")
        assert task == {"kind": "miss_heartbeat", "subject_id": job["id"]}
        let_hours_pass(place)
        wait_for(statuses)
        assert statuses() == ["firing"]
        sign("POST")
        assert statuses() == ["resolved"]
        sign("HEAD")
        assert place.count("tasks", "kind = 'miss_heartbeat'") == 1


def test_a_job_is_not_missed_because_the_service_was_down(place: Place) -> None:
    job = make_job(place, "Backup")
    at = format_instant(clock.now())

    def expect(db: Connection, **_: object) -> None:
        tasks.put(db, place.made.org_id, "miss_heartbeat", job["id"], due_at=at)

    place.database.write(None, expect)
    let_hours_pass(place, is_service_up=False)
    with paging(place):
        wait_for(lambda: place.count("tasks", f"due_at > '{at}'") == 1)
    assert place.count("alerts") == 0
    (presence,) = place.rows("SELECT * FROM paging_presence")
    (task,) = place.rows("SELECT * FROM tasks")
    since = clock.parse_instant(presence["present_since"])
    assert clock.parse_instant(task["due_at"]) == since + timedelta(seconds=60)
