"""`oncall`: what the answer to who is on call costs, over the size of the file and over time.

In one process, through Flask's test client, so that little but the service's own work is timed.
The two of a pair take turns call by call; a round's figure is the median of its calls, and the
table shows the medians over the rounds, of the ratios too.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from incident_service import create_app, quickstart
from incident_service.clock import format_instant
from incident_service.config import Settings
from incident_service.database.engine import Connection, Database
from incident_service.oncall import calendar_feeds, layers, overrides, schedules
from incident_service.people.caller import Caller
from tests.bench.table import Figure
from tests.helpers.clocks import write_at

ZONE = "Europe/Berlin"
LAYERS = 5
MANY = 1000
OVERRIDES = 20
YEAR = timedelta(days=366)
FIFTY_YEARS = timedelta(days=18_262)
CALLS = 40
GOAL = "<= 1.2"
FEED_GOAL = "<= 100 ms"


@dataclass(frozen=True)
class Pair:
    """Two calls to compare; `goal` says what ratio the second may reach."""

    asked: str
    first: str
    second: str
    goal: str
    calls: tuple[Callable[[], None], Callable[[], None]]


def oncall(folder: Path, rounds: int, now: datetime) -> list[Figure]:
    """Measure, and print the table."""
    one, many, rotations = (World(folder / f"{n}.db", now) for n in ("one", "many", "rotations"))
    of_one = one.fill(lambda filling: filling.schedules(1))
    of_many = many.fill(lambda filling: filling.schedules(MANY))
    young = rotations.fill(lambda filling: filling.rotation("young", timedelta(days=1)))
    old = rotations.fill(lambda filling: filling.rotation("old", FIFTY_YEARS))
    year = rotations.fill(lambda filling: filling.rotation("year", YEAR / 2, OVERRIDES))
    feed = rotations.fill(lambda filling: filling.feed(year))
    at = {"at": format_instant(now)}
    window = {"from": format_instant(now), "to": format_instant(now + YEAR)}
    pairs = [
        Pair(
            f"resolve, {LAYERS} layers",
            "1 schedule in the file",
            f"{MANY} schedules in the file",
            GOAL,
            (one.get(f"{of_one}/resolve", at), many.get(f"{of_many}/resolve", at)),
        ),
        Pair(
            "resolve, daily rotation",
            "since yesterday",
            "since fifty years ago",
            GOAL,
            (rotations.get(f"{young}/resolve", at), rotations.get(f"{old}/resolve", at)),
        ),
        Pair(
            "a schedule",
            "itself",
            f"its shifts over {YEAR.days} days, daily, {OVERRIDES} overrides",
            "",
            (rotations.get(year, {}), rotations.get(f"{year}/shifts", window)),
        ),
        Pair(
            "a schedule's shifts, daily",
            f"over {YEAR.days} days",
            "its calendar feed, over 425 days",
            FEED_GOAL,
            (rotations.get(f"{year}/shifts", window), rotations.get(feed, {})),
        ),
    ]
    return report(pairs, measure(pairs, rounds))


def measure(pairs: list[Pair], rounds: int) -> list[list[tuple[float, float]]]:
    """Return for each pair its rounds' medians, in milliseconds; one round comes before, unseen."""
    found: list[list[tuple[float, float]]] = [[] for _ in pairs]
    for _ in range(rounds + 1):
        for pair, of_pair in zip(pairs, found, strict=True):
            taken = [(timed(pair.calls[0]), timed(pair.calls[1])) for _ in range(CALLS)]
            first, second = (statistics.median(column) for column in zip(*taken, strict=True))
            of_pair.append((first, second))
    return [of_pair[1:] for of_pair in found]


def timed(call: Callable[[], None]) -> float:
    """Return how many milliseconds the call takes."""
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def report(pairs: list[Pair], found: list[list[tuple[float, float]]]) -> list[Figure]:
    """Print the medians over the rounds, and return them."""
    rounds = len(found[0])
    print(f"{rounds} rounds of {CALLS} calls each, {os.cpu_count()} cores; medians")
    print(f"{'':54}{'ms':>8}{'ratio':>8}{'goal':>11}")
    figures = []
    for letter, pair, of_pair in zip("abcd", pairs, found, strict=True):
        measured = f"{pair.asked}: {pair.second}"
        figure = Figure.beside(pair.first, measured, "ms", of_pair, pair.goal)
        first = f"({letter}) {pair.asked}: {pair.first}"
        print(f"{first:54}{figure.baseline_value:8.2f}")
        print(f"    {pair.second:50}{figure.value:8.2f}{figure.ratio:8.2f}{pair.goal:>11}")
        figures.append(figure)
    return figures


class World:
    """A file, and the service on it."""

    def __init__(self, path: Path, now: datetime) -> None:
        app = create_app(Settings(database=path))
        self._now = now
        self._database: Database = app.extensions["incident_service.database"]
        self._made = write_at(now, self._database, quickstart.provision)
        self._client = app.test_client()

    def fill(self, work: Callable[[Filling], str]) -> str:
        """Make schedules in one write transaction; return the path of the one to ask about."""
        return self._database.write(None, lambda db, **_: work(Filling(db, self._made, self._now)))

    def get(self, path: str, query: dict[str, str]) -> Callable[[], None]:
        """Return a call that asks, and makes sure of the answer."""
        headers = {"Authorization": f"Bearer {self._made.key}"}

        def call() -> None:
            answer = self._client.get(path, query_string=query, headers=headers)
            if answer.status_code != 200:
                raise AssertionError(answer.json)

        return call


class Filling:
    """Makes schedules, within a write transaction."""

    def __init__(self, db: Connection, made: quickstart.Provisioned, now: datetime) -> None:
        self._db = db
        self._caller = Caller(made.org_id, "bench", made.user_id, "org:admin")
        self._made = made
        self._now = now

    def schedules(self, number: int) -> str:
        """Let there be exactly so many, all alike; return one in the middle."""
        first = self._made.schedule_id
        schedules.replace(
            self._db, self._caller, first, {"name": "0", "timezone": ZONE}, now=self._now
        )
        for layer in schedules.get(self._db, self._caller, first)["layers"]:
            layers.delete(self._db, self._caller, first, layer["id"], now=self._now)
        made = [first, *(self._schedule(f"{n}") for n in range(1, number))]
        for id in made:
            for _ in range(LAYERS):
                self._add_layer(id, "weekly", 7, timedelta(days=90))
        return f"/v1/oncall/schedules/{made[number // 2]}"

    def rotation(self, name: str, age: timedelta, stand_ins: int = 0) -> str:
        """Make a schedule with one daily layer, and overrides of a day from now on."""
        id = self._schedule(name)
        self._add_layer(id, "daily", 1, age)
        for n in range(stand_ins):
            starts_at = self._now + n * YEAR / stand_ins
            override = {
                "user_id": self._made.user_id,
                "starts_at": format_instant(starts_at),
                "ends_at": format_instant(starts_at + timedelta(days=1)),
            }
            overrides.create(self._db, self._caller, id, override, now=self._now)
        return f"/v1/oncall/schedules/{id}"

    def feed(self, path: str) -> str:
        """Make a calendar feed of the schedule at the path; return the feed's."""
        values = {"schedule_id": path.rpartition("/")[2]}
        made = calendar_feeds.create(
            self._db, self._caller, self._made.user_id, values, now=self._now
        )
        return calendar_feeds.url_of("", made["token"])

    def _schedule(self, name: str) -> str:
        values = {"name": name, "timezone": ZONE}
        id: str = schedules.create(self._db, self._caller, values, now=self._now)["id"]
        return id

    def _add_layer(self, schedule_id: str, kind: str, days: int, age: timedelta) -> None:
        values = {
            "name": kind,
            "rotation_type": kind,
            "rotation_length_days": days,
            "handoff_time": "09:00",
            "effective_from": format_instant(self._now - age),
            "participant_ids": [self._made.user_id] * 4,
        }
        layers.add(self._db, self._caller, schedule_id, values, now=self._now)
