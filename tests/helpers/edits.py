"""A schedule that is edited again and again, in every way there is, as hypothesis draws it."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from incident_service import ids
from incident_service.clock import format_instant, parse_instant
from incident_service.errors import Conflict, ValidationFailed
from incident_service.oncall import layers, overrides, schedules
from incident_service.oncall.names import NamedTarget
from incident_service.people.caller import Caller
from incident_service.store import Row
from tests.helpers.clocks import write_at
from tests.helpers.world import World

NOW = parse_instant("2025-03-28T12:00:00.456789Z")
"""Two days before clocks change."""

ZONES = ("UTC", "Europe/London", "America/Chicago")

LAYER_FIELDS = ("name", "rotation_type", "rotation_length_days", "handoff_time", "effective_from",
                "effective_until", "participant_ids")  # fmt: skip


def _instant(draw: st.DrawFn, now: datetime, least: int, most: int) -> datetime:
    """Return an instant so many hours after now at least, and at most."""
    return now + timedelta(hours=draw(st.integers(least, most)))


@st.composite
def layer_values(draw: st.DrawFn, now: datetime = NOW, *, least: int = -150) -> Row:
    begins = _instant(draw, now, least, 100)
    lasts = draw(st.none() | st.integers(1, 200))
    return {
        "name": "Layer",
        "rotation_type": "custom",
        "rotation_length_days": draw(st.sampled_from((1, 2))),
        "handoff_time": f"{draw(st.integers(0, 23)):02}:00",
        "effective_from": format_instant(begins),
        "effective_until": format_instant(begins + timedelta(hours=lasts)) if lasts else None,
        "participant_ids": draw(st.lists(st.sampled_from("abc"), min_size=1, max_size=3)),
    }


@st.composite
def override_values(
    draw: st.DrawFn, now: datetime = NOW, *, least: int = -100, most: int = 100
) -> Row:
    begins = _instant(draw, now, least, most)
    ends = begins + timedelta(hours=draw(st.integers(1, 40)))
    return {
        "user_id": draw(st.sampled_from("abx")),
        "starts_at": format_instant(begins),
        "ends_at": format_instant(ends),
    }


class Edited:
    """A schedule of the people a, b, c and x, and all that its functions do to it."""

    def __init__(self, world: World, draw: Any, since: datetime) -> None:
        """Make it at an instant, with up to three layers that may have begun before."""
        self.world = world
        self.caller = Caller(world.made.org_id, "key", None, "org:admin")
        values = {"name": ids.new_id(), "timezone": draw(st.sampled_from(ZONES))}
        self.id: str = write_at(since, world.database, schedules.create, self.caller, values)["id"]
        for values in draw(st.lists(layer_values(since), max_size=3)):
            self.write(layers.add, values, at=since)

    def write(self, work: Any, *args: Any, at: datetime) -> Any:
        return write_at(at, self.world.database, work, self.caller, self.id, *args)

    def layers(self) -> list[Row]:
        with self.world.database.read() as db:
            return layers.get_all(db, self.caller.org_id, self.id)

    def overrides(self) -> list[Row]:
        with self.world.database.read() as db:
            return overrides.get_all(db, self.caller, self.id, None, None)

    def shifts(self, start: datetime, end: datetime, *, now: datetime) -> list[NamedTarget]:
        with self.world.database.read() as db:
            return schedules.shifts(db, self.caller, self.id, start, end, now=now)

    def on_call(self, at: datetime, *, now: datetime) -> tuple[str | None, list[str]]:
        """Return the ids of who owns the schedule at an instant, and of all that it pages."""
        with self.world.database.read() as db:
            found = schedules.resolve(db, self.caller, self.id, at, now=now)
        owner_id = found.schedule_owner.user_id if found.schedule_owner else None
        return owner_id, [target.user_id for target in found.paging_targets]

    def edit(self, draw: Any, at: datetime) -> None:
        """Make one edit of any kind that adds nothing to the past. It may be refused."""
        kind = draw(st.sampled_from((self._edit_layers, self._edit_overrides)))
        with contextlib.suppress(Conflict, ValidationFailed):
            kind(draw, at)

    def _edit_layers(self, draw: Any, at: datetime) -> None:
        stored = self.layers()
        kind = draw(st.sampled_from(("add", "replace", "people", "delete", "order", "zone")))
        if kind == "zone":
            values = {"name": ids.new_id(), "timezone": draw(st.sampled_from(ZONES))}
            self.write(schedules.replace, values, at=at)
        elif kind == "add" or not stored:
            self.write(layers.add, draw(layer_values(at, least=1)), at=at)
        elif kind == "order":
            order = draw(st.permutations([layer["id"] for layer in stored]))
            self.write(schedules.order_layers, order, at=at)
        else:
            layer = draw(st.sampled_from(stored))
            if kind == "delete":
                self.write(layers.delete, layer["id"], at=at)
                return
            values = draw(layer_values(at))
            if kind == "people":
                people = {"participant_ids": values["participant_ids"]}
                values = {name: layer[name] for name in LAYER_FIELDS} | people
            self.write(layers.replace, layer["id"], values, at=at)

    def _edit_overrides(self, draw: Any, at: datetime) -> None:
        standing = self.overrides()
        kind = draw(st.sampled_from(("create", "create several", "change", "change", "delete")))
        if kind == "create several":
            several = draw(st.lists(override_values(at, least=0, most=10), min_size=2, max_size=3))
            self.write(overrides.create_all, several, at=at)
        elif kind == "create" or not standing:
            self.write(overrides.create, draw(override_values(at, least=0, most=10)), at=at)
        else:
            id = draw(st.sampled_from(standing))["id"]
            if kind == "delete":
                self.write(overrides.delete, id, at=at)
                return
            values = draw(override_values(at, least=-20, most=20))
            names = draw(st.sets(st.sampled_from(sorted(values)), min_size=1))
            self.write(overrides.change, id, {name: values[name] for name in names}, at=at)
