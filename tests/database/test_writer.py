"""Threads that write at the same time: one transaction, one sync, each on its own terms."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from incident_service.database import maintenance
from incident_service.database.engine import Connection, savepoint
from incident_service.database.file import FileDatabase
from incident_service.database.writelock import WriteLock
from incident_service.errors import Busy

pytestmark = pytest.mark.sqlite_only("the file and its writer")


@pytest.fixture
def database(tmp_path: Path) -> FileDatabase:
    database = FileDatabase(tmp_path / "test.db", write_timeout=5)
    maintenance.initialise(database)
    return database


@contextmanager
def other_process(database: FileDatabase) -> Iterator[None]:
    """Hold the lock as another process would: on descriptors of its own."""
    with WriteLock(database.path).held(time.monotonic() + 5):
        yield


@contextmanager
def together(database: FileDatabase, *works: Callable[..., Any]) -> Iterator[list[Future[Any]]]:
    """Hold the lock between processes until each work waits in a thread of its own."""
    with ThreadPoolExecutor(len(works)) as pool:
        with other_process(database):
            futures = [pool.submit(database.write, None, work) for work in works]
            while len(database._writer._waiting) < len(works):
                assert not any(future.done() for future in futures)
                time.sleep(0.001)
        yield futures


def insert(name: str) -> Callable[..., str]:
    def work(db: Connection, **_: Any) -> str:
        db.execute(
            "INSERT INTO organizations (id, name, created_at) VALUES (?, ?, '')",
            (f"org_{name}", name),
        )
        return name

    return work


def names(database: FileDatabase) -> set[str]:
    with database.read() as db:
        return {row["name"] for row in db.execute("SELECT name FROM organizations")}


def commits(database: FileDatabase) -> int:
    """Return how often the file was committed to, as another connection sees it."""
    with database.read() as db:
        version: int = db.execute("PRAGMA data_version").fetchone()["data_version"]
        return version


def test_they_share_a_transaction(database: FileDatabase) -> None:
    before = commits(database)
    with together(database, *map(insert, "abcd")) as futures:
        assert [future.result() for future in futures] == list("abcd")
    assert names(database) == set("abcd")
    assert commits(database) == before + 1


def test_one_that_fails_is_undone_alone(database: FileDatabase) -> None:
    def fail(db: Connection, **_: Any) -> None:
        insert("x")(db)
        raise ZeroDivisionError

    with together(database, insert("a"), fail, insert("b"), insert("a")) as futures:
        a, failed, b, twice = futures
        assert (a.result(), b.result()) == ("a", "b")
        with pytest.raises(ZeroDivisionError):
            failed.result()
        with pytest.raises(sqlite3.IntegrityError):
            twice.result()
    assert names(database) == {"a", "b"}


def fails_before(db: Connection, **_: Any) -> None:
    raise ZeroDivisionError


def fails_by_a_statement(db: Connection, **_: Any) -> None:
    db.execute("INSERT INTO organizations (id, name, created_at) VALUES (NULL, 'x', '')")


def fails_after(db: Connection, **_: Any) -> None:
    insert("x")(db)
    raise ZeroDivisionError


def fails_after_a_part(db: Connection, **_: Any) -> None:
    with savepoint(db):
        fails_after(db)


def fails_after_a_deletion(db: Connection, **_: Any) -> None:
    db.execute("DELETE FROM organizations")
    raise ZeroDivisionError


FAILURES = (
    fails_before,
    fails_by_a_statement,
    fails_after,
    fails_after_a_part,
    fails_after_a_deletion,
)


@pytest.mark.parametrize("first", [None, *FAILURES])
@pytest.mark.parametrize("second", [None, *FAILURES])
def test_every_pair_keeps_to_its_own(
    database: FileDatabase, first: Callable[..., Any] | None, second: Callable[..., Any] | None
) -> None:
    works = (insert("a"), first or insert("b"), insert("c"), second or insert("d"), insert("e"))
    with together(database, *works) as futures:
        for future, work in zip(futures, works, strict=True):
            if work in FAILURES:
                with pytest.raises((ZeroDivisionError, sqlite3.IntegrityError)):
                    future.result()
            else:
                future.result()
    assert names(database) == {"a", "c", "e"} | {"b"} - {first and "b"} | {"d"} - {second and "d"}


def test_what_runs_again_has_its_outcome_of_the_second_time(database: FileDatabase) -> None:
    def is_first(db: Connection, **_: Any) -> bool:
        db.execute(
            "UPDATE organizations SET last_incident_number = 1 + last_incident_number "
            "WHERE id = 'org_counter'"
        )
        (row,) = db.execute("SELECT last_incident_number AS n FROM organizations")
        return bool(row["n"] == 1)

    database.write(None, insert("counter"))
    with together(database, is_first, is_first, fails_after) as futures:
        assert sorted(future.result() for future in futures[:2]) == [False, True]


def test_a_transaction_that_is_lost_is_lost_for_all(database: FileDatabase) -> None:
    def lose(db: Connection, **_: Any) -> None:
        db.execute("ROLLBACK")  # as SQLite does by itself when the disk is full
        raise sqlite3.OperationalError("database or disk is full")

    with together(database, insert("a"), insert("a"), lose, insert("b")) as futures:
        for future in futures:
            with pytest.raises(sqlite3.OperationalError, match="full"):
                future.result()
    assert names(database) == set()
    assert database.write(None, insert("c")) == "c"


def test_who_waits_too_long_is_told_so_and_writes_nothing(tmp_path: Path) -> None:
    database = FileDatabase(tmp_path / "test.db", write_timeout=0.1)
    maintenance.initialise(database)
    with together(database, insert("before")) as futures:
        assert futures[0].result() == "before"
    with ThreadPoolExecutor(4) as pool, other_process(database):
        for future in [pool.submit(database.write, None, insert(name)) for name in "abcd"]:
            with pytest.raises(Busy):
                future.result()
    assert names(database) == {"before"}
    assert database.write(None, insert("after")) == "after"


def test_work_sees_nothing_of_the_request_in_whose_thread_it_runs(database: FileDatabase) -> None:
    request: ContextVar[str] = ContextVar("request")

    def look(db: Connection, *, now: datetime) -> str | None:
        return request.get(None)

    def as_request(db: FileDatabase, name: str) -> str | None:
        request.set(name)
        return db.write(None, look)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(as_request, [database] * 4, "abcd")) == [None] * 4


def test_an_interrupt_undoes_the_write_and_frees_the_turn(database: FileDatabase) -> None:
    def interrupt(db: Connection, **_: Any) -> None:
        insert("x")(db)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.write(None, interrupt)
    assert database.write(None, insert("a")) == "a"
    assert names(database) == {"a"}


def test_threads_each_get_their_turn(database: FileDatabase) -> None:
    database.write(None, insert("org"))

    def count() -> None:
        for _ in range(50):
            database.write(
                None,
                lambda db, **_: db.execute(
                    "UPDATE organizations SET last_incident_number = 1 + last_incident_number"
                ),
            )

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as db:
        assert db.execute("SELECT last_incident_number AS n FROM organizations").fetchall() == [
            {"n": 400}
        ]


def test_the_instant_of_a_write_is_that_of_its_turn(database: FileDatabase) -> None:
    read = 0

    def tick() -> datetime:
        nonlocal read
        read += 1
        return datetime(2025, 4, 7, 8, 0, read, tzinfo=UTC)

    def instant(db: Connection, *, now: datetime) -> datetime:
        return now

    database.clock = tick
    with ThreadPoolExecutor(1) as pool:

        def hold_until_another_waits(db: Connection, *, now: datetime) -> datetime:
            futures.append(pool.submit(database.write, None, instant))
            while not database._writer._waiting:
                time.sleep(0.001)
            assert read == 1
            return now

        futures: list[Future[datetime]] = []
        first = database.write(None, hold_until_another_waits)
        assert futures[0].result() - first == timedelta(seconds=1)


def test_a_transaction_has_one_instant_even_if_the_clock_goes_back(database: FileDatabase) -> None:
    instants = iter(datetime(2025, 4, 7, hour, tzinfo=UTC) for hour in (9, 8, 7))
    database.clock = lambda: next(instants)

    def instant(db: Connection, *, now: datetime) -> datetime:
        return now

    with together(database, instant, instant, instant) as futures:
        assert [future.result().hour for future in futures] == [9, 9, 9]


def test_no_caller_chooses_the_instant_of_a_write(database: FileDatabase) -> None:
    with pytest.raises(TypeError, match="multiple values for keyword argument 'now'"):
        database.write(None, insert("a"), now=datetime(2025, 4, 7, tzinfo=UTC))
    assert names(database) == set()
