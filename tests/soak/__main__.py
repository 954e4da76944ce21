"""`python -m tests.soak`: whether the service lasts, under all that may befall it.

A service with its paging process runs on a small disk. Clients open incidents, are paged, and work
on them; others read. Every 20 seconds a worker is killed outright, the paging process once a
minute; a backup is made every minute; half-way the disk is full for 20 seconds. At the end what the
service kept is held against what it answered. The exit status is 1 where a check fails.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from incident_service import quickstart
from incident_service.config import ALLOWED_SCHEMES
from incident_service.database import maintenance
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.paging import contact_methods, policies
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.status import components, status_pages
from tests.helpers.receivers import receiving
from tests.helpers.servers import running
from tests.soak import checks
from tests.soak.clients import Clients, Place
from tests.soak.havoc import Havoc
from tests.soak.journal import Journal, Pages
from tests.soak.processes import WORKER, Processes
from tests.soak.smalldisk import small_disk

DISK_MIB = 512
WORKERS = 3
DRAIN_SECONDS = 180.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=10.0)
    minutes = parser.parse_args().minutes
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the disk is unmounted
    with tempfile.TemporaryDirectory() as folder:
        failed = 0
        for check in soak(Path(folder), 60 * minutes):
            print(f"{'ok  ' if check.holds else 'FAIL'}  {check.name:40}{check.figure}", flush=True)
            failed += not check.holds
    sys.exit(1 if failed else 0)


def soak(folder: Path, seconds: float) -> Iterator[checks.Check]:
    """Run it, and return what was found."""
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder / "disk", DISK_MIB))
        receiver = stack.enter_context(receiving())
        database = disk / "soak.db"
        environment = {
            "INCIDENT_SERVICE_DATABASE": str(database),
            "INCIDENT_SERVICE_WORKERS": str(WORKERS),
            "INCIDENT_SERVICE_ALLOWED_NOTIFICATION_SCHEMES": ",".join({*ALLOWED_SCHEMES, "http"}),
        }
        file = FileDatabase(database)
        maintenance.initialise(file)
        made = file.write(None, _provision, receiver.url("http"))
        file.close()
        # Its log goes beside the disk, as a service's does, and not onto it.
        server = stack.enter_context(running(folder / "soak", environment=environment))
        place = Place(server.port, **made)
        journal, pages = Journal(), Pages(receiver)
        processes = Processes(server.process.pid)
        backups = folder / "backups"
        backups.mkdir()
        havoc = Havoc(database, backups, processes, journal)
        clients = Clients(place, journal, pages)
        begin = time.monotonic()
        try:
            clients.start()
            havoc.start()
            time.sleep(seconds / 2)
            full = havoc.fill_the_disk()
            time.sleep(max(0.0, begin + seconds - time.monotonic()))
        finally:
            clients.stop()
            havoc.stop()
        _drain(database, journal, pages)
        stopped = time.monotonic()
        server.process.terminate()
        status = server.process.wait(15)
        to_stop = time.monotonic() - stopped
        yield checks.Check(
            "clients understood every answer",
            not clients.faults and status == 0,
            f"{(stopped - begin) / 60:.1f} min, {os.cpu_count()} cores; {clients.faults}",
        )
        yield from checks.of_writes(database, journal)
        yield from checks.of_answers(journal, havoc.kills[WORKER])
        yield from checks.of_full_disk(full, journal)
        yield from checks.of_backups(havoc.backups)
        yield from checks.of_pages(journal, pages)
        yield from checks.of_processes(processes, havoc, to_stop)


def _provision(db: Connection, receiver: str, *, now: datetime) -> dict[str, str]:
    """Make what the clients need; return the fields of `Place` beside the port."""
    made = quickstart.provision(db, now=now)
    caller = Caller(made.org_id, "soak", made.user_id, "org:admin")
    second = users.create(
        db, org_id=made.org_id, email="second@example.com", role="org:member", now=now
    )
    for user_id in (made.user_id, second["id"]):
        method = {"label": "soak", "url": receiver}
        contact_methods.create(db, caller, user_id, method, now=now)
    target = {"type": "users", "user_ids": [second["id"]]}
    layer = {"escalate_after_seconds": 60, "target": target}
    policies.add_layer(db, caller, made.policy_id, layer, now=now)
    inner = components.create(db, caller, {"name": "Inner"}, now=now)
    page = {
        "slug": "soak",
        "title": "Soak",
        "published": True,
        "component_ids": [made.component_id],
    }
    status_pages.create(db, caller, page, now=now)
    db.execute("UPDATE escalation_layers SET escalate_after_seconds = 60")  # quickstart's is longer
    return {
        "key": made.key,
        "schedule_id": made.schedule_id,
        "on_call_id": made.user_id,
        "second_id": second["id"],
        "component_id": made.component_id,
        "inner_id": inner["id"],
        "slug": "soak",
    }


def _drain(database: Path, journal: Journal, pages: Pages) -> None:
    """Let the paging process send what is still to be sent."""
    until = time.monotonic() + DRAIN_SECONDS
    connection = sqlite3.connect(database)
    while time.monotonic() < until:
        reached = {(incident_id, user_id) for incident_id, user_id, _ in pages.count()}
        (left,) = connection.execute("SELECT count(*) FROM deliveries").fetchone()
        if not left and journal.awaited <= reached:
            break
        time.sleep(0.2)
    connection.close()


if __name__ == "__main__":
    main()
