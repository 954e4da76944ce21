"""`python -m tests.soak.writers`: 32 writers of one organization, and of 32, on PostgreSQL.

Two machines serve; each writer opens incidents without a pause. Prints the rate, how long answers
took, how long writes waited for their turn, and how many had to run again.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from urllib.request import urlopen

from incident_service.config import Settings
from tests.helpers import clusters
from tests.helpers.figures import Figures, parse
from tests.helpers.place import Place
from tests.helpers.provisioned import body
from tests.helpers.servers import Server, running

WRITERS = 32
WAITS = "incident_service_write_wait_seconds"
RETRIES = "incident_service_write_retries_total"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.writers")
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers end
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        data = stack.enter_context(clusters.folders())
        cluster = stack.enter_context(clusters.cluster(data / "server"))
        first = Place(Path(folder) / "writers.db", cluster.url())
        places = [first, *(first.another() for _ in range(WRITERS - 1))]
        variable = Settings(database=cluster.url()).database_variable
        environment = {"INCIDENT_SERVICE_DATABASE": variable}
        servers = [
            stack.enter_context(running(first.path, environment=environment)) for _ in range(2)
        ]
        for some in (places[:1], places):
            print(_measure(servers, some, seconds), flush=True)
        print(f"{cluster.deadlocks()} deadlocks")


def _measure(servers: list[Server], places: list[Place], seconds: float) -> str:
    """Let the writers open incidents, each in one of the organizations; return the figures."""
    before = [_figures(server) for server in servers]
    took: list[float] = []
    statuses: Counter[int] = Counter()
    until = time.monotonic() + seconds

    def write(writer: int) -> None:
        place = places[writer % len(places)]
        connection = http.client.HTTPConnection("127.0.0.1", servers[writer % 2].port, timeout=60)
        headers = {
            "Authorization": f"Bearer {place.made.key}",
            "Content-Type": "application/json",
        }
        new = json.dumps(
            {**body(place.made), "ownerScheduleId": None, "ownerId": place.made.user_id}
        )
        while time.monotonic() < until:
            began = time.monotonic()
            connection.request("POST", "/v1/incidents", new, headers)
            answer = connection.getresponse()
            answer.read()
            took.append(time.monotonic() - began)
            statuses[answer.status] += 1
        connection.close()

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = [_figures(server) for server in servers]

    def grown(name: str) -> float:
        return sum(
            new.get((name, ()), 0) - old.get((name, ()), 0)
            for old, new in zip(before, after, strict=True)
        )

    took.sort()
    wait = grown(f"{WAITS}_sum") / max(grown(f"{WAITS}_count"), 1)
    p50, p99 = (1000 * took[len(took) * each // 100] for each in (50, 99))
    load = "/".join(f"{each:.0f}" for each in os.getloadavg())
    return (
        f"{WRITERS} writers of {len(places)}: {statuses[201] / seconds:.0f} a second, "
        f"p50 {p50:.0f} ms, p99 {p99:.0f} ms, waited {1000 * wait:.0f} ms on average, "
        f"{grown(RETRIES):.0f} ran again, {dict(statuses)}, load {load}"
    )


def _figures(server: Server) -> Figures:
    with urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=60) as answer:
        return parse(answer.read().decode())


if __name__ == "__main__":
    main()
