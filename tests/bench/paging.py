"""`paging`: how soon a page arrives, and what paging costs the API.

A receiver in a process of its own notes when each page arrives, so that the time from the answered
create to the receiver can be told. Then incidents are created as fast as the API takes them, in
turns by a service that pages for each and by one whose paging process is halted; the figures are
medians over the rounds.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from incident_service import quickstart
from incident_service.config import ALLOWED_SCHEMES
from incident_service.database import either
from incident_service.database.engine import Database
from incident_service.paging import contact_methods
from incident_service.people.caller import Caller
from tests.bench.create import CLIENTS, load, quantiles
from tests.bench.table import Figure
from tests.helpers import engines
from tests.helpers.servers import Server, free_port, running

PER_SECOND = (1, 50)
GOAL_P99 = "<= 2000 ms"
GOAL_RATIO = ">= 0.8"
SENDERS = 16


def paging(folder: Path, seconds: float, rounds: int) -> list[Figure]:
    """Measure, and print the table."""
    with _receiver() as (port, pipe):
        figures = _latenesses(folder / "paging.db", port, pipe, PER_SECOND, seconds)
        with _service(folder / "with.db", port) as paged, _service(folder / "not.db", port) as bare:
            (pager,) = _children_that_page(bare.server)
            os.kill(pager, signal.SIGSTOP)
            found = [_rates(paged, bare, 4.0) for _ in range(rounds + 1)][1:]
    beside = Figure.beside("paging process halted", "rate of creates", "/s", found, GOAL_RATIO)
    print(f"\n{CLIENTS} clients as fast as they can, {rounds} rounds of 4 s; medians")
    print(f"{'':24}{'creates/s':>10}")
    print(f"{'with paging':24}{beside.value:10.0f}")
    print(f"{beside.baseline:24}{beside.baseline_value:10.0f}")
    print(f"{'ratio':24}{beside.ratio:10.2f}{beside.goal:>28}")
    return [*figures, beside]


def lateness(
    path: Path, rates: Sequence[int], seconds: float, engine: str, warmed: Callable[[], None]
) -> list[Figure]:
    """Measure only how soon a page arrives; `engine` is what the figures are called by.

    `warmed` is called after some pages, before the first that counts.
    """
    with _receiver() as (port, pipe):
        return _latenesses(path, port, pipe, rates, seconds, f"{engine}: ", warmed)


def _latenesses(
    path: Path,
    port: int,
    pipe: Pipe,
    rates: Sequence[int],
    seconds: float,
    what: str = "",
    warmed: Callable[[], None] | None = None,
) -> list[Figure]:
    with _service(path, port) as paged:
        if warmed:
            _lateness(paged, pipe, rates[0], seconds)
            warmed()
        measured = [(rate, _lateness(paged, pipe, rate, seconds)) for rate in rates]
    print(f"{what}{seconds:g} s each, {os.cpu_count()} cores; from the answered create to the page")
    print(f"{'':24}{'pages':>8}{'p50 ms':>9}{'p99 ms':>9}        goal")
    figures = []
    for rate, taken in measured:
        p50, p99 = (1000 * cut for cut in quantiles(taken))
        print(f"{f'{rate} incidents/s':24}{len(taken):8}{p50:9.0f}{p99:9.0f}{GOAL_P99:>12}")
        at = f"{what}a page at {rate} incidents/s"
        figures.append(Figure(f"{at}, p50", "ms", p50))
        figures.append(Figure(f"{at}, p99", "ms", p99, goal=GOAL_P99))
    return figures


class _Place:
    """A service on a file where opening an incident pages one user."""

    def __init__(self, server: Server, database: Database, made: quickstart.Provisioned) -> None:
        self.server = server
        self.database = database
        self.key = made.key
        self.body: dict[str, Any] = {
            "title": "Payment service elevated error rate",
            "severity": "critical",
            "ownerScheduleId": made.schedule_id,
            "componentIds": [made.component_id],
        }

    def wait_until_idle(self) -> None:
        """Wait until all that was opened has been paged for."""
        while self._count("deliveries") or self._count("incident_timers", "kind = 'owner'"):
            time.sleep(0.1)

    def _count(self, table: str, where: str = "true") -> int:
        with self.database.read() as db:
            row = db.execute(f"SELECT count(*) AS n FROM {table} WHERE {where}").fetchone()
            number: int = row["n"]
            return number


@contextmanager
def _service(path: Path, receiver_port: int) -> Iterator[_Place]:
    database = either.open_database(engines.where(path))
    either.initialise(database)
    made = database.write(None, quickstart.provision)
    caller = Caller(made.org_id, "bench", made.user_id, "org:admin")
    method = {"label": "bench", "url": f"http://127.0.0.1:{receiver_port}/"}
    database.write(caller.org_id, contact_methods.create, caller, made.user_id, method)
    schemes = ",".join({*ALLOWED_SCHEMES, "http"})
    environment = {"INCIDENT_SERVICE_ALLOWED_NOTIFICATION_SCHEMES": schemes}
    with running(path, environment=environment) as server:
        place = _Place(server, database, made)
        assert server.open_incident(place.key, place.body)[0] == 201
        place.wait_until_idle()  # the paging process is up
        yield place


def _lateness(place: _Place, pipe: Pipe, per_second: int, seconds: float) -> list[float]:
    """Open incidents at a steady rate; return how long after its answer each page arrived."""
    answered: dict[str, float] = {}
    begin = time.time() + 0.5

    def open_at(n: int) -> None:
        time.sleep(max(0.0, begin + n / per_second - time.time()))
        status, answer, _ = place.server.open_incident(place.key, place.body)
        assert status == 201, answer
        answered[answer["data"]["id"]] = time.time()

    with ThreadPoolExecutor(SENDERS) as senders:
        list(senders.map(open_at, range(int(seconds * per_second))))
    place.wait_until_idle()
    pipe.send("arrived")
    arrived: dict[str, float] = pipe.recv()
    return [arrived[id] - at for id, at in answered.items()]


def _rates(paged: _Place, bare: _Place, seconds: float) -> tuple[float, float]:
    """Return creates a second without paging beside them, and with it."""
    with_ = len(load(paged.server.port, paged.key, paged.body, seconds))
    paged.wait_until_idle()
    without = len(load(bare.server.port, bare.key, bare.body, seconds))
    return without / seconds, with_ / seconds


def _children_that_page(server: Server) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(server.process.pid)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [int(pid) for pid in re.findall(r"^ *(\d+) .* page --parent", found.stdout, re.M)]


@contextmanager
def _receiver() -> Iterator[tuple[int, Pipe]]:
    """Run a receiver; it answers each message on the pipe with when each incident's page came."""
    port = free_port()
    mine, its = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(
        target=lambda: asyncio.run(_receive(port, its)), daemon=True
    )
    process.start()
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port, mine
    finally:
        process.kill()
        process.join()


async def _receive(port: int, pipe: Pipe) -> None:
    arrived: dict[str, float] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.I)
            body = await reader.readexactly(int(length[1]) if length else 0)
            incident = re.search(rb'"incident": \{"id": "([^"]+)"', body)
            if incident:
                arrived.setdefault(incident[1].decode(), time.time())
            writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # a look whether this is up
        finally:
            writer.close()

    def tell() -> None:
        pipe.recv()
        pipe.send(arrived)

    asyncio.get_running_loop().add_reader(pipe.fileno(), tell)
    server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=512)
    await server.serve_forever()
