"""`status`: the public page, beside a bare Flask route that returns a string of the same size.

The page shows 50 components and tells of 200 incidents in 90 days. Three figures: whole, as it is
answered while nothing changes; as `304`; and rendered again, as each worker does after a change.
Both servers run under the same gunicorn settings; eight clients, a connection a request; the three
take turns, and the figures are medians over the rounds.
"""

from __future__ import annotations

import http.client
import os
import random
import statistics
import time
from datetime import datetime, timedelta
from pathlib import Path

from incident_service import clock, create_app, quickstart
from incident_service.config import Settings
from incident_service.database import maintenance
from incident_service.database.engine import Connection, Database
from incident_service.database.file import FileDatabase
from incident_service.incidents import opening
from incident_service.incidents.lifecycle import STATUSES
from incident_service.incidents.updates import NewUpdate, post
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.status import components, status_pages
from tests.bench.create import API, BARE, CLIENTS, Speed, beside_bare, repeat, speed
from tests.bench.table import Figure
from tests.helpers.clocks import write_at
from tests.helpers.servers import running

COMPONENTS = 50
INCIDENTS = 200
SLUG = "bench"
GOAL_WHOLE = ">= 0.25"
GOAL_KNOWN = ">= 0.8"


def status(folder: Path, rounds: int, seconds: float) -> list[Figure]:
    """Measure the page, and print the table."""
    database = folder / "bench.db"
    fill(database)
    root = {"PYTHONPATH": str(Path(__file__).parents[2])}
    with running(database, command=API, environment=root) as service:
        body, etag = fetch(service.port)
        sample = folder / "page.html"
        sample.write_bytes(body)
        whole, known = request(), request(f"If-None-Match: {etag}\r\n")
        with running(
            database, command=BARE, environment={**root, "BARE_ANSWER": str(sample)}
        ) as bare:
            sides = (
                (bare.port, whole, 200),
                (service.port, whole, 200),
                (service.port, known, 304),
            )
            found: tuple[list[Speed], ...] = tuple([] for _ in sides)
            for turn in range(rounds + 1):
                for (port, sent, answer), of_side in zip(sides, found, strict=True):
                    taken = repeat(port, sent, seconds if turn else 1.0, status=answer)
                    if turn:  # the first is for warming up
                        of_side.append(speed(taken, seconds))
    of_bare, of_whole, of_known = found
    whole_page = beside_bare("whole, ", of_bare, of_whole, GOAL_WHOLE)
    known_page = beside_bare("as 304, ", of_bare, of_known, GOAL_KNOWN)
    report(whole_page, known_page, rounds, seconds, len(body))
    again = Figure("rendered again", "ms", 1000 * render_again(database))
    print(f"rendered again: {again.value:.1f} ms")
    return [*whole_page, *known_page, again]


def report(
    whole: list[Figure], known: list[Figure], rounds: int, seconds: float, size: int
) -> None:
    """Print rates, latencies, and the ratios of the rates to the bare route's of the same round."""
    print(f"{COMPONENTS} components, {INCIDENTS} incidents in 90 days: {size / 1024:.0f} KiB")
    print(f"{CLIENTS} clients, {rounds} rounds of {seconds} s, {os.cpu_count()} cores; medians")
    print(f"{'':18}{'answers/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'ratio':>8}")
    rate, p50, p99 = (figure.baseline_value for figure in whole)
    print(f"{'(a) bare route':18}{rate:10.0f}{p50:9.1f}{p99:9.1f}")
    for name, figures in (("(b) the page", whole), ("(c) as 304", known)):
        rate, p50, p99 = (figure.value for figure in figures)
        print(f"{name:18}{rate:10.0f}{p50:9.1f}{p99:9.1f}{figures[0].ratio:8.2f}")


def render_again(database: Path) -> float:
    """Return the seconds that it takes to render the page after a change, the median of twenty."""
    app = create_app(Settings(database=database))
    file: Database = app.extensions["incident_service.database"]
    client = app.test_client()
    taken = []
    for _ in range(20):
        file.write(
            None, lambda db, **_: db.execute("UPDATE status_pages SET updated_at = updated_at")
        )
        began = time.perf_counter()
        assert client.get(f"/status/{SLUG}").status_code == 200
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def request(headers: str = "") -> bytes:
    """Return a request for the page on a connection of its own."""
    return (
        f"GET /status/{SLUG} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n"
    ).encode()


def fetch(port: int) -> tuple[bytes, str]:
    """Return the page and its ETag."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", f"/status/{SLUG}")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return body, answer.headers["ETag"]


def fill(path: Path) -> None:
    """Make the page, and incidents that were resolved within hours, all but the last three."""
    file = FileDatabase(path)
    maintenance.initialise(file)
    now = clock.now()
    made = write_at(now, file, quickstart.provision)
    caller = Caller(made.org_id, "", made.user_id, "org:admin")
    chance = random.Random(1)

    def work(db: Connection, *, now: datetime) -> None:
        shown = [
            components.create(
                db, caller, {"name": f"Component {n}", "group_label": f"Group {n // 10}"}, now=now
            )["id"]
            for n in range(COMPONENTS)
        ]
        page = {"slug": SLUG, "title": "Bench", "published": True, "component_ids": shown}
        status_pages.create(db, caller, page, now=now)
        for n in range(INCIDENTS):
            at = now - timedelta(days=89) * (INCIDENTS - n) / INCIDENTS
            new = opening.NewIncident(
                title=f"Something is slow, number {n}",
                severity=chance.choice(SEVERITIES),
                owner_id=made.user_id,
                component_ids=tuple(chance.sample(shown, 2)),
            )
            incident = opening.open_incident(db, caller, new, now=at)
            text = "We have found out more, and tell it here in two lines or so." * 2
            post(db, caller, incident["id"], NewUpdate("public", text), now=at)
            if n < INCIDENTS - 3:
                for hours, following in enumerate(STATUSES[1:]):
                    told = NewUpdate("public", text, status_change=following)
                    post(db, caller, incident["id"], told, now=at + timedelta(hours=hours))

    file.write(None, work)
