"""Statements in PostgreSQL's words: what changes, and what must not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service import store
from incident_service.database.translation import translated


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("WHERE id = :id", "WHERE id = $1"),
        ("VALUES (:a,:b_2)", "VALUES ($1,$2)"),
        ("WHERE id = ? AND name = ?", "WHERE id = $1 AND name = $2"),
        ("SELECT a::text, :a::text", "SELECT a::text, $1::text"),
        ("SELECT ':a', 'it''s :a', :a", "SELECT ':a', 'it''s :a', $1"),
        ('SELECT ":a" FROM "x""+y"', 'SELECT ":a" FROM "x""+y"'),
        ("SELECT 5 % 2, '%', '%s'", "SELECT 5 % 2, '%', '%s'"),
        ("SELECT 1 -- in: this 'order\n, :a", "SELECT 1  \n, $1"),
        ("SELECT 1 /* :a\n' */ + :a", "SELECT 1   + $1"),
        ("FROM incidents INDEXED BY incidents_open\nWHERE", "FROM incidents \nWHERE"),
        ("FROM x AS y INDEXED BY z WHERE", "FROM x AS y  WHERE"),
        ("AND +owner_id = :a OR (+x.id = 1)", "AND owner_id = $1 OR (x.id = 1)"),
        ("SET n = n + 1, m = m + :far, k = 1 + k", "SET n = n + 1, m = m + $1, k = 1 + k"),
        ("FROM a CROSS JOIN b ON a.id = b.id", "FROM a JOIN b ON a.id = b.id"),
        ("json_group_array(json_object('a', 1))", "json_group_array(json_build_object('a', 1))"),
        ("SELECT json_object_name, rowid", "SELECT json_object_name, ctid"),
        ("SELECT 'rowid', 'CROSS JOIN', '+a'", "SELECT 'rowid', 'CROSS JOIN', '+a'"),
    ],
)
def test_a_statement(sql: str, wanted: str) -> None:
    assert translated(sql).sql.decode() == wanted


def test_values_are_counted_by_their_names_or_their_places() -> None:
    assert translated("SELECT :b, :a, :b") == (b"SELECT $1, $2, $1", ("b", "a"))
    assert translated("SELECT ?, ?") == (b"SELECT $1, $2", (0, 1))


@given(st.text())
def test_what_is_in_a_string_stays(text: str) -> None:
    literal = "'" + text.replace("'", "''") + "'"
    found = translated(f"SELECT {literal}, :a, {literal}")
    assert found == (f"SELECT {literal}, $1, {literal}".encode(), ("a",))


@given(st.text(st.characters(exclude_characters="\n")))
def test_what_is_in_a_comment_counts_for_nothing(text: str) -> None:
    assert translated(f"SELECT :a -- {text}\n+ :b").sql == b"SELECT $1  \n+ $2"


STORE = Path(store.__file__).parent

WHAT_FOLLOWS = re.compile(r"CROSS JOIN\b.*?\b(ON|WHERE|JOIN|UNION|ORDER|LIMIT)\b", re.DOTALL)


@pytest.mark.parametrize("path", sorted(STORE.glob("*.py")), ids=lambda path: path.name)
def test_every_join_in_a_fixed_order_has_a_condition_of_its_own(path: Path) -> None:
    """On the server it is a plain JOIN, which needs one."""
    sql = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    assert {found[1] for found in WHAT_FOLLOWS.finditer(sql)} <= {"ON"}
