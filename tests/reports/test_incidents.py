"""Every figure of the report on incidents, beside an oracle that counts the plainest way."""

from __future__ import annotations

import random
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any

import pytest

from incident_service.clock import parse_instant, whole_milliseconds
from incident_service.errors import ServiceError
from incident_service.incidents import lifecycle, opening, reopening, responding, updates
from incident_service.oncall import schedules
from incident_service.people import organizations
from incident_service.people.caller import Caller
from incident_service.reports import incidents
from incident_service.reports.incidents import IncidentsReport, Part
from incident_service.reports.window import Window
from incident_service.severity import SEVERITIES
from incident_service.status import components
from tests.helpers import report_oracle
from tests.helpers.clocks import write_at
from tests.helpers.plans import scans, traced
from tests.helpers.report_oracle import Known
from tests.helpers.world import World

STEPS = 120

ZONES = ("UTC", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Kathmandu")

BEGINNINGS = (
    "2026-12-24T00:00:00Z",  # 2026 has 53 weeks
    "2024-12-25T00:00:00Z",  # the last days of 2024 are in the first week of 2025
    "2026-03-27T00:00:00Z",  # clocks go forward
    "2026-10-23T00:00:00Z",  # clocks go back
    "2018-11-01T00:00:00Z",  # in São Paulo a Sunday begins at one o'clock
)


class History:
    """What people do about incidents, in any order, and what a test knows of it."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.chance = random.Random(seed)
        self.now = parse_instant(self.chance.choice(BEGINNINGS))
        self.known: dict[str, Known] = {}
        self.names: dict[str, str] = {}
        made = world.made
        self.caller = Caller(made.org_id, "key", made.user_id, "org:admin")
        self.people = [made.user_id, world.make("users", id="b", email="b@example.com")["id"]]
        tool = world.make("integrations/inbound", name="Tool", kind="generic")
        self.tool = tool["id"]
        self.zone = self.chance.choice(ZONES)
        self.write(organizations.change, self.caller, {"timezone": self.zone})
        self.components: list[str] = []
        self.schedules: list[str] = []

    def write(self, work: Any, *args: Any) -> Any:
        return write_at(self.now, self.world.database, work, *args)

    def step(self) -> None:
        """Let time pass, and somebody do something."""
        self.now += timedelta(milliseconds=self.chance.choice((0, 1, 999, 60_000, 14_400_037)))
        if self.chance.random() < 0.3 or not self.known:
            self.open()
        elif self.chance.random() < 0.2:
            self.tidy()
        else:
            act = (self.acknowledge, self.unacknowledge, self.snooze, self.hand_off, self.resolve)
            self.chance.choice((*act, self.reopen, self.change))(self.chance.choice([*self.known]))

    def tidy(self) -> None:
        """Make or delete a component or a schedule; names are used again."""
        things, module = self.chance.choice(
            ((self.components, components), (self.schedules, schedules))
        )
        if things and self.chance.random() < 0.4:
            self.write(module.delete, self.caller, things.pop(self.chance.randrange(len(things))))
            return
        taken = {self.names[id] for id in things}
        name = next(f"Thing {n}" for n in range(100) if f"Thing {n}" not in taken)
        zone = {"timezone": "UTC"} if module is schedules else {}
        id = self.write(module.create, self.caller, {"name": name, **zone})["id"]
        things.append(id)
        self.names[id] = name

    def open(self) -> None:
        chance = self.chance
        is_provisional = chance.random() < 0.2
        new = opening.NewIncident(
            "Title",
            chance.choice(SEVERITIES),
            owner_id=chance.choice(self.people),
            owner_schedule_id=chance.choice([None, *self.schedules]),
            component_ids=self.some_components(),
            integration_id=self.tool if is_provisional else None,
            is_provisional=is_provisional,
        )
        opened = self.write(opening.open_incident, self.caller, new)
        self.known[opened["id"]] = Known(
            self.now,
            new.severity,
            new.owner_schedule_id,
            new.component_ids,
            is_provisional=is_provisional,
        )

    def some_components(self) -> tuple[str, ...]:
        number = min(self.chance.randrange(3), len(self.components))
        return tuple(self.chance.sample(self.components, number))

    def act(self, id: str, work: Any, *args: Any) -> bool:
        """Do something about an incident; return whether it was allowed."""
        try:
            self.write(work, self.caller, id, *args)
        except ServiceError:
            return False
        self.known[id].is_provisional = False
        return True

    def acknowledge(self, id: str) -> None:
        self.act(id, lifecycle.acknowledge)
        self.is_acknowledged(id)

    def snooze(self, id: str) -> None:
        if self.act(id, responding.snooze, 30):
            self.is_acknowledged(id)

    def is_acknowledged(self, id: str) -> None:
        incident = self.known[id]
        if incident.resolved is None:
            incident.acknowledged = incident.acknowledged or self.now

    def unacknowledge(self, id: str) -> None:
        self.act(id, responding.unacknowledge)

    def hand_off(self, id: str) -> None:
        self.act(id, lifecycle.hand_off, self.chance.choice(self.people))

    def resolve(self, id: str) -> None:
        self.act(id, updates.resolve, None)
        self.known[id].resolved = self.known[id].resolved or self.now

    def reopen(self, id: str) -> None:
        if self.act(id, reopening.reopen):
            self.known[id].resolved = None

    def change(self, id: str) -> None:
        named = self.some_components()
        if self.act(id, lifecycle.set_components, named):
            self.known[id].components = named


def told(report: IncidentsReport) -> dict[str, Any]:
    """Return the report in the oracle's form."""

    def part(of: Part) -> tuple[Any, ...]:
        return of.count, astuple(of.acknowledge), astuple(of.resolve)

    return {
        "all": part(report),
        "severities": [(of.severity, *part(of)) for of in report.by_severity],
        "components": [(of.id, of.name, *part(of)) for of in report.by_component],
        "schedules": [(of.id, of.name, *part(of)) for of in report.by_schedule],
        "weeks": [(of.week, *part(of)) for of in report.by_week],
        "severities of weeks": [of.severities for of in report.by_week],
    }


@pytest.mark.parametrize("seed", range(6))
def test_any_history_in_any_window(world: World, seed: int) -> None:
    history = History(world, seed)
    began = history.now
    for _ in range(STEPS):
        history.step()
    assert {bool(known.resolved) for known in history.known.values()} == {True, False}
    span = history.now - began
    for _ in range(6):
        first, last = sorted(began + span * history.chance.random() for _ in range(2))
        first, last = history.chance.choice(((began, history.now), (first, last)))
        first, last = whole_milliseconds(first), whole_milliseconds(last)
        window = Window.between(first, last, now=history.now)
        with world.database.read() as db:
            found = told(incidents.report(db, history.caller, window))
        known = history.known.values()
        assert found == report_oracle.report(known, history.names, first, last, history.zone)


def test_a_clock_that_was_set_back_loses_no_component(world: World) -> None:
    """The numbers of a window's incidents may be those of others too."""
    for at in ("2026-06-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-06-02T00:00:00Z"):
        world.database.clock = lambda at=at: parse_instant(at)  # type: ignore[misc]
        assert world.post().status_code == 201
    now = parse_instant("2026-07-01T00:00:00Z")
    caller = Caller(world.made.org_id, "key", None, "org:member")
    with world.database.read() as db:
        june = incidents.report(db, caller, Window.between(None, None, now=now - timedelta(20)))
        whole = incidents.report(db, caller, Window.between(now - timedelta(200), None, now=now))
    assert [(of.id, of.count) for of in june.by_component] == [(world.made.component_id, 2)]
    assert [(of.id, of.count) for of in whole.by_component] == [(world.made.component_id, 3)]


@pytest.mark.sqlite_only("how it finds rows")
def test_a_report_walks_through_no_table(world: World) -> None:
    assert world.post().status_code == 201
    now = datetime.fromisoformat(world.rows("SELECT created_at AS at FROM incidents")[0]["at"])
    caller = Caller(world.made.org_id, "key", None, "org:member")
    with traced(world) as statements, world.database.read() as db:
        found = incidents.report(db, caller, Window.between(None, None, now=now))
    assert (found.count, len(found.by_component), len(found.by_schedule)) == (1, 1, 1)
    reads = [text for text in statements if text.lstrip().startswith("SELECT")]
    assert [step for text in reads for step in scans(world, text)] == []
    of_weeks = [text for text in reads if "GROUP BY severity" in text]
    assert len(of_weeks) == len(found.by_week)
    rows = world.rows(f"EXPLAIN QUERY PLAN {of_weeks[0]}")
    assert [row["detail"] for row in rows] == [
        "SEARCH incidents USING COVERING INDEX incidents_by_opening "
        "(org_id=? AND created_at>? AND created_at<?)",
        "USE TEMP B-TREE FOR GROUP BY",
    ]
