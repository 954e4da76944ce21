"""Statements that travel to a PostgreSQL server together."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.pq import TransactionStatus

from incident_service.database import server_statements
from incident_service.database.server import ServerDatabase
from incident_service.database.server_statements import Answer, Raw, statement
from tests.helpers import engines


@pytest.fixture
def database(postgres: engines.Server) -> Iterator[ServerDatabase]:
    where, _ = postgres.fresh(is_provisioned=False)
    database = ServerDatabase(where)
    yield database
    database.close()


@pytest.fixture
def raw(database: ServerDatabase) -> Iterator[Raw]:
    with database.connect() as raw:
        yield raw


def test_each_statement_has_an_answer_in_order(raw: Raw) -> None:
    sent = [statement("SELECT :n + 1 AS n", {"n": n}) for n in (1, 2)]
    for _ in range(2):  # the second time they are prepared
        results = raw.exchange([*sent, statement("SELECT :a AS a", {"a": "it's \0"})])
        rows = [row for result in results for row in Answer(raw, result)]
        assert rows == [{"n": 2}, {"n": 3}, {"a": "it's \N{REPLACEMENT CHARACTER}"}]


def test_an_answer_gives_its_rows_once(raw: Raw) -> None:
    (result,) = raw.exchange([statement("SELECT n FROM generate_series(1, 4) AS n")])
    answer = Answer(raw, result)
    assert answer.fetchone() == {"n": 1}
    assert next(iter(answer)) == {"n": 2}
    assert answer.fetchall() == [{"n": 3}, {"n": 4}]
    assert answer.fetchone() is None


def test_nothing_runs_after_a_statement_that_fails(raw: Raw) -> None:
    insert = statement("INSERT INTO page_outcomes VALUES ('x', 1)")
    begin, count = statement("BEGIN"), statement("SELECT count(*) AS n FROM page_outcomes")
    with pytest.raises(psycopg.errors.CheckViolation):
        raw.exchange([begin, insert, count])
    assert raw.info.transaction_status == TransactionStatus.INERROR
    raw.exchange([statement("ROLLBACK")])
    results = raw.exchange([count])  # it was not prepared either
    assert Answer(raw, results[0]).fetchone() == {"n": 2}


def test_a_statement_that_cannot_be_prepared_fails_each_time(raw: Raw) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            raw.exchange([statement("SELECT 1"), statement("SELECT 1 FROM nothing")])
    assert not raw.closed


def test_a_snapshot_may_begin_with_statements_that_are_not_prepared(raw: Raw) -> None:
    begin = statement("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    raw.exchange([begin, statement("SELECT number FROM schema_version")])
    assert raw.info.transaction_status == TransactionStatus.INTRANS


def test_more_than_the_network_holds_at_once_is_sent(raw: Raw) -> None:
    """The server answers meanwhile, and somebody has to listen."""
    text = "x" * 100_000
    sent = [statement("SELECT :text AS text", {"text": text}) for _ in range(300)]
    results = raw.exchange(sent)
    assert {row["text"] for result in results for row in Answer(raw, result)} == {text}


def test_a_server_that_does_not_answer_in_time_is_left(raw: Raw) -> None:
    with pytest.raises(TimeoutError):
        raw.exchange([statement("SELECT pg_sleep(60)")], 0.05)
    assert raw.closed


def test_a_connection_that_has_prepared_very_many_is_replaced(
    database: ServerDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_statements, "MAX_PREPARED", 2)
    backends = []
    for n in range(6):
        with database.read_once() as db:
            row = db.execute(f"SELECT pg_backend_pid() AS pid, {n} AS n").fetchone()
            backends.append(row["pid"])
    assert backends == [pid for pid in dict.fromkeys(backends) for _ in range(3)]


def test_other_values_are_refused() -> None:
    with pytest.raises(TypeError):
        statement("SELECT :a", {"a": 1.5})
