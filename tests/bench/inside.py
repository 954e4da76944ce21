"""`inside`: where the processor's time of one create goes, in this process, without a network.

It is the time of the thread, so neither the disk nor what else the machine does is in it; nor is
the access log. Under the profiler everything takes about three times as long: compare its lines
with each other.
"""

from __future__ import annotations

import cProfile
import json
import pstats
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from incident_service import create_app, quickstart
from incident_service.config import Settings
from incident_service.database.engine import Database
from tests.bench.table import Figure

CREATES = 1000
UNTIMED = 200
"""Creates that fill the caches first."""


def inside(folder: Path) -> list[Figure]:
    """Time creates, then profile as many; print the functions, and the statements of one."""
    app = create_app(Settings(database=folder / "bench.db"))
    database: Database = app.extensions["incident_service.database"]
    made = database.write(None, quickstart.provision)
    client = app.test_client()
    body = {
        "title": "Payment service elevated error rate",
        "severity": "critical",
        "ownerScheduleId": made.schedule_id,
        "componentIds": [made.component_id],
    }
    headers = {"Authorization": f"Bearer {made.key}", "Content-Type": "application/json"}

    def create() -> float:
        began = time.thread_time()
        answer = client.post("/v1/incidents", data=json.dumps(body), headers=headers)
        assert answer.status_code == 201, answer.text
        return time.thread_time() - began

    taken = [create() for _ in range(UNTIMED + CREATES)][UNTIMED:]
    profile = cProfile.Profile(time.thread_time)
    profile.runcall(lambda: [create() for _ in range(CREATES)])
    stats = pstats.Stats(profile).sort_stats("cumulative")
    stats.print_stats("incident_service|sqlite3", 50)
    statements = _statements(database, create)
    print(*statements, "", sep="\n")
    median = 1_000_000 * statistics.median(taken)
    calls = stats.total_calls / CREATES  # type: ignore[attr-defined]  # typeshed does not know it
    print(
        f"{median:.0f} µs a create, {calls:.0f} calls of functions, "
        f"{len(statements)} statements, of triggers too"
    )
    return [Figure("a create, in process", "ms", median / 1000)]


def _statements(database: Database, create: Callable[[], object]) -> list[str]:
    """Return the beginnings of the statements that a create's write runs."""
    found: list[str] = []
    database.write(None, lambda db, **_: db.set_trace_callback(found.append))
    found.clear()
    create()
    return [" ".join(statement.split())[:100] for statement in found]
