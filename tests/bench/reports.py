"""`reports`: looking back on a year with 100,000 incidents, beside reading the same rows.

In one process and one thread, in the processor's time: nothing waits for the disk. A report and the
bare reading of its rows take turns; the figures are medians over the rounds, and the ratio is what
everything else costs. Memory is the most that Python had beyond what it began with, in a round of
its own.

Then incidents are opened by turns in a file with the index that the report reads by, and in one
without it.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from incident_service import clock, quickstart
from incident_service.clock import format_instant
from incident_service.database import maintenance
from incident_service.database.engine import Connection
from incident_service.database.file import FileDatabase
from incident_service.incidents import opening
from incident_service.people.caller import Caller
from incident_service.reports import incidents
from incident_service.reports.window import LONGEST, Window
from incident_service.store import report_incidents
from tests.bench.table import Figure
from tests.helpers import year
from tests.helpers.clocks import write_at

GOAL_TIME = "<= 500 ms"
GOAL_CREATE = "<= 1.1"
CREATES = 200
"""How many incidents are opened in a round."""


def reports(folder: Path, rounds: int, number: int) -> list[Figure]:
    """Measure, and print the table."""
    now = clock.now()
    database, made = _file(folder / "year.db", now)
    year.fill(database, made, now, year.Sizes(incidents=number))
    caller = Caller(made.org_id, "bench", made.user_id, "org:admin")
    window = Window.between(now - LONGEST, None, now=now)
    print(f"{number:,} incidents, {rounds} rounds, {os.cpu_count()} cores; medians")

    def of_incidents(db: Connection) -> None:
        if not 0 < incidents.report(db, caller, window).count <= number:
            raise AssertionError

    def rows_of_incidents(db: Connection) -> None:
        ends = (format_instant(window.start), format_instant(window.end))
        for _ in report_incidents.cells(db, made.org_id, *ends):
            pass
        for _ in report_incidents.affected(db, made.org_id, 1, number):
            pass

    figures = _beside(database, "incidents", of_incidents, rows_of_incidents, rounds)
    database.close()
    return [*figures, _creates(folder, rounds, now)]


def _beside(
    database: FileDatabase,
    name: str,
    report: Callable[[Connection], None],
    rows: Callable[[Connection], None],
    rounds: int,
) -> list[Figure]:
    """Measure a report beside the reading of its rows; print and return its figures."""
    with database.read() as db:
        report(db)  # it warms up
        pairs = [(_taken(lambda: rows(db)), _taken(lambda: report(db))) for _ in range(rounds)]
        tracemalloc.start()
        report(db)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    taken = Figure.beside("its rows", name, "ms", pairs, GOAL_TIME)
    memory = Figure(f"{name}, memory", "MiB", peak / 2**20)
    print(f"{name:20}{taken.value:9.0f} ms   rows {taken.baseline_value:7.0f} ms", end="")
    print(f"   ratio {taken.ratio:5.2f}   peak {memory.value:5.0f} MiB")
    return [taken, memory]


def _creates(folder: Path, rounds: int, now: datetime) -> Figure:
    """Measure how long it takes to open an incident with the reports' index and without it."""
    kept, bare = (_file(folder / f"{name}.db", now) for name in ("with", "without"))
    bare[0].write(None, lambda db, **_: db.execute("DROP INDEX incidents_by_opening"))
    for one in (kept, bare):
        _open(*one)  # it warms up
    pairs = [
        (_taken(lambda: _open(*bare)) / CREATES, _taken(lambda: _open(*kept)) / CREATES)
        for _ in range(rounds)
    ]
    found = Figure.beside("without the reports' index", "a create", "ms", pairs, GOAL_CREATE)
    print(f"{'a create':20}{found.value:9.3f} ms   without {found.baseline_value:7.3f} ms", end="")
    print(f"   ratio {found.ratio:5.2f}")
    for database, _ in (kept, bare):
        database.close()
    return found


def _open(database: FileDatabase, made: quickstart.Provisioned) -> None:
    caller = Caller(made.org_id, "bench", made.user_id, "org:admin")
    for _ in range(CREATES):
        new = opening.NewIncident("Slow", "high", owner_schedule_id=made.schedule_id)
        database.write(made.org_id, opening.open_incident, caller, new)


def _file(path: Path, now: datetime) -> tuple[FileDatabase, quickstart.Provisioned]:
    """Make a file with an organization that is a year old."""
    database = FileDatabase(path)
    maintenance.initialise(database)
    return database, write_at(now - year.SPAN - timedelta(days=1), database, quickstart.provision)


def _taken(work: Callable[[], None]) -> float:
    """Return how much of the processor's time it took, in milliseconds."""
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)
