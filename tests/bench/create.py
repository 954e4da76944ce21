"""`create`: incidents a second, beside a bare Flask route.

Both run under the same gunicorn settings and answer the same JSON; the bare route has neither
database nor validation, and neither has a paging process beside it (`paging` measures with one).
Eight clients, a connection a request, so that no worker keeps a client. The two take turns, and the
figures are medians over the rounds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from incident_service import clock, quickstart
from incident_service.db import Database
from tests.live.servers import running

CLIENTS = 8
API = (sys.executable, "-m", "tests.bench.api")
BARE = (sys.executable, "-m", "tests.bench.bare")


def create(folder: Path, rounds: int, seconds: float, memory_after: int) -> None:
    """Measure creating incidents, and print the table."""
    database = folder / "bench.db"
    file = Database(database)
    file.initialise()
    made = file.write(quickstart.provision, now=clock.now())
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
            figures: dict[str, list[list[float]]] = {"bare": [], "service": []}
            load(bare.port, made.key, body, 1.0)
            load(service.port, made.key, body, 1.0)
            for _ in range(rounds):
                figures["bare"].append(load(bare.port, made.key, body, seconds))
                figures["service"].append(load(service.port, made.key, body, seconds))
            report(figures, seconds)
        opened = rows(database)
        while opened < memory_after:
            load(service.port, made.key, body, 10.0)
            opened = rows(database)
        print(f"\nlargest worker after {opened} creates: {largest_child(service.process.pid)} MiB")


def report(figures: dict[str, list[list[float]]], seconds: float) -> None:
    """Print rates and latencies, and the ratios of the rounds' pairs."""

    def per_round(name: str) -> list[tuple[float, float, float]]:
        found = []
        for taken in figures[name]:
            p50, p99 = quantiles(taken)
            found.append((len(taken) / seconds, 1000 * p50, 1000 * p99))
        return found

    bare, service = per_round("bare"), per_round("service")
    print(f"{CLIENTS} clients, {len(bare)} rounds of {seconds} s, {os.cpu_count()} cores; medians")
    print(f"{'':18}{'creates/s':>10}{'p50 ms':>9}{'p99 ms':>9}")
    for name, found in (("(a) bare route", bare), ("(b) this service", service)):
        rate, p50, p99 = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"{name:18}{rate:10.0f}{p50:9.1f}{p99:9.1f}")
    ratios = [
        [b / a for a, b in zip(one, other, strict=True)]
        for one, other in zip(bare, service, strict=True)
    ]
    rate, p50, p99 = (statistics.median(column) for column in zip(*ratios, strict=True))
    print(f"{'ratio b/a':18}{rate:10.2f}{p50:9.2f}{p99:9.2f}")


def quantiles(taken: list[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in seconds."""
    cuts = statistics.quantiles(taken, n=100)
    return cuts[49], cuts[98]


def load(port: int, key: str, body: dict[str, Any], seconds: float) -> list[float]:
    """Open incidents from all clients for some seconds; return how long each answer took."""
    payload = json.dumps(body).encode()
    request = (
        f"POST /v1/incidents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode() + payload
    return repeat(port, request, seconds, status=201)


def repeat(port: int, request: bytes, seconds: float, *, status: int) -> list[float]:
    """Make a request from all clients for some seconds; return how long each answer took."""
    with multiprocessing.get_context("fork").Pool(CLIENTS) as pool:
        found = pool.starmap(client, [(port, request, seconds, status)] * CLIENTS)
    return [taken for part in found for taken in part]


def client(port: int, request: bytes, seconds: float, status: int) -> list[float]:
    """Make one request after the other, each on a connection of its own."""
    taken = []
    until = time.perf_counter() + seconds
    while (began := time.perf_counter()) < until:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(request)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        if not answer.startswith(f"HTTP/1.1 {status} ".encode()):
            raise AssertionError(answer[:500])
        taken.append(time.perf_counter() - began)
    return taken


def rows(database: Path) -> int:
    """Return how many incidents there are."""
    with Database(database).read() as db:
        number: int = db.execute("SELECT count(*) AS n FROM incidents").fetchone()["n"]
        return number


def largest_child(pid: int) -> int:
    """Return the resident memory of the largest child process, in MiB."""
    found = subprocess.run(
        ["ps", "-o", "rss=", "--ppid", str(pid)], capture_output=True, text=True, check=True
    )
    return max(int(line) for line in found.stdout.split()) // 1024
