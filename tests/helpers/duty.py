"""What the service does by itself, at instants of a test's choice."""

from __future__ import annotations

from datetime import datetime, timedelta

from incident_service.alerts import duties
from incident_service.clock import format_instant
from incident_service.database.engine import Connection
from incident_service.paging import performing
from incident_service.store import Row, tasks
from tests.helpers.clocks import write_at
from tests.helpers.world import World

LOOKS_EVERY = timedelta(seconds=30)


def perform_at(
    world: World,
    now: datetime,
    *,
    by_email: bool = False,
    perform: performing.Perform | None = None,
) -> list[str]:
    """Perform all that is due at an instant; return the tasks in order, as `kind subject`."""
    done: list[str] = []

    def perform_one(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
        done.append(f"{task['kind']} {task['subject_id']}")
        (perform or duties.perform)(db, task, now=now, by_email=by_email)

    while True:
        with world.database.read() as db:
            due = tasks.due_organizations(db, format_instant(now))
        write_at(
            now,
            world.database,
            performing.perform_due,
            due,
            perform_one,
            by_email=by_email,
            limit=10,
        )
        if not due:
            return done


def run(world: World, since: datetime, until: datetime) -> list[str]:
    """Let a paging process look every 30 seconds, from one instant to another."""
    done, now = [], since
    while now < until:
        done += perform_at(world, now)
        now += LOOKS_EVERY
    return done + perform_at(world, until)
