"""What a change of layers would do, laid out to be looked at before it is done (contract §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from incident_service.database.engine import Connection
from incident_service.http.acting import caller
from incident_service.oncall import calendar_view, names, preview
from incident_service.oncall.calendar_lanes import Lane, Span
from incident_service.oncall.preview import BeforeAndAfter
from incident_service.store import Row
from incident_service.web.console import lanes, weeks
from incident_service.web.console.days import Day, Window
from incident_service.web.console.lanes import Bar, Entry
from incident_service.web.console.pages import now


@dataclass(frozen=True, slots=True)
class Share:
    """For how many hours somebody is on call, without the change and with it."""

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Shown:
    """A preview: from now on, over the four weeks that begin today."""

    window: Window
    now: BeforeAndAfter
    before: list[Bar]
    after: list[Bar]
    by_day: list[tuple[Day, list[Entry[str]]]]
    shares: list[Share]
    warnings: list[str]


def read(db: Connection, schedule: Row, proposed: Sequence[Row]) -> Shown:
    """Return what it would do if the schedule had these layers. Raises as `preview`."""
    window, at = weeks.from_today(), now()
    found = preview.preview(db, caller(), schedule["id"], proposed, [], at, window.ends_at, now=at)
    before = calendar_view.get(db, caller(), schedule["id"], at, window.ends_at, now=at).lane
    people = [each.user_id for each in found.hours]
    named = names.display_names(db, caller().org_id, people)
    span = Span(at, window.ends_at, at)
    reasons = {shift.override_id: shift.reason for shift in before.shifts if shift.override_id}
    after: Lane = span.lane(list(found.shifts), named.__getitem__, reasons)
    return Shown(
        window,
        found.now,
        before=lanes.bars(before, window),
        after=lanes.bars(after, window),
        by_day=lanes.by_day([("", after)], window),
        shares=[Share(named[each.user_id], each.before, each.after) for each in found.hours],
        warnings=found.warnings,
    )
