"""Part of `oncall`: answers a second to who is on call, beside a bare Flask route.

Both run under the same gunicorn settings and answer the same JSON; the bare route has neither
database nor key. Eight clients, a connection a request; the two take turns, and the figures are
medians over the rounds.
"""

from __future__ import annotations

import http.client
import os
from pathlib import Path

from incident_service import quickstart
from incident_service.database import maintenance
from incident_service.database.file import FileDatabase
from tests.bench.create import API, BARE, CLIENTS, beside_bare, repeat, speed
from tests.bench.table import Figure
from tests.helpers.servers import Server, running

GOAL = ">= 0.5"


def oncall_rate(folder: Path, rounds: int, seconds: float) -> list[Figure]:
    """Measure both calls, and print the table."""
    database = folder / "rate.db"
    file = FileDatabase(database)
    maintenance.initialise(file)
    made = file.write(None, quickstart.provision)
    paths = {
        "GET /v1/oncall": "/v1/oncall",
        "resolve": f"/v1/oncall/schedules/{made.schedule_id}/resolve",
    }
    print(f"\n{CLIENTS} clients, {rounds} rounds of {seconds} s, {os.cpu_count()} cores; medians")
    print(f"{'answers/s':18}{'bare route':>12}{'service':>10}{'ratio':>8}{'goal':>8}")
    figures = []
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(database, command=API, environment=root) as service:
        for name, path in paths.items():
            sent = (
                f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {made.key}\r\n"
                "Connection: close\r\n\r\n"
            ).encode()
            sample = folder / "answer.json"
            sample.write_bytes(_answer(service, path, made.key))
            with running(
                database, command=BARE, environment={**root, "BARE_ANSWER": str(sample)}
            ) as bare:
                found = [
                    [
                        speed(repeat(server.port, sent, seconds, status=200), seconds)
                        for server in (bare, service)
                    ]
                    for _ in range(rounds + 1)
                ][1:]  # the first round is for warming up
            of_bare, of_service = ([*column] for column in zip(*found, strict=True))
            rate, *latencies = beside_bare(f"{name}, ", of_bare, of_service, GOAL)
            print(
                f"{name:18}{rate.baseline_value:12.0f}{rate.value:10.0f}{rate.ratio:8.2f}{GOAL:>8}"
            )
            figures += [rate, *latencies]
    return figures


def _answer(service: Server, path: str, key: str) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", service.port)
    connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    assert answer.status == 200
    body = answer.read()
    connection.close()
    return body
