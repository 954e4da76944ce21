"""On call: all schedules as a calendar, and one with its layers, `/on-call` (contract §11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, url_for

from incident_service.http import cursor
from incident_service.http.acting import caller, database, settings
from incident_service.onboarding import set_up
from incident_service.oncall import calendar_view, names, overrides, schedules
from incident_service.oncall.calendar_view import UnfoldedView
from incident_service.store import Row
from incident_service.web.console import lanes, shift_links, weeks
from incident_service.web.console.days import Window
from incident_service.web.console.lanes import Bar
from incident_service.web.console.pages import arguments, now, render

PAGE = 25

MAX_OVERRIDES = 50
"""How many overrides a schedule's page lists, the first from now on."""

MAX_GAPS = 5
"""How many gaps a schedule's page tells in words; the calendar shows all."""

pages = Blueprint("on_call", __name__)


@dataclass(frozen=True, slots=True)
class _Row:
    """A schedule as a row of the calendar."""

    schedule: Row
    bars: list[Bar]
    owned: schedules.Followed
    href: Callable[[Any], str | None]


@pages.get("/on-call")
def show() -> str:
    """Show who is on call on every schedule, by name."""
    window, after = weeks.chosen(), cursor.decode_name("schedules", arguments().get("cursor"))
    with database().read() as db:
        views, end = calendar_view.get_slice(
            db, caller(), window.starts_at, window.ends_at, after=after, limit=PAGE, now=now()
        )
        owned = schedules.owned_of(db, caller(), [v.schedule["id"] for v in views], now=now())
    room = url_for(".show")
    hrefs = {id: _leads_to(id) for id in owned}
    rows = [
        _Row(each.schedule, lanes.bars(each.lane, window), owned[id], hrefs[id])
        for each in views
        for id in [each.schedule["id"]]
    ]
    return render(
        "on_call.html",
        window=window,
        around=weeks.around(window),
        rows=rows,
        by_day=lanes.by_day([(view.schedule, view.lane) for view in views], window),
        href_of_entry=lambda entry: hrefs[entry.subject["id"]](entry),
        name_of=lambda schedule: schedule["name"],
        href_of_schedule=lambda schedule: f"{room}/{schedule['id']}",
        more=cursor.encode("schedules", end),
    )


@pages.get("/on-call/<uuid_text:id>")
def one(id: str) -> str:
    """Show a schedule: who is on call, why, and what is to come."""
    window = weeks.chosen()
    with database().read() as db:
        view = calendar_view.get(db, caller(), id, window.starts_at, window.ends_at, now=now())
        schedule = schedules.get(db, caller(), id)
        resolved = schedules.resolve(db, caller(), id, None, now=now())
        owned = schedules.owned_of(db, caller(), [id], now=now())[id]
        standing_in = overrides.get_all(db, caller(), id, now(), None, limit=MAX_OVERRIDES + 1)
        people = _people(schedule["layers"], standing_in)
        named = names.display_names(db, caller().org_id, sorted(people))
        by_email = bool(settings().smtp_url)
        unreachable = set_up.unreachable(db, caller(), people, by_email)
        paged_by = schedules.policies_of(db, caller(), id)
    return render(
        "schedule.html",
        schedule=schedule,
        owned=owned,
        beside=[t for t in resolved.paging_targets if t != resolved.schedule_owner],
        window=window,
        around=weeks.around(window),
        weeks=[(week, lanes.bars(view.lane, week)) for week in window.weeks()],
        by_day=lanes.by_day([(schedule, view.lane)], window),
        href=_leads_to(id),
        unfolded=_unfolded(view, schedule["layers"], window),
        gaps=view.lane.gaps,
        max_gaps=MAX_GAPS,
        overrides=standing_in[:MAX_OVERRIDES],
        has_more_overrides=len(standing_in) > MAX_OVERRIDES,
        names=named,
        unreachable=sorted(named[id] for id in unreachable),
        paged_by=paged_by,
        rotation=rotation,
    )


def rotation(layer: Row) -> str:
    """Return how long turns are, in words."""
    length = layer["rotation_length_days"]
    return {1: "daily", 7: "weekly"}.get(length, f"every {length} days")


def _leads_to(schedule_id: str) -> Callable[[Any], str | None]:
    room, at = url_for("console.on_call.show"), now()
    return lambda shown: shift_links.link(room, schedule_id, shown, at)


def _people(layers: Iterable[Row], standing_in: Iterable[Row]) -> set[str]:
    people = {user_id for layer in layers for user_id in layer["participant_ids"]}
    return people | {override["user_id"] for override in standing_in}


def _unfolded(
    view: UnfoldedView, layers: Iterable[Row], window: Window
) -> list[tuple[str, list[Bar], str | None, str]]:
    """Return the rows of what decides who is on call: the overrides, then the layers."""
    rotations = {layer["id"]: layer for layer in layers}
    rows: list[tuple[str, list[Bar], str | None, str]] = []
    if view.overrides.shifts:
        bars = lanes.bars(view.overrides, window, with_gaps=False)
        rows.append(("Overrides", bars, "#overrides", "go before all layers"))
    for each in view.layers:
        layer = rotations[each.layer["id"]]
        about = f"{rotation(layer)} at {layer['handoff_time']}"
        bars = lanes.bars(each.lane, window, with_gaps=False)
        rows.append((layer["name"], bars, f"#layer-{layer['id']}", about))
    return rows
