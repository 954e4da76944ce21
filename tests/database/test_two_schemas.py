"""`postgres.sql` has what `schema.sql` has: column by column, key by key, check by check."""

from __future__ import annotations

import re
from importlib import resources

import pytest

SCHEMA = resources.files("incident_service")
FILE = (SCHEMA / "schema.sql").read_text(encoding="utf-8")
SERVER = (SCHEMA / "database" / "postgres.sql").read_text(encoding="utf-8")

OTHER_WORDS = {
    r"\bTEXT\b": "STRING",
    r"\bINTEGER\b": "BIGINT",
    r"^number BIGINT NOT NULL DEFAULT 0$": "number BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY",
    r"handoff_time GLOB '(.*)'": r"handoff_time ~ '^\1$'",
    r"json_valid\((\w+)\)": r"\1::json IS NOT NULL",
    r"slug NOT GLOB '\*(.*)\*'": r"slug !~ '\1'",
}
"""What `postgres.sql` says for words of `schema.sql`."""

ONLY_ON_THE_SERVER = {"schema_version", "incident_words"}

LEFT_TO_THE_STORE = {"incidents_have_words", "incidents_change_words"}
"""Triggers that fill the index of words; `store/incident_words.py` does on the server."""


def statements(schema: str) -> list[str]:
    """Return the statements without comments, and with single spaces."""
    text = re.sub(r"--[^\n]*", "", schema)
    parts = re.split(r";\s*(?:\n(?=CREATE|INSERT|ALTER|PRAGMA)|\Z)", text)
    return [re.sub(r"\s+", " ", part).strip() for part in parts]


def split(definitions: str) -> list[str]:
    """Return what the commas outside of parentheses are between."""
    parts, depth = [""], 0
    for character in definitions:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return sorted(part.strip().removesuffix(" )") for part in parts)


def tables(schema: str) -> dict[str, list[str]]:
    """Return the columns and constraints of each table, in the order of their text."""
    found = {}
    for statement in statements(schema):
        if table := re.fullmatch(r"CREATE TABLE (\w+) \( ?(.*?) ?\)( STRICT.*)?", statement):
            found[table[1]] = split(table[2])
        if added := re.fullmatch(r"ALTER TABLE (\w+) ADD (.*)", statement):
            found[added[1]] = sorted([*found[added[1]], added[2]])
    return found


def translated(definition: str) -> str:
    for words, others in OTHER_WORDS.items():
        definition = re.sub(words, others, definition)
    return definition


def test_the_tables_are_the_same() -> None:
    on_server = tables(SERVER).keys() - ONLY_ON_THE_SERVER
    assert on_server == tables(FILE).keys()
    assert len(on_server) > 50


@pytest.mark.parametrize("table", sorted(tables(FILE)))
def test_a_table_is_the_same(table: str) -> None:
    wanted = sorted(translated(definition) for definition in tables(FILE)[table])
    assert tables(SERVER)[table] == wanted


def indexes(schema: str) -> set[str]:
    found = {text for text in statements(schema) if re.match("CREATE (UNIQUE )?INDEX", text)}
    return {text for text in found if not re.search(r" ON incident_words\b", text)}


def test_the_indexes_are_the_same() -> None:
    assert indexes(SERVER) == indexes(FILE)
    assert len(indexes(FILE)) > 50


def triggers(schema: str) -> dict[str, str]:
    """Return on what each trigger acts, by its name."""
    found = {}
    for statement in statements(schema):
        if trigger := re.match(r"CREATE TRIGGER (\w+) ((?:BEFORE|AFTER) .*? ON \w+)\b", statement):
            found[trigger[1]] = trigger[2]
    return found


def test_the_triggers_act_on_the_same() -> None:
    in_file = {
        name: acts
        for name, acts in triggers(FILE).items()
        if not name.endswith("_replaces_nothing") and name not in LEFT_TO_THE_STORE
    }
    del in_file["organizations_are_counted"]  # a sequence does
    on_server = {
        name: acts
        for name, acts in triggers(SERVER).items()
        if not name.endswith("_is_not_emptied")
    }
    assert on_server == in_file
    assert len(in_file) > 20


def test_history_cannot_be_emptied_on_the_server_where_it_keeps_its_rows() -> None:
    keeps = {name.removesuffix("_keeps_rows") for name in triggers(FILE) if "_keeps_rows" in name}
    emptied = {name for name in triggers(SERVER) if "_is_not_emptied" in name}
    assert emptied == {f"{table}_is_not_emptied" for table in keeps}


def first_rows(schema: str) -> dict[str, str]:
    """Return what tables have from the start, by their names."""
    rows = [text for text in statements(schema) if text.startswith("INSERT INTO")]
    return {text.split()[2]: text for text in rows}


def test_the_first_rows_are_the_same() -> None:
    in_file, on_server = first_rows(FILE), first_rows(SERVER)
    del on_server["schema_version"]
    made, other = in_file.pop("secrets"), on_server.pop("secrets")
    assert on_server == in_file
    names = re.findall(r"'(\w+)'", made)
    assert len(names) > 3
    assert [name for name in re.findall(r"'(\w+)'", other) if name != "-"] == names


def test_the_version_is_the_same() -> None:
    version = re.search(r"PRAGMA user_version = (\d+)", FILE)
    on_server = re.search(r"INSERT INTO schema_version VALUES \((\d+)\)", SERVER)
    assert version and on_server
    assert on_server[1] == version[1]
