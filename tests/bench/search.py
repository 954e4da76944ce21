"""`search`: finding incidents by words among a million, and what that costs a create.

In one process, through Flask's test client. The table shows the median and the 99th percentile over
the rounds, of each query and of each kind of queries. Creates alternate between a file that indexes
words and one that does not.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import statistics
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from incident_service import clock, ids
from incident_service.clock import format_instant
from incident_service.severity import SEVERITIES
from tests.bench.growth import BATCH, RECENT, SMALL, Values, World, timed
from tests.bench.table import Figure

CREATES = 1500
PATIENCE = 2  # seconds: a query that takes long is asked less often

SERVICES = (
    "Checkout", "Payments API", "Search", "Login", "Invoices", "Warehouse", "Mail",
    "Café-Bestellung", "Склад", "決済サービス", "ระบบชำระเงิน", "Datenbank",
)  # fmt: skip
SYMPTOMS = (
    "is slow", "returns errors", "latency above threshold", "timeout", "disk almost full",
    "certificate expires", "queue grows", "connection refused", "out of memory", "replica lag",
)  # fmt: skip
REGIONS = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2", "ap-south-1")
EVERYWHERE = "alert"
"""A word of every description."""
HALVES = "even", "odd"
"""Words of every second description, which no description has both."""

TYPICAL = (
    "checkout", "payments timeout", "Checkout is slow", "cafe", "replica lag eu-west-1",
    "host-4711", "lat", EVERYWHERE, "склад", "決済", "5c3a9", "zeppelin", "alert zeppelin",
)  # fmt: skip
UGLY = (
    "a", "e", "1", "a e 1", "zz", '"checkout"', "checkout OR 1=1", "NEAR(a b)", "check*",
    "-title:x", "');--", "ระบบ", " ".join("abcdefghijklmnopqrstuvwxyz0123456789"), " ".join(HALVES),
    "x" * 200, " ".join(f"word{n}" for n in range(28)), " ".join(f"word{n}" for n in range(1000)),
    "🔥 ☠ !!", "a zeppelin", "alert e 1 zeppelin",
)  # fmt: skip
"""Two of them are refused: what has no word, and what is too long."""

INSERT = """
    INSERT INTO incidents (
        org_id, id, sequential_id, title, description, severity, status, owner_id, created_by,
        created_at, latest_at, updated_at, public_updated_at)
"""


def search(folder: Path, rounds: int, number: int) -> list[Figure]:
    """Measure, and print the tables."""
    now = clock.now()
    large = Large(folder / "large.db", number, now)
    queries = [("typical", {"q": q}) for q in TYPICAL] + [("ugly", {"q": q}) for q in UGLY]
    queries += [("filtered", query) for query in large.filtered()]
    taken: dict[int, list[float]] = {n: [] for n in range(len(queries))}
    for n, (_, query) in enumerate(queries):
        large.asks(**query)()  # it warms up
        spent = 0.0
        while len(taken[n]) < rounds and spent < 1000 * PATIENCE:
            taken[n].append(timed(large.asks(**query)))
            spent += taken[n][-1]
    print(f"{number:,} incidents, {rounds} rounds, {os.cpu_count()} cores; p50 and p99 in ms")
    for n, (kind, query) in enumerate(queries):
        shown = " ".join(f"{name}={value[:40]}" for name, value in query.items())
        print(f"{kind:10}{shown:70}{statistics.median(taken[n]):9.2f}{high(taken[n]):9.2f}")
    figures = []
    for kind in ("typical", "ugly", "filtered"):
        of_kind = [t for n, (each, _) in enumerate(queries) if each == kind for t in taken[n]]
        middle = statistics.median(of_kind)
        measured = f"{kind} words, {number:,} incidents"
        figures.append(Figure(f"{measured}, p50", "ms", middle, goal="< 50 ms"))
        figures.append(Figure(f"{measured}, p99", "ms", high(of_kind)))
        print(f"{kind:10}{'all of them':70}{middle:9.2f}{high(of_kind):9.2f}")
    return figures + creates(folder, now)


def creates(folder: Path, now: datetime) -> list[Figure]:
    """Measure creates with the index of words, beside creates without it."""
    bare, indexed = World(folder / "bare.db", SMALL, now), World(folder / "words.db", SMALL, now)
    bare.execute("DROP TRIGGER incidents_have_words")
    calls = [world.create() for world in (bare, indexed)]
    pairs = [tuple(map(timed, calls)) for _ in range(CREATES)]
    without, with_ = (list(column) for column in zip(*pairs[CREATES // 10 :], strict=True))
    found = []
    for name, figure, goal in (("p50", statistics.median, "<= 1.1"), ("p99", high, "")):
        one, other = figure(without), figure(with_)
        measured = f"a create with words, {name}"
        found.append(Figure.beside("without", measured, "ms", [(one, other)], goal))
        print(f"{measured:40}{one:9.2f}{other:9.2f}{other / one:9.2f} {goal}")
    return found


def high(taken: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(taken)[int(len(taken) * 0.99)]


class Large(World):
    """A file whose incidents have the words of two years, and no trail."""

    def _fill(self, connection: sqlite3.Connection) -> None:
        rows, marks = self._incidents(), ", ".join("?" * 13)
        while batch := list(itertools.islice(rows, BATCH)):
            connection.executemany(f"{INSERT} VALUES ({marks})", batch)
            connection.commit()
        connection.execute(
            """
            INSERT INTO incident_components (
                org_id, incident_id, component_id, ordinal, sequential_id)
            SELECT
                org_id, id, json_extract(?, '$[' || (sequential_id % 10) || ']'), 0, sequential_id
            FROM incidents
            """,
            (json.dumps(self._components),),
        )
        connection.execute(
            """
            UPDATE organizations SET last_incident_number = ?,
                last_incident_at = (SELECT max(latest_at) FROM incidents) WHERE id = ?
            """,
            (self._number, self._made.org_id),
        )
        connection.commit()

    def _incidents(self) -> Iterator[Values]:
        chance, org_id = random.Random(7), self._made.org_id
        for n in range(1, self._number + 1):
            at = format_instant(self._at((n - 1) / self._number))
            title = f"{chance.choice(SERVICES)} {chance.choice(SYMPTOMS)}"
            description = (
                f"{EVERYWHERE} {n} on host-{chance.randrange(10_000)} in {chance.choice(REGIONS)}, "
                f"{HALVES[n % 2]}: trace {chance.getrandbits(48):x}, value {chance.random():.3f}"
            )
            yield (
                org_id, ids.new_id(), n, f"Zeppelin {title}" if n % 50_000 == 7 else title,
                description, chance.choice(SEVERITIES),
                "identified" if n > self._number - RECENT else "resolved",
                chance.choice(self._users), self._made.user_id, at, at, at, at,
            )  # fmt: skip

    def filtered(self) -> list[dict[str, str]]:
        """Return queries with words and other filters."""
        user, day = self._users[3], self._at(0.5).strftime("%Y-%m-%d")
        return [
            {"q": q, **filters}
            for q in ("checkout", EVERYWHERE, "zeppelin")
            for filters in (
                {"status": "open"},
                {"status": "resolved"},
                {"severity": "critical"},
                {"ownerId": user},
                {"ownerId": self._made.user_id},  # who owns none
                {"componentId": self._components[3]},
                {"from": day, "to": day},
                {"status": "open", "ownerId": user, "severity": "low"},
            )
        ]

    def asks(self, **query: str) -> Callable[[], None]:
        """Return a call that searches; what has no word, or is too long, is refused."""

        def call() -> None:
            answer = self._client.get("/v1/incidents", query_string=query, headers=self._headers)
            if answer.status_code not in (200, 400):
                raise AssertionError(answer.json)

        return call
