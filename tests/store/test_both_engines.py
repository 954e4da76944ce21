"""What the store's SQL calls does the same on a PostgreSQL server as with SQLite."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_service.database.server import ServerDatabase
from tests.helpers import engines
from tests.helpers.world import World

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
NUMBER = st.integers(-(2**40), 2**40)


@pytest.fixture
def database(world: World, postgres: engines.Server) -> ServerDatabase:
    assert isinstance(world.database, ServerDatabase)
    return world.database


def on_both(
    database: ServerDatabase, sql: str, values: dict[str, Any]
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Return the rows that a query finds, with SQLite and on the server."""
    with closing(sqlite3.connect(":memory:")) as file:
        in_file = file.execute(sql, values).fetchall()
    with database.read_once() as db:
        on_server = [tuple(row.values()) for row in db.execute(sql, values)]
    return in_file, on_server


same_database = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_database
@given(a=TEXT | st.none(), b=TEXT, n=NUMBER, m=NUMBER, part=st.integers(0, 9))
def test_functions(
    database: ServerDatabase, a: str | None, b: str, n: int, m: int, part: int
) -> None:
    in_file, on_server = on_both(
        database,
        """
        SELECT max(CAST(:a AS TEXT), :b) AS one, min(CAST(:a AS TEXT), :b) AS two,
            max(:n, :m) AS three, min(:n, :m) AS four, instr(:b, CAST(:a AS TEXT)) AS five,
            substr(:b, 1, :part) AS six, length(:b) AS seven,
            coalesce(CAST(:a AS TEXT), :b) AS eight,
            CAST(:a AS TEXT) || :b AS nine, :n < :m AS ten, CAST(:a AS TEXT) IS NULL AS eleven,
            :n / 7 AS twelve, :n % 7 AS thirteen
        """,
        {"a": a, "b": b, "n": n, "m": m, "part": part},
    )
    assert on_server == in_file
    assert [[type(v) for v in row] for row in on_server] == [
        [type(v) for v in row] for row in in_file
    ]


@same_database
@given(st.lists(TEXT, max_size=5), NUMBER, TEXT | st.none())
def test_lists_and_objects(
    database: ServerDatabase, texts: list[str], number: int, text: str | None
) -> None:
    in_file, on_server = on_both(
        database,
        "SELECT key, value FROM json_each(:list) ORDER BY key",
        {"list": json.dumps(texts)},
    )
    assert on_server == in_file
    pairs = json.dumps([[text, number] for text in texts])
    in_file, on_server = on_both(
        database,
        """
        SELECT json_extract(value, '$[0]') AS text,
            CAST(json_extract(value, '$[1]') AS BIGINT) AS number
        FROM json_each(:pairs) ORDER BY key
        """,
        {"pairs": pairs},
    )
    assert on_server == in_file
    in_file, on_server = on_both(
        database,
        """
        SELECT json_group_array(value) AS texts,
            json_group_array(json_object('n', :n, 't', CAST(:t AS TEXT), 'v', value)) AS objects,
            json_group_object(value, :n) AS numbers
        FROM json_each(:list) AS each
        """,
        {"list": json.dumps(texts), "n": number, "t": text},
    )
    assert [json.loads(value) for value in on_server[0]] == [
        json.loads(value) for value in in_file[0]
    ]
    assert all(type(value) is str for value in on_server[0])


@same_database
@given(st.lists(TEXT, max_size=9))
def test_text_is_in_the_order_of_its_bytes(database: ServerDatabase, texts: list[str]) -> None:
    in_file, on_server = on_both(
        database, "SELECT value FROM json_each(:list) ORDER BY value", {"list": json.dumps(texts)}
    )
    assert on_server == in_file


HISTORY = ["audit_events", "changes", "status_history"]


@pytest.mark.parametrize("table", HISTORY)
@pytest.mark.parametrize(
    "change", ["DELETE FROM {0}", "UPDATE {0} SET id = 'x'", "TRUNCATE {0} CASCADE"]
)
def test_history_cannot_be_changed_on_the_server(
    world: World, database: ServerDatabase, table: str, change: str
) -> None:
    assert world.post().status_code == 201
    world.make("components", name="Another")
    before = world.rows(f"SELECT * FROM {table} ORDER BY id")
    assert before
    with (
        psycopg.connect(database.where.url) as connection,
        pytest.raises(psycopg.IntegrityError, match="is append-only"),
    ):
        connection.execute(change.format(table).encode())
    assert world.rows(f"SELECT * FROM {table} ORDER BY id") == before


def test_history_goes_as_far_as_retention_says(world: World, database: ServerDatabase) -> None:
    world.make("components", name="Another")
    (number,) = world.rows("SELECT count(*) AS number FROM changes")
    assert number["number"]
    world.execute("UPDATE retention SET kept_from = '9999-01-01T00:00:00.000Z'")
    world.execute("DELETE FROM changes WHERE org_id = ?", world.made.org_id)
    assert world.rows("SELECT count(*) AS number FROM changes") == [{"number": 0}]
