"""What the service counts and measures, over all its processes, for Prometheus (contract §9).

Each process counts in its own files in a folder that `serve` makes; the process that is asked adds
them up. A new process takes the place of one that died: its counts go on, and the number of files
does not grow. Without such a folder a process knows only its own requests.
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector

from incident_service.database.engine import Database

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own variable: `gunicorn wsgi:app` may set it, and child processes inherit it."""

_FOLDER = "incident-service-metrics-"
"""The start of a folder's name, before the id of the process that made it."""

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_UNMATCHED = ("", "unmatched")
"""Method and route of a request whose path the service does not know."""

_place = ""


def make_folder() -> Path:
    """Make the folder, before this process loads the application.

    Removes folders that killed processes of this user left behind.
    """
    memory = Path("/dev/shm")  # if there is one, no count waits for a disk
    parent = memory if memory.is_dir() else Path(tempfile.gettempdir())
    for folder in parent.glob(f"{_FOLDER}*"):
        if _is_abandoned(folder):
            remove_folder(folder)
    made = tempfile.mkdtemp(prefix=f"{_FOLDER}{os.getpid()}-", dir=parent)
    os.environ[FOLDER_VARIABLE] = made
    return Path(made)


def remove_folder(folder: Path) -> None:
    """Remove the folder, once no process counts in it."""
    shutil.rmtree(folder, ignore_errors=True)


def _is_abandoned(folder: Path) -> bool:
    """Whether the process that made a folder is gone, and was this user's."""
    pid = folder.name.removeprefix(_FOLDER).partition("-")[0]
    try:
        if not pid.isdecimal() or folder.stat().st_uid != os.getuid():
            return False
        os.kill(int(pid), 0)
    except FileNotFoundError:  # another process was quicker
        return False
    except (ProcessLookupError, PermissionError):  # no process has the id, or another user's has
        return True
    return False


def take_place(name: str) -> None:
    """Count under this name from now on, instead of the process id.

    No two processes may have the same place at the same time.
    """
    global _place
    _place = name


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        self._folder = os.environ.get(FOLDER_VARIABLE)
        if self._folder:
            values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
                lambda: _place or os.getpid()
            )
        self._registry = CollectorRegistry()
        requests = Counter(
            "incident_service_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        latency = Histogram(
            "incident_service_request_seconds",
            "From a request's start to its answer.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self._waits = Histogram(
            "incident_service_write_wait_seconds",
            "Until the organization's row was the write's, on a PostgreSQL server.",
            buckets=SECONDS,
            registry=self._registry,
        )
        self._retries = Counter(
            "incident_service_write_retries",
            "Writes that ran again because others were in their way, on a PostgreSQL server.",
            registry=self._registry,
        )
        # The library's own look at labels takes longer than to count.
        self._requests = functools.cache(requests.labels)
        self._latency = functools.cache(latency.labels)

    def count_request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request; `route` is the rule of its path, never the path itself."""
        known = (method, route) if route else _UNMATCHED
        self._requests(*known, str(status)).inc()
        self._latency(known[1]).observe(seconds)

    def count_refusal(self, status: int) -> None:
        """Count a request that was refused before its method and path were known."""
        self._requests(*_UNMATCHED, str(status)).inc()

    def watch(self, database: Database) -> None:
        """Count how long writes wait for their turn, and which run again."""
        database.waited, database.retried = self._waits.observe, self._retries.inc

    def exposition(self, kept: Kept | None) -> bytes:
        """Return all metrics in Prometheus's format; those of `kept` only if it is given."""
        registry = self._registry
        if self._folder:
            registry = CollectorRegistry()
            MultiProcessCollector(registry, self._folder)  # type: ignore[no-untyped-call]
        text = generate_latest(registry)
        if kept is not None:
            now = CollectorRegistry()
            now.register(kept)
            text += generate_latest(now)
        return text


@dataclass(frozen=True, eq=False)  # the library keeps it as the key of a dictionary
class Kept:
    """What the database says at an instant: the same in every process."""

    open_incidents: Mapping[str, int]
    """By severity."""
    pages: Mapping[str, int]
    """By outcome, since the database was made."""
    seconds_late: float
    """See `pager.seconds_late`."""
    database_bytes: int
    """How many bytes the database takes."""

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics, as the library asks for them."""
        incidents = GaugeMetricFamily(
            "incident_service_open_incidents", "Incidents not yet resolved.", labels=["severity"]
        )
        for severity, number in self.open_incidents.items():
            incidents.add_metric([severity], number)
        yield incidents
        pages = CounterMetricFamily(
            "incident_service_pages",
            "Tries to deliver a page or another message to a person.",
            labels=["outcome"],
        )
        for outcome, number in self.pages.items():
            pages.add_metric([outcome], number)
        yield pages
        late = "How long the oldest page or task that is still waiting has been due."
        yield GaugeMetricFamily("incident_service_paging_late_seconds", late, self.seconds_late)
        size = "How many bytes the database takes."
        yield GaugeMetricFamily("incident_service_database_bytes", size, self.database_bytes)
