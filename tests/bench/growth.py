"""`growth`: what calls about incidents cost in a small file and in one with two years' incidents.

In one process, through Flask's test client, so that little but the service's own work is timed. The
two files take turns call by call; a round's figure is the median of its calls, and the table shows
the medians over the rounds, of the ratios too. Both files answer with pages of the same length.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from incident_service import clock, create_app, ids, quickstart
from incident_service.clock import format_instant
from incident_service.config import ServerUrl, Settings
from incident_service.database import word_index
from incident_service.database.engine import Connection, Database
from incident_service.http import cursor
from incident_service.incidents.lifecycle import STATUSES
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.severity import SEVERITIES
from incident_service.status import components
from tests.bench.table import Figure
from tests.helpers import engines
from tests.helpers.clocks import write_at

SMALL = 1000
SPAN = timedelta(days=730)
DEPTH = 10_000
USERS = 20
COMPONENTS = 10
RECENT = 200  # the incidents of which some are still open
BATCH = 5000
CALLS = 15
PATIENCE = 500  # milliseconds: a call that takes long is made less often
SAMPLE = 200
GOAL = "<= 1.3"

Values = tuple[Any, ...]
Batch = list[tuple[list[Values], ...]]


def growth(folder: Path, rounds: int, number: int) -> list[Figure]:
    """Measure, and print the table."""
    now = clock.now()
    small, large = World(folder / "small.db", SMALL, now), World(folder / "large.db", number, now)
    calls = list(zip(small.calls(), large.calls(), strict=True))
    found: list[list[tuple[float, float]]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for ((_, of_small), (_, of_large)), of_call in zip(calls, found, strict=True):
            taken: list[tuple[float, float]] = []
            while len(taken) < CALLS and sum(map(sum, taken)) < PATIENCE:
                taken.append((timed(of_small), timed(of_large)))
            one, other = (statistics.median(column) for column in zip(*taken, strict=True))
            of_call.append((one, other))
    print(f"{rounds} rounds of up to {CALLS} calls each, {os.cpu_count()} cores; medians")
    print(f"{'incidents':28}{SMALL:>11,}{number:>11,}   ratio    goal")
    figures = []
    for ((name, _), _), of_call in zip(calls, found, strict=True):
        pairs = of_call[1:]  # the first round warms up
        measured = f"{name}, {number:,} incidents"
        figure = Figure.beside(f"{SMALL:,} incidents", measured, "ms", pairs, GOAL)
        one, other = figure.baseline_value, figure.value
        print(f"{name:28}{one:8.2f} ms{other:8.2f} ms{figure.ratio:8.2f}{GOAL:>8}")
        figures.append(figure)
    return figures


def timed(call: Callable[[], None]) -> float:
    """Return how long the call took, in milliseconds."""
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def fill_file(path: Path, batches: Iterable[Batch]) -> None:
    """Insert incidents with all that belongs to them, as two years leave them behind."""
    connection = sqlite3.connect(path)
    word_index.register(connection)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -262144")
    for table, rows in by_table(batches):
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()
    connection.execute("PRAGMA wal_checkpoint (TRUNCATE)")
    connection.close()


def fill_server(url: str, batches: Iterable[Batch]) -> None:
    """As `fill_file`, on a PostgreSQL server."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # fires no triggers
        connection.execute("SET synchronous_commit = off")
        for table, rows in by_table(batches):
            with connection.cursor().copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        numbers: dict[str, int] = dict(
            connection.execute("SELECT id, number FROM organizations").fetchall()
        )
        found = connection.execute(
            "SELECT org_id, sequential_id, title, description FROM incidents"
        )
        connection.execute("CREATE TEMPORARY TABLE found (org_id TEXT, number BIGINT, words TEXT)")
        with connection.cursor().copy("COPY found FROM STDIN") as copy:
            for org_id, number, title, description in found:
                words = word_index.index_words(numbers[org_id], number, title, description)
                copy.write_row((org_id, number, words))
        connection.execute(
            """
            INSERT INTO incident_words (org_id, sequential_id, words)
            SELECT org_id, number, array_to_tsvector(string_to_array(words, ' ')) FROM found
            """
        )
        connection.execute("VACUUM ANALYZE")


def by_table(batches: Iterable[Batch]) -> Iterator[tuple[str, list[Values]]]:
    """Yield each table of `TABLES` with its rows, batch by batch."""
    for batch in batches:
        for table, of_table in zip(TABLES, zip(*batch, strict=True), strict=True):
            yield table, list(itertools.chain.from_iterable(of_table))


class World:
    """A database with so many incidents, and the service on it."""

    def __init__(self, path: Path, number: int, now: datetime) -> None:
        app = create_app(Settings(database=engines.where(path)))
        database: Database = app.extensions["incident_service.database"]
        self._number = number
        self._now = now
        self._database = database
        self._made = write_at(now, database, quickstart.provision)
        self._users, self._components = write_at(now, database, self._catalogue)
        self._ids: list[str] = []
        rows = self._batches()
        if isinstance(database.where, ServerUrl):
            fill_server(database.where.url, rows)
        else:
            fill_file(path, rows)
        database.write(self._made.org_id, self._count)
        self._client = app.test_client()
        self._headers = {"Authorization": f"Bearer {self._made.key}"}

    def _catalogue(self, db: Connection, *, now: datetime) -> tuple[list[str], list[str]]:
        """Make users and components; return their ids."""
        caller = Caller(self._made.org_id, "bench", self._made.user_id, "org:admin")
        user_ids = [
            users.create(
                db,
                org_id=caller.org_id,
                email=f"{n}@example.com",
                role="org:member",
                now=now,
            )["id"]
            for n in range(USERS)
        ]
        parts = [
            components.create(db, caller, {"name": f"{n}"}, now=now)["id"]
            for n in range(COMPONENTS)
        ]
        return user_ids, parts

    def _at(self, part: float) -> datetime:
        """Return the instant at which this part of the span has passed."""
        return self._now - SPAN + part * SPAN

    def _count(self, db: Connection, *, now: datetime) -> None:
        """Let the organization know its incidents."""
        db.execute(
            """
            UPDATE organizations SET last_incident_number = :number,
                last_incident_at = (SELECT max(latest_at) FROM incidents) WHERE id = :org_id
            """,
            {"number": self._number, "org_id": self._made.org_id},
        )

    def _batches(self) -> Iterator[Batch]:
        rows = self._rows()
        while batch := list(itertools.islice(rows, BATCH)):
            yield batch

    def _rows(self) -> Iterator[tuple[list[Values], ...]]:
        """Yield each incident's rows, by table; the same spread in every file."""
        chance, org_id, step = random.Random(7), self._made.org_id, self._number // SAMPLE
        for n in range(1, self._number + 1):
            opened = self._at((n - 1) / self._number)
            id, by = ids.new_id(), chance.choice(self._users)
            owner, severity = (
                chance.choice(self._users),
                chance.choices(SEVERITIES, (1, 2, 4, 3))[0],
            )
            reached = chance.choice((1, 2, 3, 4)) if n > self._number - RECENT else 4
            affected = chance.sample(self._components, chance.choice((1, 1, 2)))
            instants = [
                format_instant(opened + minutes * timedelta(minutes=20))
                for minutes in range(reached)
            ]
            at, last, resolved = instants[0], instants[-1], reached == 4
            details = {
                "severity": severity,
                "ownerId": owner,
                "ownerScheduleId": self._made.schedule_id,
                "escalationPolicyId": self._made.policy_id,
                "componentIds": affected,
            }
            trail = [("incident_opened", at, details), ("incident_acknowledged", at, {})]
            trail += [
                ("status_changed", then, {"before": STATUSES[k], "after": STATUSES[k + 1]})
                for k, then in enumerate(instants[1:])
            ]
            if n % step == 0:
                self._ids.append(id)
            yield (
                [
                    (
                        org_id, id, n, f"Checkout is slow, {n}", "Errors above 5 %.", severity,
                        STATUSES[reached - 1], owner, self._made.schedule_id,
                        self._made.policy_id, at, owner, last if resolved else None, by, at, at,
                        last, last,
                    )
                ],
                [(org_id, id, part, k, n) for k, part in enumerate(affected)],
                [
                    (org_id, id, k + 1, ids.new_id(), STATUSES[k], then, owner, None)
                    for k, then in enumerate(instants)
                ],
                [
                    (org_id, id, k, ids.new_id(), event, then, owner, json.dumps(told))
                    for k, (event, then, told) in enumerate(trail, 1)
                ],
            )  # fmt: skip

    def calls(self) -> Iterator[tuple[str, Callable[[], None]]]:
        """Yield what is measured: its name and the call, which makes sure of the answer."""
        deep = self._number - DEPTH if self._number > 2 * DEPTH else self._number // 2
        day, half = self._at(0.5).strftime("%Y-%m-%d"), timedelta(days=182)
        year = [(self._at(0.5) + way * half).strftime("%Y-%m-%d") for way in (-1, 1)]
        yield "first page", self._list()
        yield f"a page {DEPTH:,} deep", self._list(cursor=cursor.encode("incidents", deep) or "")
        yield "status, an open one", self._list(status="identified")
        yield "status, resolved", self._list(status="resolved")
        yield "severity", self._list(severity="critical")
        yield "ownerId", self._list(ownerId=self._users[3])
        yield "componentId", self._list(componentId=self._components[3])
        yield "from, to: a day, limit 1", self._list(**{"from": day, "to": day}, limit="1")
        yield "from, to: a year", self._list(**{"from": year[0], "to": year[1]})
        both = {"status": "identified", "ownerId": self._users[3]}
        yield "status and ownerId", self._get("incidents", **both)
        yield "components", self._get("components")
        yield "one incident", self._one()
        yield "a create", self.create()

    def _get(self, path: str, **query: str) -> Callable[[], None]:
        """Return a call that gets whatever there is."""

        def call() -> None:
            answer = self._client.get(f"/v1/{path}", query_string=query, headers=self._headers)
            if answer.status_code != 200:
                raise AssertionError(answer.json)

        return call

    def _list(self, **query: str) -> Callable[[], None]:
        """Return a call that gets a full page."""
        limit = int(query.get("limit", 20))

        def call() -> None:
            answer = self._client.get("/v1/incidents", query_string=query, headers=self._headers)
            found: Any = answer.json
            if answer.status_code != 200 or len(found["data"]["incidents"]) != limit:
                raise AssertionError(found)

        return call

    def _one(self) -> Callable[[], None]:
        """Return a call that gets another incident each time, from all over the file."""
        found = itertools.cycle(random.Random(7).sample(self._ids, len(self._ids)))

        def call() -> None:
            answer = self._client.get(f"/v1/incidents/{next(found)}", headers=self._headers)
            if answer.status_code != 200:
                raise AssertionError(answer.json)

        return call

    def execute(self, sql: str) -> None:
        """Change the file as no client can."""
        self._database.write(None, lambda db, **_: db.execute(sql))

    def create(self) -> Callable[[], None]:
        """Return a call that opens an incident."""
        body = {
            "title": "Checkout is slow",
            "severity": "high",
            "ownerScheduleId": self._made.schedule_id,
            "componentIds": self._components[:2],
        }

        def call() -> None:
            answer = self._client.post("/v1/incidents", json=body, headers=self._headers)
            if answer.status_code != 201:
                raise AssertionError(answer.json)

        return call


TABLES = (
    """
    incidents (
        org_id, id, sequential_id, title, description, severity, status, owner_id,
        owner_schedule_id, escalation_policy_id, acknowledged_at, acknowledged_by, resolved_at,
        created_by, created_at, latest_at, updated_at, public_updated_at)
    """,
    "incident_components (org_id, incident_id, component_id, ordinal, sequential_id)",
    """
    status_history (
        org_id, incident_id, number, id, status, changed_at, changed_by, resolution_note)
    """,
    "audit_events (org_id, incident_id, number, id, event, at, actor_id, details)",
)
