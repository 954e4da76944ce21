"""What the code lists by hand, against `schema.sql` and the API."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from incident_service import store
from incident_service.api.incidents import AUDIT_DETAILS, ListQuerySchema
from incident_service.store import incidents
from incident_service.store.audit import EVENTS
from tests.helpers.everything import fill_every_table
from tests.helpers.plans import traced
from tests.helpers.world import World

STORE = Path(store.__file__).parent

FILLED_LATER = {
    "organizations": {
        "last_incident_number",
        "last_incident_at",
        "clock_setback_ms",
        "public_revision",
        "timezone",
        "number",
        "default_escalation_policy_id",
    },
    "users": {"deleted_at"},
    "api_keys": {"deleted_at"},
    "components": {"deleted_at"},
    "schedules": {"deleted_at"},
    "working_hours": {"deleted_at"},
    "escalation_policies": {"deleted_at"},
    "status_pages": {"deleted_at"},
    "maintenance_windows": {"deleted_at"},
    "routing_policies": {"deleted_at"},
    "integrations": {"receipts", "last_received_at", "deleted_at"},
    "incidents": {
        "handed_off_at",
        "is_left_to_people",
        "is_paged",
        "repeats",
        "trail_deleted_at",
        "acknowledge_ms",
        "resolve_ms",
    },
    "deliveries": {"attempts", "first_tried_at"},
}
"""The columns that a new row leaves to the table's defaults."""

FILLED_BY_THE_SCHEMA = {
    "page_outcomes",
    "paging_presence",
    "secrets",
    "retention",
    "incident_words",
    "incident_words_config",
    "incident_words_data",
    "incident_words_idx",
}


@pytest.mark.sqlite_only("what schema.sql says; the two schemas are compared")
def test_audit_events_are_the_same_in_the_code_the_schema_and_the_description(
    world: World,
) -> None:
    (table,) = world.rows("SELECT sql FROM sqlite_schema WHERE name = 'audit_events'")
    listed = re.search(r"CHECK \(event IN \(([^)]*)\)\)", table["sql"])
    assert listed is not None
    assert re.findall(r"'(\w+)'", listed[1]) == list(EVENTS)
    assert list(AUDIT_DETAILS) == list(EVENTS)


@pytest.mark.sqlite_only("how it finds rows")
def test_a_new_row_fills_every_column_of_its_table(world: World) -> None:
    with traced(world) as statements:
        fill_every_table(world)
    filled = {
        (found[1], frozenset(found[2].split(", ")))
        for found in (re.match(r"\s*INSERT INTO (\w+) \(([^)]*)\)", text) for text in statements)
        if found
    }
    every = {row["name"] for row in world.rows("SELECT name FROM sqlite_schema WHERE type='table'")}
    assert {table for table, _ in filled} == every - FILLED_BY_THE_SCHEMA
    for table, columns in filled:
        known = {row["name"] for row in world.rows(f"PRAGMA table_info({table})")}
        assert (table, known - columns) == (table, FILLED_LATER.get(table, set()))


def texts(path: Path) -> Iterator[str]:
    """Yield the strings of a module, those between the braces of an f-string left out."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", sorted(STORE.glob("*.py")), ids=lambda path: path.name)
def test_every_insert_is_made_from_the_row_it_adds(path: Path) -> None:
    if path.name != "__init__.py":
        assert [text for text in texts(path) if "INSERT INTO" in text] == []


@pytest.mark.parametrize("name", ["", "id, name", "id = 1; --", "Id", "user-id"])
def test_what_is_not_the_name_of_a_column_is_in_no_statement(name: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        store.insert_into("users", {"id": "x", name: "y"})


def test_the_store_knows_every_filter_of_the_list_of_incidents() -> None:
    asked = set(ListQuerySchema().fields) - {"limit", "cursor"}
    named = {"from_": "since", "to": "until", "provisional": "is_provisional"}
    assert {named.get(name, name) for name in asked} == set(incidents.FILTERS)


def test_a_filter_that_the_store_does_not_know_finds_nothing(world: World) -> None:
    with world.database.read() as db, pytest.raises(KeyError, match="title"):
        incidents.newest(db, world.made.org_id, {"title": "x"}, after=0, before=9, limit=9)
