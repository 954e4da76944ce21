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
        ("WHERE id = :id", "WHERE id = %(id)s"),
        ("VALUES (:a,:b_2)", "VALUES (%(a)s,%(b_2)s)"),
        ("WHERE id = ? AND name = ?", "WHERE id = %s AND name = %s"),
        ("SELECT a::text, :a::text", "SELECT a::text, %(a)s::text"),
        ("SELECT ':a', 'it''s :a', :a", "SELECT ':a', 'it''s :a', %(a)s"),
        ('SELECT ":a" FROM "x""+y"', 'SELECT ":a" FROM "x""+y"'),
        ("SELECT 5 % 2, '%', '%s'", "SELECT 5 %% 2, '%%', '%%s'"),
        ("SELECT 1 -- in: this 'order\n, :a", "SELECT 1  \n, %(a)s"),
        ("SELECT 1 /* :a\n' */ + :a", "SELECT 1   + %(a)s"),
        ("FROM incidents INDEXED BY incidents_open\nWHERE", "FROM incidents \nWHERE"),
        ("FROM x AS y INDEXED BY z WHERE", "FROM x AS y  WHERE"),
        ("AND +owner_id = :a OR (+x.id = 1)", "AND owner_id = %(a)s OR (x.id = 1)"),
        ("SET n = n + 1, m = m + :far, k = 1 + k", "SET n = n + 1, m = m + %(far)s, k = 1 + k"),
        ("FROM a CROSS JOIN b ON a.id = b.id", "FROM a JOIN b ON a.id = b.id"),
        ("json_group_array(json_object('a', 1))", "json_group_array(json_build_object('a', 1))"),
        ("SELECT json_object_name, rowid", "SELECT json_object_name, ctid"),
        ("SELECT 'rowid', 'CROSS JOIN', '+a'", "SELECT 'rowid', 'CROSS JOIN', '+a'"),
    ],
)
def test_a_statement(sql: str, wanted: str) -> None:
    assert translated(sql) == wanted


@given(st.text())
def test_what_is_in_a_string_stays(text: str) -> None:
    literal = "'" + text.replace("'", "''") + "'"
    found = translated(f"SELECT {literal}, :a, {literal}")
    kept = literal.replace("%", "%%")
    assert found == f"SELECT {kept}, %(a)s, {kept}"


@given(st.text(st.characters(exclude_characters="\n")))
def test_what_is_in_a_comment_counts_for_nothing(text: str) -> None:
    assert translated(f"SELECT :a -- {text}\n+ :b") == "SELECT %(a)s  \n+ %(b)s"


STORE = Path(store.__file__).parent

WHAT_FOLLOWS = re.compile(r"CROSS JOIN\b.*?\b(ON|WHERE|JOIN|UNION|ORDER|LIMIT)\b", re.DOTALL)


@pytest.mark.parametrize("path", sorted(STORE.glob("*.py")), ids=lambda path: path.name)
def test_every_join_in_a_fixed_order_has_a_condition_of_its_own(path: Path) -> None:
    """On the server it is a plain JOIN, which needs one."""
    sql = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
    assert {found[1] for found in WHAT_FOLLOWS.finditer(sql)} <= {"ON"}
