"""What the code lists by hand, against `schema.sql`."""

from __future__ import annotations

import re

from incident_service.api.incidents import AUDIT_DETAILS
from incident_service.store.audit import EVENTS
from tests.conftest import World


def test_audit_events_are_the_same_in_the_code_the_schema_and_the_description(
    world: World,
) -> None:
    (table,) = world.rows("SELECT sql FROM sqlite_schema WHERE name = 'audit_events'")
    listed = re.search(r"CHECK \(event IN \(([^)]*)\)\)", table["sql"])
    assert listed is not None
    assert re.findall(r"'(\w+)'", listed[1]) == list(EVENTS)
    assert list(AUDIT_DETAILS) == list(EVENTS)
