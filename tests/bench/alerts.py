"""`alerts`: what monitoring sends, beside creates, in bulk, and with a million alerts in the file.

Eight clients send an alert that is known, and open incidents, in turns. Then one client sends
batches of a thousand new alerts, and eight of another organization open incidents meanwhile, and
without it. At last, in one process through Flask's test client, a file with few alerts and one with
a million take turns call by call. The figures are medians over the rounds, and so are the ratios.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import sqlite3
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any

from incident_service import clock, create_app, ids, quickstart
from incident_service.clock import format_instant
from incident_service.config import Settings
from incident_service.database import maintenance
from incident_service.database.engine import Database
from incident_service.database.file import FileDatabase
from incident_service.severity import SEVERITIES
from tests.bench.create import API, CLIENTS, Speed, load, repeat, speed
from tests.bench.growth import timed
from tests.bench.table import Figure
from tests.helpers.provisioned import body
from tests.helpers.servers import Server, running

BATCH = 1000
SPAN = timedelta(days=90)
FIRING_SHARE = 100  # of so many alerts one fires
FEW = 1000
CALLS = 15
PATIENCE = 500  # milliseconds: a call that takes long is made less often
AT_ONCE = 5000

INTEGRATIONS = "/v1/integrations/inbound"


def alerts(folder: Path, rounds: int, seconds: float, number: int) -> list[Figure]:
    """Measure, and print the figures."""
    file = FileDatabase(folder / "bench.db")
    maintenance.initialise(file)
    made = []
    for _ in range(2):
        file.write(None, lambda db, **_: db.execute("UPDATE organizations SET name = 'Earlier'"))
        made.append(file.write(None, quickstart.provision))
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    print(f"{CLIENTS} clients, {rounds} rounds of {seconds} s, {os.cpu_count()} cores; medians")
    with running(folder / "bench.db", command=API, environment=root) as server:
        found = beside_creates(server, made[0], rounds, seconds)
        found += batches_beside_creates(server, made[0], made[1], rounds, seconds)
    found += growth(folder, 3 * rounds, number)
    for figure in found:
        of_baseline = f"{figure.baseline_value:10.2f} {figure.baseline}" if figure.baseline else ""
        print(f"{figure.measured:55}{figure.value:10.2f} {figure.unit:3}{of_baseline}")
        if figure.baseline:
            print(f"{'':55}{figure.ratio:10.2f} times; goal {figure.goal or 'none'}")
    return found


def beside_creates(
    server: Server, made: quickstart.Provisioned, rounds: int, seconds: float
) -> list[Figure]:
    """Measure how fast known alerts are taken in, beside creates in the same rounds."""
    path = integrate(server, made, "alertmanager")
    payload = json.dumps(of_alertmanager(["co-1"])).encode()
    status, answer, _ = server.request("POST", path, json.loads(payload))
    if status != 202:
        raise AssertionError(answer)
    known = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(payload)}\r\nConnection: close\r\n\r\n"
    ).encode() + payload

    def create() -> list[float]:
        return load(server.port, made.key, body(made), seconds)

    def send() -> list[float]:
        return repeat(server.port, known, seconds, status=202)

    found: dict[Callable[[], list[float]], list[Speed]] = defaultdict(list)
    for _ in range(1 + rounds):
        for turn in (create, send):
            found[turn].append(speed(turn(), seconds))
    pairs = list(zip(found[create][1:], found[send][1:], strict=True))  # the first warms up
    baseline = "creates"
    return [
        Figure.beside(baseline, "known alerts", "/s", [(a.rate, b.rate) for a, b in pairs], ">= 1"),
        Figure.beside(baseline, "known alerts p50", "ms", [(a.p50, b.p50) for a, b in pairs]),
        Figure.beside(baseline, "known alerts p99", "ms", [(a.p99, b.p99) for a, b in pairs]),
    ]


def batches_beside_creates(
    server: Server,
    sender: quickstart.Provisioned,
    other: quickstart.Provisioned,
    rounds: int,
    seconds: float,
) -> list[Figure]:
    """Measure batches of new alerts, and creates of another organization meanwhile."""
    path = integrate(server, sender, "generic")
    numbers = itertools.count()
    undisturbed, disturbed, taken = [], [], []
    for _ in range(rounds):
        undisturbed.append(speed(load(server.port, other.key, body(other), seconds), seconds))
        sending = multiprocessing.get_context("fork")
        answers: Queue[float] = sending.Queue()
        process = sending.Process(
            target=send_batches, args=(server, path, next(numbers), seconds, answers)
        )
        process.start()
        disturbed.append(speed(load(server.port, other.key, body(other), seconds), seconds))
        taken.append(answers.get())
        process.join()
    alone = time_of_batches(server, path, next(numbers), seconds)
    pairs = list(zip(undisturbed, disturbed, strict=True))
    baseline = "without batches"
    during = "another organization's creates during batches"
    return [
        Figure(f"{BATCH:,} new alerts in one body", "ms", alone),
        Figure(f"{BATCH:,} new alerts in one body, beside creates", "ms", statistics.median(taken)),
        Figure.beside(baseline, during, "/s", [(a.rate, b.rate) for a, b in pairs]),
        Figure.beside(baseline, f"{during}, p50", "ms", [(a.p50, b.p50) for a, b in pairs]),
        Figure.beside(baseline, f"{during}, p99", "ms", [(a.p99, b.p99) for a, b in pairs]),
    ]


def send_batches(
    server: Server, path: str, number: int, seconds: float, answers: Queue[float]
) -> None:
    answers.put(time_of_batches(server, path, number, seconds))


def time_of_batches(server: Server, path: str, number: int, seconds: float) -> float:
    """Send batches one after the other; return the median time of one, in milliseconds."""
    until = time.perf_counter() + seconds
    taken = []
    for n in itertools.count():
        batch = of_generic(f"{number}/{n}", BATCH)

        def send(batch: list[dict[str, str]] = batch) -> None:
            status, answer, _ = server.request("POST", path, batch)
            if status != 202 or len(answer["data"]["alerts"]) != BATCH:
                raise AssertionError(answer)

        taken.append(timed(send))
        if time.perf_counter() > until:
            return statistics.median(taken)
    raise AssertionError


def growth(folder: Path, rounds: int, number: int) -> list[Figure]:
    """Measure the same calls with few alerts in the file, and with many."""
    now = clock.now()
    few, many = World(folder / "few.db", FEW, now), World(folder / "many.db", number, now)
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for _ in range(1 + rounds):
        for (name, of_few), (_, of_many) in zip(few.calls(), many.calls(), strict=True):
            taken: list[tuple[float, float]] = []
            while len(taken) < CALLS and sum(map(sum, taken)) < PATIENCE:
                taken.append((timed(of_few), timed(of_many)))
            one, other = (statistics.median(column) for column in zip(*taken, strict=True))
            found[name].append((one, other))
    return [
        Figure.beside(
            f"{FEW:,} alerts", f"{name}, {number:,} alerts", "ms", pairs[1:], "<= 1.3"
        )  # the first round warms up
        for name, pairs in found.items()
    ]


class World:
    """The service on a file with so many alerts, most of them over."""

    def __init__(self, path: Path, number: int, now: datetime) -> None:
        app = create_app(Settings(database=path))
        database: Database = app.extensions["incident_service.database"]
        made = database.write(None, quickstart.provision)
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {made.key}"}
        self._batches = itertools.count()
        answer: Any = self._client.post(
            INTEGRATIONS, json={"name": "Tool", "kind": "generic"}, headers=self._headers
        ).json
        self._id, self._path = answer["data"]["id"], f"/in/{answer['data']['token']}"
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -262144")
        rows = self._rows(made.org_id, number, now)
        while batch := list(itertools.islice(rows, AT_ONCE)):
            connection.executemany(f"INSERT INTO {ALERTS} VALUES ({', '.join('?' * 15)})", batch)
            connection.commit()
        connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
        connection.close()

    def _rows(self, org_id: str, number: int, now: datetime) -> Iterator[tuple[Any, ...]]:
        """Yield alerts, as ninety days leave them behind; the same spread in every file."""
        attributes = json.dumps({"service": "checkout", "host": "co-1", "region": "eu-west-1"})
        for n in range(number):
            at = format_instant(now - SPAN + n / number * SPAN)
            fires = n % FIRING_SHARE == 0
            yield (
                org_id, ids.new_id(), self._id, f"old {n}", f"old {n}",
                "firing" if fires else "resolved", SEVERITIES[n % 4], "Checkout is slow",
                attributes, "[]", "notification", 1, at, at, None if fires else at,
            )  # fmt: skip

    def calls(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what is measured: its name and the call, which makes sure of the answer."""
        yield "a known alert", self._send([{"title": "Known", "dedupKey": "old 500"}])
        yield f"{BATCH:,} new alerts", self._send_new
        yield "first page of alerts", self._list("")
        yield "first page, firing", self._list("?status=firing")
        yield "first page, of an integration", self._list(f"?integrationId={self._id}")

    def _send(self, body: Any) -> Callable[[], None]:
        def call() -> None:
            answer = self._client.post(self._path, json=body)
            if answer.status_code != 202:
                raise AssertionError(answer.json)

        return call

    def _send_new(self) -> None:
        self._send(of_generic(f"{next(self._batches)}", BATCH))()

    def _list(self, query: str) -> Callable[[], None]:
        def call() -> None:
            answer = self._client.get(f"/v1/alerts{query}", headers=self._headers)
            found: Any = answer.json
            if answer.status_code != 200 or not found["data"]["alerts"]:
                raise AssertionError(found)

        return call


ALERTS = """
    alerts (
        org_id, id, integration_id, dedup_key, group_key, status, severity, title, attributes,
        links, outcome, count, first_at, last_at, resolved_at)
"""


def integrate(server: Server, made: quickstart.Provisioned, kind: str) -> str:
    """Make an integration; return the path that its tool sends to."""
    key = {"Authorization": f"Bearer {made.key}"}
    body = {"name": f"Of kind {kind}", "kind": kind}
    status, answer, _ = server.request("POST", INTEGRATIONS, body, key)
    if status != 201:
        raise AssertionError(answer)
    return f"/in/{answer['data']['token']}"


def of_generic(batch: str, number: int) -> list[dict[str, str]]:
    """Return so many alerts that are new if the batch is."""
    return [
        {
            "title": "Checkout answers slowly",
            "description": "The 99th percentile has been above 2 s for ten minutes.",
            "severity": "critical",
            "dedupKey": f"{batch}/{n}",
        }
        for n in range(number)
    ]


def of_alertmanager(hosts: list[str]) -> dict[str, Any]:
    """Return what Alertmanager sends of a group that fires on these hosts."""
    labels = {"alertname": "CheckoutLatencyHigh", "severity": "critical", "team": "checkout"}
    annotations = {
        "summary": "Checkout p99 above 2 s",
        "description": "p99 has been above 2 s for 10 minutes.",
        "runbook_url": "https://wiki.example.com/checkout-latency",
    }
    return {
        "version": "4",
        "groupKey": '{}/{team="checkout"}:{alertname="CheckoutLatencyHigh"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "incident-service",
        "groupLabels": {"alertname": "CheckoutLatencyHigh"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://am.example.com:9093",
        "alerts": [
            {
                "status": "firing",
                "labels": {**labels, "instance": host},
                "annotations": annotations,
                "startsAt": "2026-11-25T08:00:00.123456789Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "http://prom.example.com:9090/graph?g0.expr=checkout_p99",
                "fingerprint": f"9d1b3c0a7e5f{host}",
            }
            for host in hosts
        ],
    }
