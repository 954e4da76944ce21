"""How much a page of the console asks of the database: a number of statements that stays the same.

However many rows there are, a page takes as many statements as with few, and finds them by indexes.
The pages are those of the list of routes, so that a new one is among them.
"""

from __future__ import annotations

import re

import pytest

from tests.helpers.console import signed_in
from tests.helpers.console_routes import GETS
from tests.helpers.plans import plan, scans, traced
from tests.helpers.plenty import filled
from tests.helpers.world import World

FEW, MANY = 2, 9
"""How many of everything there are; many fit on one page of any list."""

WALK = re.compile(
    r"SEARCH (alerts?|audit_events|changes?|delivery|deliveries|events?|incidents?"
    r"|incident_updates|status_history|updates?)\b"
    r"(?!.*INDEX incidents_(open|provisional) ).* \(org_id=\?\)"
)
"""A step of a plan that reads all that an organization has in a table that grows for ever.

What is open does not: incidents are resolved. What is provisional is few, and read by ids alone.
"""

OF_EACH_SCHEDULE = {"GET reports.show", "GET reports.on_call_csv"}
"""Pages that count the hours of each schedule in turn, of which there are 1,000 at most."""


LAST = re.compile(r"\s*SELECT max\(\w+\) AS \w+ FROM \w+\s+WHERE org_id = '\w+'\s*")
"""A statement that takes the end of an index, though its plan does not say so."""


def statements(world: World, number: int) -> dict[str, list[str]]:
    """Return the queries of each page, with so many of everything."""
    things = filled(world, number)
    browser = signed_in(world)
    browser.get("/me")  # so that what a process does once is done
    asked = {}
    for route in GETS:
        with traced(world) as found:
            answer = browser.get(route.path(things.ids))
        assert answer.status_code == 200, route
        asked[str(route)] = [text for text in found if re.match(r"\s*(SELECT|WITH)\b", text)]
    return asked


@pytest.mark.sqlite_only("how it finds rows")
def test_a_page_takes_as_many_statements_with_many_rows_as_with_few(world: World) -> None:
    few, many = (statements(world, number) for number in (FEW, MANY))
    more = {
        page: [text for text in many[page] if text not in few[page]]
        for page in few.keys() - OF_EACH_SCHEDULE
        if len(many[page]) > len(few[page])
    }
    assert more == {}


@pytest.mark.sqlite_only("how it finds rows")
def test_a_page_finds_its_rows_by_indexes(world: World) -> None:
    for page, texts in statements(world, FEW).items():
        for text in set(texts):
            steps = plan(world, text)
            made = {step.removeprefix("CO-ROUTINE ") for step in steps}  # within the statement
            scanned = [s for s in scans(world, text) if s.removeprefix("SCAN ") not in made]
            assert scanned == [], (page, text)
            walks = [step for step in steps if WALK.fullmatch(step) and not LAST.fullmatch(text)]
            assert walks == [], (page, text)
