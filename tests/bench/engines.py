"""`engines`: the service on a SQLite file, and on a PostgreSQL server of the same machine.

The server is the bench's own, with settings under which nothing that was committed is lost. It
shares the cores with the service, as it would on one machine. The engines take turns; the figures
are medians over the rounds, and the ratios those of PostgreSQL to SQLite in the same round.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from incident_service import quickstart
from incident_service.database import either
from tests.bench import growth, paging
from tests.bench.create import API, CLIENTS, Speed, beside_bare, load, repeat, speed
from tests.bench.table import Figure
from tests.helpers import clusters
from tests.helpers import engines as places
from tests.helpers.servers import Server, running

BASELINE = "SQLite"
GOAL_RATE = ">= 0.5"
GOAL_P99 = "<= 3"


def engines(folder: Path, rounds: int, seconds: float, incidents: int) -> list[Figure]:
    """Measure, and print the tables."""
    with (
        clusters.folders(on_disk=True) as data,
        clusters.cluster(data / "server", settings=clusters.DURABLE) as cluster,
    ):
        on_server = places.Server(cluster.url("postgres").url, "bench")
        try:
            return [
                *_rates(folder, on_server, rounds, seconds),
                *_pages(folder, on_server, seconds),
                *_growth(folder, on_server, rounds, incidents),
            ]
        finally:
            on_server.close()


@contextmanager
def on(place: places.Server | None) -> Iterator[None]:
    """Let what is started now keep its data on the server, or in files."""
    places.current = place
    try:
        yield
    finally:
        places.current = None


def _rates(folder: Path, on_server: places.Server, rounds: int, seconds: float) -> list[Figure]:
    """Measure creates, who is on call, and pages of the list, each under gunicorn."""
    with ExitStack() as stack:
        calls = [
            _Calls(folder / f"{name}.db", stack, place)
            for name, place in (("sqlite", None), ("postgres", on_server))
        ]
        print(
            f"{CLIENTS} clients, {rounds} rounds of {seconds:g} s, {os.cpu_count()} cores; medians"
        )
        print(
            f"{'':10}{'SQLite /s':>11}{'PostgreSQL':>12}{'ratio':>7}"
            f"{'p99 ms':>9}{'':>9}{'ratio':>7}"
        )
        figures = []
        for what in ("create", "on call", "list"):
            found: list[tuple[Speed, Speed]] = []
            for _ in range(rounds + 1):
                of_file, of_server = (of.speed(what, seconds) for of in calls)
                found.append((of_file, of_server))
                if len(found) == 1:
                    _analyze(on_server, folder / "postgres.db")
            one, other = zip(*found[1:], strict=True)  # the first round warms up
            goals = (GOAL_RATE, GOAL_P99) if what == "create" else ("", "")
            measured = beside_bare(f"{what}, ", [*one], [*other], *goals, baseline=BASELINE)
            rate, _, p99 = measured
            print(
                f"{what:10}{rate.baseline_value:11.0f}{rate.value:12.0f}{rate.ratio:7.2f}"
                f"{p99.baseline_value:9.1f}{p99.value:9.1f}{p99.ratio:7.2f}"
            )
            figures += measured
    return figures


def _analyze(on_server: places.Server, path: Path) -> None:
    """Let the server see how many rows it has. By itself it looks once a minute.

    Until then it plans as for empty tables, and reads too much.
    """
    with psycopg.connect(on_server.named(path).url, autocommit=True) as connection:
        connection.execute("ANALYZE")


class _Calls:
    """The service on one of the engines, and what is asked of it."""

    def __init__(self, path: Path, stack: ExitStack, place: places.Server | None) -> None:
        with on(place):
            database = either.open_database(places.where(path))
            either.initialise(database)
            self._made = database.write(None, quickstart.provision)
            database.close()
            root = {"PYTHONPATH": str(Path(__file__).parents[2])}
            self._server: Server = stack.enter_context(running(path, command=API, environment=root))

    def speed(self, what: str, seconds: float) -> Speed:
        """Return how quickly it answers."""
        return speed(self._calls[what](seconds), seconds)

    @property
    def _calls(self) -> dict[str, Callable[[float], list[float]]]:
        return {
            "create": self._create,
            "on call": lambda seconds: self._get("/v1/oncall", seconds),
            "list": lambda seconds: self._get("/v1/incidents", seconds),
        }

    def _create(self, seconds: float) -> list[float]:
        body = {
            "title": "Payment service elevated error rate",
            "description": "The payment processing service is returning 5xx errors",
            "severity": "critical",
            "ownerScheduleId": self._made.schedule_id,
            "componentIds": [self._made.component_id],
        }
        return load(self._server.port, self._made.key, body, seconds)

    def _get(self, path: str, seconds: float) -> list[float]:
        request = (
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self._made.key}\r\n"
            "Connection: close\r\n\r\n"
        )
        return repeat(self._server.port, request.encode(), seconds, status=200)


def _pages(folder: Path, on_server: places.Server, seconds: float) -> list[Figure]:
    """Measure how soon pages arrive."""
    figures = []
    for name, place in ((BASELINE, None), ("PostgreSQL", on_server)):
        (folder / name).mkdir()
        print()
        path = folder / name / "paging.db"

        def warmed(place: places.Server | None = place, path: Path = path) -> None:
            if place is not None:
                _analyze(place, path)

        with on(place):
            figures += paging.lateness(path, (50,), seconds, name, warmed)
    return figures


def _growth(folder: Path, on_server: places.Server, rounds: int, incidents: int) -> list[Figure]:
    """Measure calls about incidents over their number, on the server."""
    print("\nPostgreSQL: ", end="")
    with on(on_server):
        return growth.growth(folder, rounds, incidents)
