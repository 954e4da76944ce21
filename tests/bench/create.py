"""`create`: incidents a second, beside a bare Flask route.

Both run under the same gunicorn settings and answer the same JSON; the bare route has neither
database nor validation, and neither has a paging process beside it (`paging` measures with one).
Eight clients, once with a connection a request, and once with connections that they keep. All four
take turns, and the figures are medians over the rounds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

from incident_service import quickstart
from incident_service.database import maintenance
from incident_service.database.file import FileDatabase
from tests.bench.table import Figure
from tests.helpers.servers import running

CLIENTS = 8
API = (sys.executable, "-m", "tests.bench.api")
BARE = (sys.executable, "-m", "tests.bench.bare")
BASELINE = "a bare Flask route"
GOAL_RATE = ">= 0.33, aim 0.38"
GOAL_P99 = "<= 2.5, aim 2"


class Speed(NamedTuple):
    """Answers a second, and how many milliseconds they take."""

    rate: float
    p50: float
    p99: float


def create(folder: Path, rounds: int, seconds: float, memory_after: int) -> list[Figure]:
    """Measure creating incidents, and print the table."""
    database = folder / "bench.db"
    file = FileDatabase(database)
    maintenance.initialise(file)
    made = file.write(None, quickstart.provision)
    body = {
        "title": "Payment service elevated error rate",
        "description": "The payment processing service is returning 5xx errors",
        "severity": "critical",
        "ownerScheduleId": made.schedule_id,
        "componentIds": [made.component_id],
    }
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(database, command=API, environment=root) as service:
        _, answer, _ = service.open_incident(made.key, body)
        sample = folder / "answer.json"
        sample.write_text(json.dumps(answer))
        bare_environment = {**root, "BARE_ANSWER": str(sample)}
        with running(database, command=BARE, environment=bare_environment) as bare:
            for server in (bare, service):
                load(server.port, made.key, body, 1.0)
            found: dict[tuple[bool, bool], list[Speed]] = defaultdict(list)
            for _ in range(rounds):
                for is_kept in (False, True):
                    for server in (bare, service):
                        taken = load(server.port, made.key, body, seconds, is_kept=is_kept)
                        found[is_kept, server is bare].append(speed(taken, seconds))
        figures = []
        print(f"{CLIENTS} clients, {rounds} rounds of {seconds} s, {os.cpu_count()} cores; medians")
        for is_kept, what in ((False, ""), (True, "kept-alive ")):
            of_bare, of_service = found[is_kept, True], found[is_kept, False]
            measured = beside_bare(what, of_bare, of_service, GOAL_RATE, GOAL_P99)
            report(what, measured)
            figures += measured
        opened = rows(database)
        while opened < memory_after:
            load(service.port, made.key, body, 10.0)
            opened = rows(database)
        memory = largest_child(service.process.pid)
    print(f"\nlargest worker after {opened} creates: {memory} MiB")
    return [*figures, Figure(f"largest worker after {opened} creates", "MiB", memory)]


def report(what: str, figures: list[Figure]) -> None:
    """Print rates and latencies, and the ratios of the rounds' pairs."""
    print(f"{what:18}{'creates/s':>10}{'p50 ms':>9}{'p99 ms':>9}")
    rate, p50, p99 = (figure.baseline_value for figure in figures)
    print(f"{'(a) bare route':18}{rate:10.0f}{p50:9.1f}{p99:9.1f}")
    rate, p50, p99 = (figure.value for figure in figures)
    print(f"{'(b) this service':18}{rate:10.0f}{p50:9.1f}{p99:9.1f}")
    rate, p50, p99 = (figure.ratio for figure in figures)
    print(f"{'ratio b/a':18}{rate:10.2f}{p50:9.2f}{p99:9.2f}")


def beside_bare(
    what: str,
    bare: list[Speed],
    ours: list[Speed],
    goal_rate: str,
    goal_p99: str = "",
    *,
    baseline: str = BASELINE,
) -> list[Figure]:
    """Return the figures of a speed over rounds, beside the bare route's in the same rounds."""
    rounds = list(zip(bare, ours, strict=True))
    rate, p50, p99 = ([(a[k], b[k]) for a, b in rounds] for k in range(3))
    return [
        Figure.beside(baseline, f"{what}rate", "/s", rate, goal_rate),
        Figure.beside(baseline, f"{what}p50", "ms", p50),
        Figure.beside(baseline, f"{what}p99", "ms", p99, goal_p99),
    ]


def speed(taken: list[float], seconds: float) -> Speed:
    """Return the speed at which answers came, each of which took so many seconds."""
    p50, p99 = quantiles(taken)
    return Speed(len(taken) / seconds, 1000 * p50, 1000 * p99)


def quantiles(taken: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in seconds."""
    cuts = statistics.quantiles(taken, n=100)
    return cuts[49], cuts[98]


def load(
    port: int, key: str, body: dict[str, Any], seconds: float, *, is_kept: bool = False
) -> list[float]:
    """Open incidents from all clients for some seconds; return how long each answer took."""
    payload = json.dumps(body).encode()
    request = (
        f"POST /v1/incidents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        f"Connection: {'keep-alive' if is_kept else 'close'}\r\n\r\n"
    ).encode() + payload
    return repeat(port, request, seconds, status=201)


def repeat(port: int, request: bytes, seconds: float, *, status: int) -> list[float]:
    """Make a request from all clients for some seconds; return how long each answer took."""
    with multiprocessing.get_context("fork").Pool(CLIENTS) as pool:
        found = pool.starmap(client, [(port, request, seconds, status)] * CLIENTS)
    return [taken for part in found for taken in part]


def client(port: int, request: bytes, seconds: float, status: int) -> list[float]:
    """Make one request after the other, on a new connection if the last answer ended its own."""
    taken = []
    connection: socket.socket | None = None
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        connection = connection or socket.create_connection(("127.0.0.1", port))
        connection.sendall(request)
        answer, is_kept = answered(connection)
        if not is_kept:
            connection.close()
            connection = None
        if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
            raise AssertionError(answer[:500])
        taken.append(time.perf_counter() - began)
    if connection is not None:
        connection.close()
    return taken


def answered(connection: socket.socket) -> tuple[bytes, bool]:
    """Return an answer, and whether the connection may be kept; if not, it has ended."""
    answer = b""
    whole, is_kept = sys.maxsize, True
    while len(answer) < whole or not is_kept:
        part = connection.recv(65536)
        if not part:
            break
        answer += part
        head, end, _ = answer.partition(b"\r\n\r\n")
        if end and whole == sys.maxsize:
            is_kept = b"\r\nConnection: close" not in head
            length = re.search(rb"\r\nContent-Length: (\d+)", head)  # none in a 304
            whole = len(head) + len(end) + (int(length[1]) if length else 0)
    return answer, is_kept and len(answer) == whole


def rows(database: Path) -> int:
    """Return how many incidents there are."""
    with FileDatabase(database).read() as db:
        number: int = db.execute("SELECT count(*) AS n FROM incidents").fetchone()["n"]
        return number


def largest_child(pid: int) -> int:
    """Return the resident memory of the largest child process, in MiB."""
    found = subprocess.run(
        ["ps", "-o", "rss=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    return max(int(line) for line in found.stdout.split()) // 1024
