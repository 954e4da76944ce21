"""What happens to the service while it is under load: kills, backups, and a full disk."""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.helpers.servers import COMMAND
from tests.soak.journal import Answered, Journal
from tests.soak.processes import PAGING, WORKER, Processes
from tests.soak.smalldisk import filled

KILL_SECONDS = 20.0
BACKUP_SECONDS = 60.0
FULL_SECONDS = 20.0
RECOVERY_SECONDS = 30.0


@dataclass(frozen=True)
class FullDisk:
    """What was seen while the disk was full."""

    began: float
    refused: float
    """When the first write was refused."""
    ended: float
    recovered: float
    """When a write was first answered after that; infinite, if none was."""


class Havoc:
    """Kills and backups at their hours, and one full disk."""

    def __init__(
        self, database: Path, backups: Path, processes: Processes, journal: Journal
    ) -> None:
        self._database = database
        self._backups = backups
        self._processes = processes
        self._journal = journal
        self._is_stopped = threading.Event()
        self._pool = ThreadPoolExecutor()
        self._loops: list[Future[None]] = []
        self.kills: dict[str, list[float]] = {WORKER: [], PAGING: []}
        self.backups: list[str] = []
        """What is wrong with each backup: nothing, one hopes."""
        self.log_bytes = 0
        """The largest that the write-ahead log was."""

    def start(self) -> None:
        """Let it begin."""
        for seconds, work in (
            (KILL_SECONDS, self._kill), (BACKUP_SECONDS, self.back_up), (1.0, self._sample),
        ):  # fmt: skip
            self._loops.append(self._pool.submit(self._every, seconds, work))

    def stop(self) -> None:
        """Let it end. Raises what went wrong in it."""
        self._is_stopped.set()
        self._pool.shutdown()
        for loop in self._loops:
            loop.result()

    def fill_the_disk(self) -> FullDisk:
        """Leave the service no space, back it up meanwhile, and see it recover."""
        with filled(self._database.parent):
            began = time.monotonic()
            # The log has room of its own, which must be used up first.
            while not self._journal.refused_at and time.monotonic() < began + 2 * FULL_SECONDS:
                time.sleep(0.05)
            refused = time.monotonic()
            self.back_up()
            time.sleep(max(0.0, refused + FULL_SECONDS - time.monotonic()))
            ended = time.monotonic()
        while self._journal.written_at < ended and time.monotonic() < ended + RECOVERY_SECONDS:
            time.sleep(0.01)
        written = self._journal.written_at
        recovered = written if written >= ended else float("inf")
        return FullDisk(began, refused, ended, recovered)

    def back_up(self) -> None:
        """Make a backup, and keep what is wrong with it."""
        answered = self._journal.answered()
        target = self._backups / f"{time.monotonic_ns()}.db"
        done = subprocess.run(
            [*COMMAND, "backup", str(target)],
            env={**os.environ, "INCIDENT_SERVICE_DATABASE": str(self._database)},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            self.backups.append(done.stderr)
            return
        assert json.loads(done.stdout)["bytes"] == target.stat().st_size
        self.backups.append("; ".join(faults(target, answered)))
        target.unlink()

    def _kill(self) -> None:
        self.kills[WORKER].append(self._processes.kill(WORKER))
        if len(self.kills[WORKER]) % 3 == 2:
            self.kills[PAGING].append(self._processes.kill(PAGING))

    def _sample(self) -> None:
        self._processes.sample()
        log = self._database.with_name(f"{self._database.name}-wal")
        self.log_bytes = max(self.log_bytes, log.stat().st_size)

    def _every(self, seconds: float, work: Callable[[], None]) -> None:
        begin = time.monotonic()
        for n in itertools.count(1):
            if self._is_stopped.wait(max(0.0, begin + n * seconds - time.monotonic())):
                return
            work()


def faults(file: Path, answered: Answered) -> list[str]:
    """Return what is wrong with a database, and what it lacks of that which was answered."""
    connection = sqlite3.connect(file)
    try:
        found = [
            f"{check}: {row}"
            for check, right in (("integrity_check", [("ok",)]), ("foreign_key_check", []))
            for row in connection.execute(f"PRAGMA {check}").fetchall()
            if [row] != right
        ]
        opened = dict(connection.execute("SELECT id, sequential_id FROM incidents"))
        numbers = sorted(opened.values())
        if numbers != list(range(1, len(numbers) + 1)):
            found.append("the numbers have a gap, or one is there twice")
        acknowledged = {
            id for (id,) in connection.execute(
                "SELECT DISTINCT incident_id FROM audit_events"
                " WHERE event = 'incident_acknowledged'"
            )
        }  # fmt: skip
        statuses = set(connection.execute("SELECT incident_id, status FROM status_history"))
        updates = dict(connection.execute("SELECT id, incident_id FROM incident_updates"))
        for what, lost in (
            ("incidents", len(answered.opened.items() - opened.items())),
            ("acknowledgements", len(answered.acknowledged - acknowledged)),
            ("statuses", len(answered.statuses - statuses)),
            ("updates", len(answered.updates.items() - updates.items())),
        ):
            if lost:
                found.append(f"{lost} {what} are lost")
        return found
    finally:
        connection.close()
