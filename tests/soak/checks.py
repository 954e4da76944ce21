"""What must hold after a soak, each check with its figures."""

from __future__ import annotations

import bisect
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.soak.havoc import FullDisk, Havoc, faults
from tests.soak.journal import Journal, Pages
from tests.soak.processes import WORKER, Processes
from tests.soak.smalldisk import MIB

CUT_SECONDS = 2.0
"""How soon after a kill the connections that it cut are seen as cut."""

RECOVERY_SECONDS = 5.0
LOG_MIB = 64.0
MORE_MIB = 8.0
MORE_DESCRIPTORS = 3.0
"""What the last third may take beyond the first."""


@dataclass(frozen=True)
class Check:
    """One thing that must hold."""

    name: str
    holds: bool
    figure: str


def of_writes(database: Path, journal: Journal) -> Iterator[Check]:
    """No acknowledged write is lost, and nothing was done twice."""
    answered = journal.answered()
    wrong = faults(database, answered)
    highest = max(answered.opened.values(), default=0)
    figure = (
        f"{len(answered.opened)} incidents, numbered to {highest}, "
        f"{len(answered.acknowledged)} acknowledgements, {len(answered.statuses)} statuses, "
        f"{len(answered.updates)} updates in {database.stat().st_size / MIB:.0f} MiB"
    )
    yield Check("no acknowledged write lost", not wrong, "; ".join([figure, *wrong]))
    connection = sqlite3.connect(database)
    (kept,) = connection.execute("SELECT count(*) FROM incidents").fetchone()
    connection.close()
    twice = kept - len(answered.opened)
    yield Check("nothing opened twice by a retry", twice == 0, f"{twice} more than were answered")


def of_answers(journal: Journal, kills: list[float]) -> Iterator[Check]:
    """No 5xx but 503 to writes, and connections cut by kills alone."""
    total = sum(journal.answers.values())
    counted = ", ".join(
        f"{n} × {kind} {status} {code}".rstrip()
        for (kind, status, code), n in sorted(journal.answers.items())
    )
    wrong = journal.unexpected
    figure = "; ".join([f"{total} answers: {counted}", *wrong[:5]])
    yield Check("no 5xx but 503 to writes", not wrong, figure)
    stray = [at for at in journal.cut_at if not _is_soon_after(at, kills)]
    figure = f"{len(journal.cut_at)} by {len(kills)} kills, {len(stray)} at other times"
    yield Check("connections cut by kills alone", not stray, figure)


def of_full_disk(full: FullDisk, journal: Journal) -> Iterator[Check]:
    """Writes are refused as they must be, and work again soon."""
    refused = [at for at in journal.refused_at if at < full.ended]
    took = full.refused - full.began
    figure = f"{len(refused)} × 503 storage_full, the first after {took:.1f} s"
    yield Check("full disk: writes are refused", bool(refused), figure)
    read = sum(1 for at in journal.read_at if full.refused < at < full.ended)
    ready = {text for at, text in journal.readiness if full.refused < at < full.ended}
    figure = f"{read} reads answered; /readyz said {', '.join(sorted(ready))}"
    yield Check("full disk: reads go on", read > 0, figure)
    late = [at for at in journal.refused_at if at > full.ended + RECOVERY_SECONDS]
    took = full.recovered - full.ended
    figure = f"first write {took:.2f} s after space was back, {len(late)} refused later on"
    yield Check("full disk: recovers by itself", took < RECOVERY_SECONDS and not late, figure)


def of_backups(backups: list[str]) -> Iterator[Check]:
    """Each backup is whole, and holds all that was answered before it began."""
    wrong = [each for each in backups if each]
    yield Check("backups whole", not wrong, "; ".join([f"{len(backups)} made", *wrong]))


def of_pages(journal: Journal, pages: Pages) -> Iterator[Check]:
    """Each page came, and at most twice."""
    count = pages.count()
    reached = {(incident_id, user_id) for incident_id, user_id, _ in count}
    missing = journal.awaited - reached
    figure = f"{len(journal.awaited)} awaited, {len(missing)} missing"
    yield Check("each page delivered", not missing, figure)
    twice = sum(1 for n in count.values() if n == 2)
    more = sum(1 for n in count.values() if n > 2)
    figure = f"{len(count)} pages, {twice} came twice, {more} more often"
    yield Check("each page delivered at most twice", not more, figure)


def of_processes(processes: Processes, havoc: Havoc, seconds_to_stop: float) -> Iterator[Check]:
    """Memory, descriptors and the write-ahead log stay flat, and a stop is quick."""
    for growth in processes.growth():
        mib, more_mib = growth.mib[1], growth.mib[1] - growth.mib[0]
        number, more = growth.descriptors[1], growth.descriptors[1] - growth.descriptors[0]
        is_flat = more_mib <= MORE_MIB and more <= MORE_DESCRIPTORS
        figure = f"{mib:.0f} MiB ({more_mib:+.1f}), {number:.0f} descriptors ({more:+.0f})"
        yield Check(f"flat: {growth.kind}", is_flat, figure)
    mib = havoc.log_bytes / MIB
    yield Check("write-ahead log bounded", mib < LOG_MIB, f"{mib:.1f} MiB at the most")
    kills = ", ".join(f"{len(at)} of a {role}" for role, at in havoc.kills.items())
    yield Check("kills were made", bool(havoc.kills[WORKER]), kills)
    yield Check("stops in time", seconds_to_stop < 10, f"{seconds_to_stop:.1f} s")


def _is_soon_after(at: float, kills: list[float]) -> bool:
    """Whether a kill came before it, or at once with it, and not long ago."""
    before = bisect.bisect(kills, at + 0.1)
    return before > 0 and at - kills[before - 1] < CUT_SECONDS
