"""What falls due and is performed by the paging loop, each task once (contract §8 and §10)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from incident_service import quickstart
from incident_service.clock import format_instant
from incident_service.config import Settings
from incident_service.database.engine import Connection
from incident_service.errors import Busy, ServiceError, StorageFull
from incident_service.paging import pager, performing, presence, turns
from incident_service.paging.turns import beginning_after, in_turn
from incident_service.store import Row, tasks
from tests.helpers.clocks import write_at
from tests.helpers.duty import perform_at
from tests.helpers.plans import traced
from tests.helpers.rota import START, Rota, at
from tests.helpers.world import World


def put(world: World, *subjects: str, org_id: str | None = None, due: datetime = START) -> None:
    def write(db: Connection, **_: object) -> None:
        for subject in subjects:
            org = org_id or world.made.org_id
            tasks.put(db, org, "notify", subject, due_at=format_instant(due))

    world.database.write(None, write)


def left(world: World) -> dict[str, str]:
    """Return when each task falls due, by its subject."""
    found = world.rows("SELECT subject_id, due_at FROM tasks")
    return {row["subject_id"]: row["due_at"] for row in found}


class Loop:
    """A pager at instants of the test's choice, and what it has performed."""

    def __init__(self, world: World, perform: Callable[[Connection, Row], None] | None = None):
        self.world = world
        self.done: list[str] = []
        self.purges = 0
        self.is_more_to_purge = False
        self._also = perform
        self.pager = pager.Pager(
            world.database, Settings(), perform=self._perform, purge=self._purge
        )

    def _perform(self, db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
        if self._also:
            self._also(db, task)
        self.done.append(task["subject_id"])

    def _purge(self, db: Connection, *, now: datetime) -> bool:
        self.purges += 1
        return self.is_more_to_purge

    def work(self, minutes: float) -> bool:
        database = self.world.database
        real, database.clock = database.clock, lambda: at(minutes)
        try:
            return self.pager.work()
        finally:
            database.clock = real


def test_the_loop_performs_what_is_due_in_order(world: World) -> None:
    put(world, "second", due=at(2))
    put(world, "first", due=at(1))
    put(world, "later", due=at(60))
    loop = Loop(world)
    assert loop.work(0.9) is True
    assert loop.done == []
    assert loop.work(2) is True
    assert loop.done == ["first", "second"]
    assert left(world) == {"later": format_instant(at(60))}


def test_a_task_that_sets_itself_again_goes_on(world: World) -> None:
    put(world, "long")
    number = 0

    def perform(db: Connection, task: Row) -> None:
        nonlocal number
        number += 1
        if number < 25:
            tasks.put(db, task["org_id"], task["kind"], "long", due_at=format_instant(START))

    loop = Loop(world, perform)
    while not loop.work(1):
        pass
    assert loop.done == ["long"] * 25
    assert left(world) == {}


def test_a_task_that_fails_is_put_off_and_harms_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    put(world, "bad", "good")

    def perform(db: Connection, task: Row) -> None:
        db.execute("UPDATE organizations SET name = ?", [task["subject_id"]])
        if task["subject_id"] == "bad":
            raise ZeroDivisionError

    loop = Loop(world, perform)
    loop.work(0)
    assert loop.done == ["good"]
    assert left(world) == {"bad": format_instant(START + performing.PAUSE_AFTER_FAULT)}
    assert world.rows("SELECT name FROM organizations") == [{"name": "good"}]
    (record,) = [each for each in caplog.records if "could not be performed" in each.message]
    assert (vars(record)["task"], vars(record)["subjectId"]) == ("notify", "bad")
    loop.work(0.9)
    assert loop.done == ["good"]
    assert len(caplog.records) == 1


def test_organizations_have_their_turns(world: World, other_org: quickstart.Provisioned) -> None:
    """However much of one is due, another's first task is performed in the first write."""
    put(world, *(f"mine {n}" for n in range(30)))
    put(world, "theirs", org_id=other_org.org_id, due=at(0.5))
    done: list[str] = []

    def perform(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
        done.append(task["subject_id"])

    with world.database.read() as db:
        due = tasks.due_organizations(db, format_instant(at(1)))
    database = world.database
    write_at(at(1), database, performing.perform_due, due, perform, by_email=False, limit=10)
    assert "theirs" in done
    assert len(done) == 10


def test_a_write_that_takes_long_ends_early(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    put(world, "one", "two", "three")
    monkeypatch.setattr(turns, "LONG_WRITE_SECONDS", 0.05)
    seconds = iter([0, 0.04, 0.06])
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    with world.database.read() as db:
        due = tasks.due_organizations(db, format_instant(START))

    def perform(db: Connection, task: Row, *, now: datetime, by_email: bool) -> None:
        pass

    database = world.database
    write_at(START, database, performing.perform_due, due, perform, by_email=False, limit=10)
    assert len(left(world)) == 1


def test_a_round_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages have their turn, whatever else is due."""
    monkeypatch.setattr(pager, "DUE_SECONDS_A_ROUND", 0)
    put(world, *map(str, range(25)))
    loop = Loop(world)
    assert loop.work(1) is False
    assert len(loop.done) == 0
    monkeypatch.setattr(pager, "DUE_SECONDS_A_ROUND", 60)
    assert loop.work(1) is True
    assert len(loop.done) == 25


def test_a_round_fires_for_a_short_time(rota: Rota, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was fired is sent before the rest is fired."""
    for _ in range(25):
        rota.open(None, owner="a")
    loop = Loop(rota.world)
    monkeypatch.setattr(loop.pager, "_hand_out", lambda _now: True)
    monkeypatch.setattr(pager, "DUE_SECONDS_A_ROUND", 0)
    assert loop.work(1) is False
    assert rota.deliveries() == []
    monkeypatch.setattr(pager, "DUE_SECONDS_A_ROUND", 60)
    assert loop.work(1) is True
    assert len({row["incident_id"] for row in rota.deliveries()}) == 25


def test_pagers_that_work_at_once_do_nothing_twice(world: World) -> None:
    world.database.write_timeout = 5.0
    put(world, *map(str, range(200)))
    loops = [Loop(world) for _ in range(4)]

    def work(loop: Loop) -> None:
        while not loop.pager.work():
            pass

    threads = [threading.Thread(target=work, args=(loop,)) for loop in loops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [subject for loop in loops for subject in loop.done]
    assert sorted(done, key=int) == list(map(str, range(200)))


def test_a_task_that_is_late_is_said(rota: Rota) -> None:
    database = rota.world.database
    put(rota.world, "one", due=at(0))
    assert not pager.is_late(database, at(0.99))
    assert pager.is_late(database, at(1.01))
    assert pager.seconds_late(database, at(2)) == 120
    perform_at(rota.world, at(2), perform=lambda *_, **__: None)
    assert not pager.is_late(database, at(60))


def test_the_loop_purges_every_hour(world: World) -> None:
    loop = Loop(world)
    for minutes in (0, 1, 59.9):
        loop.work(minutes)
    assert loop.purges == 1
    loop.work(60)
    assert loop.purges == 2
    loop.is_more_to_purge = True
    loop.work(120)
    loop.work(120.1)
    loop.is_more_to_purge = False
    loop.work(120.2)
    loop.work(120.3)
    assert loop.purges == 5
    loop.work(0)  # the clock was set back
    assert loop.purges == 6


def test_a_purge_that_fails_delays_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(db: Connection, *, now: datetime) -> bool:
        raise ZeroDivisionError

    loop = Loop(world)
    monkeypatch.setattr(loop.pager, "_purge", fail)
    put(world, "one")
    assert loop.work(0) is True
    assert loop.work(1) is True
    assert loop.done == ["one"]
    assert [each.message for each in caplog.records] == ["what has expired could not be deleted"]


def seen(world: World) -> tuple[str | None, str | None]:
    (row,) = world.rows("SELECT seen_at, present_since FROM paging_presence")
    return row["seen_at"], row["present_since"]


def test_the_loop_shows_that_it_is_at_work(world: World) -> None:
    assert seen(world) == (None, None)
    loop = Loop(world)
    loop.work(0)
    since = format_instant(at(0))
    assert seen(world) == (since, since)
    loop.work(0.2)
    assert seen(world) == (since, since)
    for minutes in (0.25, 1.25, 2.25):
        loop.work(minutes)
        assert seen(world) == (format_instant(at(minutes)), since)
    loop.work(3.26)
    assert seen(world) == (format_instant(at(3.26)), format_instant(at(3.26)))


def test_a_clock_that_is_set_back_a_little_is_no_break(world: World) -> None:
    loop = Loop(world)
    loop.work(10)
    loop.work(9.5)
    assert seen(world) == (format_instant(at(10)), format_instant(at(10)))
    loop.work(8.9)
    assert seen(world) == (format_instant(at(8.9)), format_instant(at(8.9)))


@pytest.mark.sqlite_only("how it finds rows")
def test_showing_it_is_no_write_in_most_rounds(world: World) -> None:
    database = world.database
    presence.show(database, START)
    with traced(world) as statements:
        presence.show(database, START + timedelta(seconds=14))
    assert not any("UPDATE" in statement for statement in statements)


@pytest.mark.parametrize("error", [Busy, StorageFull])
def test_a_file_that_cannot_be_written_now_stops_no_round(
    world: World, monkeypatch: pytest.MonkeyPatch, error: type[ServiceError]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error("The database cannot be written.")

    monkeypatch.setattr(world.database, "write_within", fail)
    presence.show(world.database, START)
    monkeypatch.undo()
    assert seen(world) == (None, None)


def test_turns() -> None:
    queues = {"a": [1, 2, 3], "b": [1], "c": []}

    def take(org_id: str) -> bool:
        if queues[org_id]:
            taken.append(f"{org_id}{queues[org_id].pop(0)}")
            return True
        return False

    taken: list[str] = []
    assert in_turn(["a", "b", "c"], take, limit=3) == "a"
    assert taken == ["a1", "b1", "a2"]
    assert in_turn(["b", "c", "a"], take, limit=3) == "a"
    assert taken[3:] == ["a3"]
    assert in_turn(["a", "b"], take, limit=3) is None
    assert beginning_after("b", ["a", "b", "c"]) == ["c", "a", "b"]
    assert beginning_after("", ["a", "b"]) == ["a", "b"]
