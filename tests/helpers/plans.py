"""Which statements run, and how SQLite plans to find their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.helpers.world import World

# What a plan may go through from end to end: what the statement itself brings or has made, and what
# the index of words finds, if it is asked for words (its plan has an M). Other virtual tables are
# lists that a statement brings.
_OWN_ROWS = re.compile(
    r"SCAN (json_each\b|incident_words VIRTUAL TABLE INDEX \d+:\S*M"
    r"|(?!incident_words\b)\w+ VIRTUAL TABLE\b|CONSTANT ROW|\(subquery-\d+\))"
)

_MADE = re.compile(r"(CO-ROUTINE|MATERIALIZE) ")
"""What a subquery that has a name finds: its own steps say how."""


@contextmanager
def traced(world: World) -> Iterator[list[str]]:
    """Collect every statement that this thread runs, with its values in place.

    Without those by which SQLite's index of words keeps its own tables.
    """
    statements: list[str] = []

    def collect(statement: str) -> None:
        if "'incident_words_" not in statement:
            statements.append(statement)

    _trace(world, collect)
    statements.clear()  # those of the tracing itself
    yield statements
    number = len(statements)
    _trace(world, None)
    del statements[number:]


def _trace(world: World, callback: Callable[[str], object] | None) -> None:
    with world.file.read() as db:
        db.set_trace_callback(callback)
    world.file.write(None, lambda db, **_: db.set_trace_callback(callback))


def plan(world: World, statement: str) -> list[str]:
    return [row["detail"] for row in world.rows(f"EXPLAIN QUERY PLAN {statement}")]


def scans(world: World, statement: str) -> list[str]:
    """Return the steps of the plan that go through a whole table or index."""
    steps = plan(world, statement)
    made = {f"SCAN {step.split()[1]}" for step in steps if _MADE.match(step)}
    found = [step for step in steps if step.startswith("SCAN") and step not in made]
    return [step for step in found if not _OWN_ROWS.match(step)]


def walks(world: World, statement: str) -> list[str]:
    """Return the steps that go through a whole table, or all that an organization has in it.

    Of subscriptions it has a hundred at most.
    """
    of_organization = [
        step
        for step in plan(world, statement)
        if step.endswith(" (org_id=?)") and not step.startswith("SEARCH subscriptions ")
    ]
    return scans(world, statement) + of_organization
