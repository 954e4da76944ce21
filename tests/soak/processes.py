"""The processes of a running service: which are there, what they take, and ending one."""

from __future__ import annotations

import os
import random
import signal
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024

MASTER, WORKER, PAGING = "master", "worker", "paging process"
AGES = (10.0, 30.0)
"""Workers and paging processes are compared with others of about their age, in seconds."""


@dataclass(frozen=True)
class Sample:
    """What one process took at one moment."""

    at: float
    kind: str
    """Its role, and for those that are killed how old it was."""
    mib: float
    descriptors: int


@dataclass(frozen=True)
class Growth:
    """What processes of one kind took in the first third of the time, and in the last."""

    kind: str
    mib: tuple[float, float]
    descriptors: tuple[float, float]


class Processes:
    """The processes of a service, by the process id of its master."""

    def __init__(self, master: int) -> None:
        self._master = master
        self._first_seen: dict[int, float] = {}
        self._samples: list[Sample] = []

    def sample(self) -> None:
        """Keep what each takes now."""
        for pid, role in self._all():
            now = time.monotonic()
            age = now - self._first_seen.setdefault(pid, now)
            kind = role if role == MASTER else f"{role}, {_age(age)}"
            try:
                resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
                descriptors = len(list(Path(f"/proc/{pid}/fd").iterdir()))
            except OSError:
                continue  # it has ended
            self._samples.append(Sample(now, kind, resident * PAGE_MIB, descriptors))

    def kill(self, role: str) -> float:
        """Kill one of them outright; return when."""
        pid = random.choice([pid for pid, its in self._all() if its == role])
        os.kill(pid, signal.SIGKILL)
        return time.monotonic()

    def growth(self) -> Iterator[Growth]:
        """Compare the medians of the first and the last third of the time."""
        begin, end = self._samples[0].at, self._samples[-1].at
        third = (end - begin) / 3
        for kind in sorted({sample.kind for sample in self._samples}):
            mine = [sample for sample in self._samples if sample.kind == kind]
            first = [sample for sample in mine if sample.at < begin + third]
            last = [sample for sample in mine if sample.at > end - third]
            if first and last:
                yield Growth(
                    kind,
                    (_median(s.mib for s in first), _median(s.mib for s in last)),
                    (_median(s.descriptors for s in first), _median(s.descriptors for s in last)),
                )

    def _all(self) -> Iterator[tuple[int, str]]:
        yield self._master, MASTER
        # Each thread of the master has children of its own.
        lists = Path(f"/proc/{self._master}/task").glob("*/children")
        for pid in [int(pid) for each in lists for pid in each.read_text().split()]:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if command:  # not one that has ended
                yield pid, PAGING if b"\0page\0" in command else WORKER


def _age(seconds: float) -> str:
    young, grown = AGES
    if seconds < young:
        return f"younger than {young:g} s"
    return f"{young:g} to {grown:g} s old" if seconds < grown else f"older than {grown:g} s"


def _median(values: Iterator[float]) -> float:
    return statistics.median(values)
