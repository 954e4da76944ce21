"""On call: take, cover and swap shifts, `/on-call/{scheduleId}/cover` (contract §11)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from incident_service.api.overrides import OverrideBodySchema, OverridesBodySchema
from incident_service.clock import FIRST, LAST, format_instant, parse_instant
from incident_service.database.engine import Connection
from incident_service.http.acting import caller, database, for_members
from incident_service.oncall import names, overrides, schedules, swaps
from incident_service.oncall.names import NamedTarget
from incident_service.people import users
from incident_service.store import Row
from incident_service.web.console import chooser, covering, days, lane_words, zones
from incident_service.web.console.covering import Swap, Time
from incident_service.web.console.forms import Form, Raw, keep_untouched
from incident_service.web.console.pages import arguments, go, now, render

SWAPS_WITHIN = timedelta(weeks=8)
"""How long after a shift others are looked for that somebody could do in exchange."""

MAX_SWAPS = 30

LABELS = {"userId": "Who", "startsAt": "From", "endsAt": "Until", "reason": "Reason"}

_SAID = {
    "override_overlaps": "Somebody stands in for a part of this time already. "
    "Change or delete that first, or choose another time.",
    "shifts_changed": "These shifts have changed meanwhile. Here they are again.",
}
"""Rules that a cover or a swap may break, for people."""

pages = Blueprint("cover", __name__)


@dataclass(frozen=True, slots=True)
class _Shifts:
    """What is known of the time to cover."""

    schedule: Row
    span: Time
    inside: list[NamedTarget]
    """Who is on call in it, cut to it."""
    owner: NamedTarget | None
    """Whoever has all of it, if it is one person by their turns."""
    swaps: list[Swap]
    swap_with: str
    """Whose shifts those are: a user's id, or `anybody`."""


@pages.route("/on-call/<uuid_text:id>/cover", methods=["GET", "POST"])
@for_members
def one(id: str) -> str | Response | tuple[str, int]:
    """Show a shift, and let somebody else be on call for it or for a part of it."""
    with database().read() as db:
        shifts = _read(db, id)
        everyone = users.get_all(db, caller())
    people = chooser.people(everyone, users.display_name)
    starts_at, ends_at = map(format_instant, shifts.span)
    given = {"startsAt": starts_at, "endsAt": ends_at}

    def prepare(raw: Raw) -> Raw:
        people.take(raw, "userId")
        return keep_untouched(raw, given, *given)

    form = Form(
        OverrideBodySchema(),
        given,
        prepare=prepare,
    )
    if people.is_clear(form, ["userId"]) and form.is_sent and form.save(overrides.create, id):
        made = form.result
        return go(_calendar(id, made["starts_at"]), f"{_sentence(made, _name(made))}.")
    if form.code in _SAID:
        form.faults, form.error = {}, _SAID[form.code]
    html = render(
        "cover.html",
        shifts=shifts,
        form=form,
        people=people,
        labels=LABELS,
        weekend=covering.weekend(shifts.span, ZoneInfo(shifts.schedule["timezone"])),
    )
    return html, form.status


@pages.post("/on-call/<uuid_text:id>/swap")
@for_members
def swap(id: str) -> Response:
    """Let two people swap shifts, both or none."""
    with database().read() as db:
        schedules.get(db, caller(), id)
    form = Form(OverridesBodySchema())
    body = form.read()
    is_pair = body is not None and len(body["overrides"]) == 2
    if is_pair and form.run(swaps.swap, id, body["overrides"]):
        made: list[Row] = form.result
        done = ", and ".join(_sentence(each, _name(each)) for each in made)
        return go(_calendar(id, min(each["starts_at"] for each in made)), f"{done}.")
    said = _SAID.get(form.code, form.error)
    flash(said or "This swap was not understood.", "fault")
    ends = {"from": form.value("overrides[0].startsAt"), "to": form.value("overrides[0].endsAt")}
    return redirect(f"{url_for('.one', id=id)}?{urlencode(ends)}", 303)


def _read(db: Connection, id: str) -> _Shifts:
    schedule = schedules.get(db, caller(), id)
    span = _span(db, id)
    ahead = min(max(now(), span[0]) + SWAPS_WITHIN, now() + schedules.MAX_WINDOW)
    inside = schedules.shifts(db, caller(), id, *span, now=now())
    owner = covering.owner(inside, span)
    me = caller().user_id or ""
    asked = arguments().get("with", "")
    swap_with = asked or ("anybody" if owner is None or owner.user_id == me else me)
    found: list[Swap] = []
    if owner is not None:
        to_come = schedules.shifts(db, caller(), id, now(), ahead, now=now())
        zone = ZoneInfo(schedule["timezone"])
        whole = [shift for shift in to_come if shift.ends_at < ahead]
        offered = covering.swaps(whole, span, owner.user_id, zone, now())
        chosen = (each for each in offered if swap_with in ("anybody", each.shift.user_id))
        found = list(itertools.islice(chosen, MAX_SWAPS))
    return _Shifts(schedule, span, inside, owner, found, swap_with)


def _span(db: Connection, id: str) -> Time:
    """Return the time that the address asks for; an end that it leaves out is the shift's."""
    start, end = (_asked(name) for name in ("from", "to"))
    if start is not None and end is not None and start < end:
        return start, min(end, _within(start + schedules.MAX_WINDOW))
    if start is None and end is not None and end > now():
        since = max(now(), _within(end - schedules.MAX_WINDOW))
        (*_, last) = [None, *schedules.shifts(db, caller(), id, since, end, now=now())]
        if last is None:
            return since, end
        return (last.starts_at if last.ends_at == end else last.ends_at), end
    start = start or now()
    until = _within(start + schedules.MAX_WINDOW)
    first = next(iter(schedules.shifts(db, caller(), id, start, until, now=now())), None)
    if first is None:
        return start, _within(start + timedelta(days=1))
    return start, first.ends_at if first.starts_at == start else first.starts_at


def _asked(name: str) -> datetime | None:
    """Return the instant that a parameter of the address names, far from the calendar's ends."""
    try:
        return _within(parse_instant(arguments()[name]))
    except (KeyError, ValueError):
        return None


def _within(at: datetime) -> datetime:
    room = 2 * schedules.MAX_WINDOW
    return min(max(at, FIRST + room), LAST - room)


def _name(override: Row) -> str:
    with database().read() as db:
        return names.display_names(db, caller().org_id, [override["user_id"]])[override["user_id"]]


def _sentence(override: Row, name: str) -> str:
    zone = zones.zone()
    starts_at, ends_at = (
        lane_words.moment(zones.local(override[end]), zone) for end in ("starts_at", "ends_at")
    )
    return f"{name} is on call from {starts_at} until {ends_at}"


def _calendar(id: str, starts_at: str) -> str:
    """Return the address of the calendar in the weeks in which an override begins."""
    day, this = zones.local(starts_at).date(), days.monday(now(), zones.zone())
    room = url_for("console.on_call.one", id=id)
    is_shown = this <= day < this + timedelta(days=days.SHOWN)
    return room if is_shown else f"{room}?from={day.isoformat()}"
