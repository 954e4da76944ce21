"""`console`: pages of the console in a large organization, beside a bare Flask route.

The service runs under gunicorn, and a browser that is signed in asks it. First one client asks for
a page again and again, one request at a time: its figures are the times that the service logs,
without the network. Then eight clients ask for it, and by turns for a page of as many bytes that a
loop over rows renders by Jinja, without a database and for anybody: their figures are answers a
second, medians over the rounds.

The statements of a page are counted in this process.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from incident_service import create_app
from incident_service.config import Settings
from incident_service.web.console import session_cookie
from tests.bench.create import API, BARE, BASELINE, CLIENTS, answered, repeat
from tests.bench.large import Large, make
from tests.bench.table import Figure
from tests.helpers.console import signed_in
from tests.helpers.plans import traced
from tests.helpers.servers import Server, running
from tests.helpers.world import World

INCIDENTS = 100_000
CALLS = 150
WARM = 20
GOAL_TIME = "<= 100 ms"
GOAL_RATE = ">= 0.25"


@dataclass
class Page:
    """A page, and what is known of it."""

    name: str
    path: str
    statements: int = 0
    size: int = 0


def console(path: Path, rounds: int, seconds: float) -> list[Figure]:
    """Measure, and print the table. The file at the path is made unless it is there."""
    large = make(path, INCIDENTS)
    pages = list(pages_of(large))
    cookie = count_statements(path, large, pages)
    root = {"PYTHONPATH": str(Path(__file__).parents[2]), "BARE_ANSWER": os.devnull}
    print(f"{INCIDENTS:,} incidents; {CALLS} calls of one client, then {CLIENTS} clients,")
    print(f"{rounds} rounds of {seconds} s, {os.cpu_count()} cores; medians")
    print(
        f"{'':30}{'KiB':>6}{'p50 ms':>8}{'p99 ms':>8}{'SQL':>5}{'/s':>7}{'bare /s':>9}{'ratio':>7}"
    )
    figures = []
    with (
        running(path, command=API, environment=root) as service,
        running(path, command=BARE, environment=root) as bare,
    ):
        for page in pages:
            figures += measure(page, service, bare, cookie, rounds, seconds)
    return figures


def pages_of(large: Large) -> Iterator[Page]:
    """Yield what is measured."""
    by_component = {"status": "resolved", "componentId": large.made.component_id}
    yield Page("home", "/")
    yield Page("incidents", "/incidents")
    yield Page("incidents of a component", f"/incidents?{urlencode(by_component)}")
    yield Page("incidents with words", "/incidents?status=all&q=service+down")
    yield Page("an incident", f"/incidents/{large.number}")
    yield Page("on call", "/on-call")
    yield Page("a schedule", f"/on-call/{large.made.schedule_id}")
    yield Page("people", "/settings/people")


def count_statements(path: Path, large: Large, pages: list[Page]) -> str:
    """Count each page's statements, and look at its size; return the cookie to ask with."""
    app = create_app(Settings(database=path))
    database = app.extensions["incident_service.database"]
    world = World(app, database, app.test_client(), large.made)
    browser = signed_in(world)
    for page in pages:
        with traced(world) as statements:
            answer = browser.get(page.path)
        if answer.status_code != 200:
            raise AssertionError(page, answer.text)
        page.size = len(answer.data)
        page.statements = sum(text.lstrip().startswith(("SELECT", "WITH")) for text in statements)
    database.close()
    cookie = browser.get_cookie(session_cookie.NAME)
    assert cookie is not None
    return f"Cookie: {cookie.key}={cookie.value}\r\n"


def measure(
    page: Page, service: Server, bare: Server, cookie: str, rounds: int, seconds: float
) -> list[Figure]:
    """Measure one page, and print its line."""
    asked, plain = request(page.path, cookie), request(f"/rows/{page.size}")
    times = server_times(service, asked)
    ask(bare.port, plain)  # which compiles the template
    rates = [
        (rate_of(bare.port, plain, seconds), rate_of(service.port, asked, seconds))
        for _ in range(rounds)
    ]
    cuts = statistics.quantiles(times, n=100)
    rate = Figure.beside(BASELINE, f"{page.name}, rate", "/s", rates, GOAL_RATE)
    print(
        f"{page.name:30}{page.size / 1024:6.0f}{cuts[49]:8.1f}{cuts[98]:8.1f}{page.statements:5}"
        f"{rate.value:7.0f}{rate.baseline_value:9.0f}{rate.ratio:7.2f}",
        flush=True,
    )
    return [
        Figure(f"{page.name}, p50", "ms", cuts[49], goal=GOAL_TIME),
        Figure(f"{page.name}, p99", "ms", cuts[98], goal=GOAL_TIME),
        Figure(f"{page.name}, statements", "", page.statements),
        rate,
    ]


def server_times(service: Server, asked: bytes) -> list[float]:
    """Ask again and again; return the times that the service logs, in milliseconds."""
    begins = service.log.stat().st_size
    for _ in range(WARM + CALLS):
        ask(service.port, asked)
    lines = service.log.read_bytes()[begins:].splitlines()
    times = [line["milliseconds"] for line in map(json.loads, lines) if "milliseconds" in line]
    if len(times) != WARM + CALLS:
        raise AssertionError(lines[-5:])
    return times[WARM:]


def rate_of(port: int, sent: bytes, seconds: float) -> float:
    """Return how many answers a second all clients together get."""
    return len(repeat(port, sent, seconds, status=200)) / seconds


def ask(port: int, sent: bytes) -> None:
    """Make one request."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(sent)
        answer, _ = answered(connection)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise AssertionError(answer[:500])


def request(path: str, headers: str = "") -> bytes:
    """Return a request for the page on a connection of its own."""
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n".encode()
