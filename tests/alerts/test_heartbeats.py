"""Jobs that say "I am alive", by chosen time (contract §10, kind `heartbeat`)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from incident_service.alerts import heartbeats, integrations
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.people.caller import Caller
from incident_service.store import Row
from incident_service.store import integrations as rows
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at, run
from tests.helpers.monitoring import Tool, after
from tests.helpers.plans import traced
from tests.helpers.world import World

PERIOD = 360
"""Seconds: `everySeconds` and `graceSeconds` of the job below."""


class Job(Tool):
    """A job that says that it is alive every five minutes, or a minute later."""

    def __init__(self, world: World, **values: Any) -> None:
        values = {"name": "Backup", "every_seconds": 300, "grace_seconds": 60, **values}
        super().__init__(world, kind="heartbeat", **values)

    def sign(self, seconds: float) -> list[Row]:
        """Say that it is alive."""

        def take(db: Connection, *, now: datetime) -> list[Row]:
            integration = rows.get(db, self.org_id, self.id)
            assert integration is not None
            taken = heartbeats.sign(db, integration, now=now)
            rows.count_receipt(db, self.org_id, self.id, at=format_instant(now))
            return taken

        return write_at(after(seconds), self.world.database, take)

    def change(self, seconds: float, **values: Any) -> None:
        caller = Caller(self.org_id, "test", None, "org:admin")
        database = self.world.database
        write_at(after(seconds), database, integrations.change, caller, self.id, values)

    def due_at(self) -> str | None:
        """Return when it is missed, in seconds after the start."""
        found = self.world.rows("SELECT due_at FROM tasks WHERE kind = 'miss_heartbeat'")
        return found[0]["due_at"] if found else None

    def statuses(self) -> list[str]:
        return [alert["status"] for alert in self.alerts()]


@pytest.fixture
def job(world: World) -> Job:
    return Job(world)


def watch(job: Job, since: float, until: float) -> list[str]:
    """Let a paging process look from one instant to another."""
    return run(job.world, after(since), after(until))


def test_nothing_is_missed_before_the_first_sign(job: Job) -> None:
    assert watch(job, 0, 10 * PERIOD) == []
    assert job.alerts() == []


def test_a_job_that_is_alive_fires_nothing(job: Job) -> None:
    watch(job, 0, 0)
    for n in range(5):
        assert job.sign(300 * n) == []
        assert watch(job, 300 * n, 300 * (n + 1) - 30) == []
    assert job.alerts() == []


def test_a_job_that_says_nothing_fires_one_alert(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    assert watch(job, 0, PERIOD - 1) == []
    assert perform_at(job.world, after(PERIOD)) == [f"miss_heartbeat {job.id}"]
    (alert,) = job.alerts()
    assert alert["title"] == "No sign of life from Backup"
    assert (alert["dedup_key"], alert["severity"], alert["count"]) == (job.id, "high", 1)
    assert format_instant(after(0)) in alert["description"]
    (incident,) = job.incidents()
    assert incident["title"] == "No sign of life from Backup"
    assert watch(job, PERIOD, 10 * PERIOD) == []
    assert len(job.alerts()) == 1


def test_the_severity_is_the_default_one(world: World) -> None:
    job = Job(world, default_severity="critical", severity_map={"high": "low"})
    watch(job, -60, 0)
    job.sign(0)
    watch(job, 0, PERIOD)
    assert [alert["severity"] for alert in job.alerts()] == ["critical"]


def test_the_next_sign_resolves_the_alert_and_starts_again(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    watch(job, 0, PERIOD)
    (back,) = job.sign(PERIOD + 30)
    (alert,) = job.alerts()
    assert (back["id"], back["status"]) == (alert["id"], "resolved")
    assert alert["resolved_at"] == format_instant(after(PERIOD + 30))
    again = PERIOD + 30 + PERIOD
    done = watch(job, PERIOD + 30, again - 1)
    assert done == [f"resolve_incident {alert['incident_id']}"]
    perform_at(job.world, after(again))
    assert job.statuses() == ["resolved", "firing"]


def test_it_waits_a_full_period_after_the_service_was_down(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    up = 3600
    watch(job, 30, 60)
    assert watch(job, up, up) == [f"miss_heartbeat {job.id}"]  # looked at, and put off
    assert job.alerts() == []
    assert watch(job, up + 30, up + PERIOD - 1) == []
    assert job.alerts() == []
    watch(job, up + PERIOD - 1, up + PERIOD)
    assert job.statuses() == ["firing"]


def test_a_sign_after_the_service_was_down_counts_as_any(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    watch(job, 3600, 3600)
    job.sign(3610)
    watch(job, 3630, 3610 + PERIOD - 1)
    assert job.alerts() == []
    perform_at(job.world, after(3610 + PERIOD))
    assert job.statuses() == ["firing"]


def test_a_short_break_of_the_service_delays_nothing(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    watch(job, 30, 300)
    perform_at(job.world, after(360))
    assert job.statuses() == ["firing"]


@pytest.mark.parametrize("hours", [1, 24 * 365])
def test_a_clock_that_is_set_back_delays_it_by_a_period_at_most(job: Job, hours: int) -> None:
    """Without a sign; the instant at which it would have been missed is far away now."""
    back = -3600.0 * hours
    watch(job, -60, 0)
    job.sign(0)
    watch(job, 30, 60)
    watch(job, back, back + PERIOD - 1)
    assert job.alerts() == []
    watch(job, back + PERIOD - 1, back + PERIOD)
    assert job.statuses() == ["firing"]
    job.sign(back + PERIOD + 10)
    assert job.statuses() == ["resolved"]


def test_a_job_that_is_alive_fires_nothing_while_the_clock_is_set_back(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    for n in range(5):
        job.sign(-3600 + 300 * n)
        watch(job, -3600 + 300 * n, -3600 + 300 * (n + 1) - 30)
    assert job.alerts() == []


def test_a_clock_that_is_set_forward_fires_nothing(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    watch(job, 30, 60)
    watch(job, 86_400, 86_400 + PERIOD - 1)
    assert job.alerts() == []


def test_a_changed_period_counts_from_the_latest_sign(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    job.change(10, every_seconds=600)
    assert job.due_at() == format_instant(after(660))
    job.change(20, grace_seconds=0)
    assert job.due_at() == format_instant(after(600))
    job.change(100, every_seconds=60)
    assert job.due_at() == format_instant(after(60))
    watch(job, 30, 100)
    assert job.statuses() == ["firing"]
    job.change(110, every_seconds=6000)
    assert (job.due_at(), job.statuses()) == (None, ["firing"])


def test_a_changed_period_starts_nothing_before_the_first_sign(job: Job) -> None:
    job.change(10, every_seconds=600)
    assert job.due_at() is None


def test_a_deleted_job_is_not_missed(job: Job) -> None:
    watch(job, -60, 0)
    job.sign(0)
    caller = Caller(job.org_id, "test", None, "org:admin")
    write_at(after(10), job.world.database, integrations.delete, caller, job.id)
    watch(job, 0, 2 * PERIOD)
    assert (job.due_at(), job.alerts()) == (None, [])


def test_a_job_of_another_organization_is_its_own(world: World, other_org: Any) -> None:
    mine, theirs = Job(world), Job(world, org_id=other_org.org_id)
    watch(mine, -60, 0)
    mine.sign(0)
    theirs.sign(0)
    mine.sign(300)
    watch(mine, 30, PERIOD)
    assert (mine.statuses(), theirs.statuses()) == ([], ["firing"])


@pytest.mark.sqlite_only("how it finds rows")
def test_a_usual_sign_is_cheap(job: Job) -> None:
    """A thousand jobs may say so every minute."""
    job.sign(0)
    with traced(job.world) as statements:
        job.sign(60)
    assert len(statements) <= 8, statements


def test_many_jobs_are_missed_each_once(world: World) -> None:
    jobs = [Job(world, name=f"Job {n}") for n in range(60)]
    watch(jobs[0], -60, 0)
    for job in jobs:
        job.sign(0)
    assert len(watch(jobs[0], 0, PERIOD)) == 60
    (found,) = world.rows("SELECT count(*) AS n, max(count) AS most FROM alerts")
    assert found == {"n": 60, "most": 1}
