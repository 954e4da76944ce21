"""The report on being on call, against what can be seen minute by minute (contract §12)."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_service.clock import format_instant, parse_instant
from incident_service.incidents import opening
from incident_service.oncall import schedules
from incident_service.people.caller import Caller
from incident_service.reports import on_call
from incident_service.reports.window import Window
from incident_service.store import audit
from tests.helpers.clocks import write_at
from tests.helpers.edits import ZONES, Edited
from tests.helpers.world import World

BEGIN = parse_instant("2025-03-28T12:00:00Z")
"""A Friday, two days before clocks change in Europe."""

HOUR = timedelta(hours=1)
STEP = timedelta(minutes=30)  # everything begins and ends at whole hours
CASES = settings(max_examples=15, suppress_health_check=[*HealthCheck])


def caller_of(world: World) -> Caller:
    return Caller(world.made.org_id, "key", None, "org:member")


def report(
    world: World, first: datetime, end: datetime, now: datetime, schedule_id: str | None = None
) -> dict[str, on_call.UserOnCall]:
    """Return the report on `first <= t < end` by user."""
    window = Window.between(first, end - timedelta(milliseconds=1), now=now)
    with world.database.read() as db:
        found = on_call.report(db, caller_of(world), window, schedule_id, now=now)
    return {user.user_id: user for user in found.users}


def is_night(local: datetime) -> bool:
    return local.hour >= 22 or local.hour < 7


class Looked:
    """Hours that were counted by asking again and again."""

    def __init__(self) -> None:
        self.hours: defaultdict[str, float] = defaultdict(float)
        self.nights: defaultdict[str, float] = defaultdict(float)
        self.weekends: defaultdict[str, float] = defaultdict(float)

    def count(self, user_id: str, local: datetime) -> None:
        self.hours[user_id] += STEP / HOUR
        self.nights[user_id] += STEP / HOUR * is_night(local)
        self.weekends[user_id] += STEP / HOUR * (local.isoweekday() > 5)

    def of(self, user_id: str) -> tuple[float, float, float]:
        return self.hours[user_id], self.nights[user_id], self.weekends[user_id]


def people(world: World) -> None:
    for id in "abcx":
        world.make("users", id=id, email=f"{id}@example.com")


def history(world: World, draw: Any) -> tuple[Edited, Looked, datetime, datetime]:
    """Edit a schedule for some days and delete it, maybe. Return what was seen of a window."""
    edited = Edited(world, draw, BEGIN)
    world.execute("DELETE FROM tasks")
    now, zones = BEGIN, {}
    for hours in draw(st.lists(st.integers(1, 20), max_size=6)):
        zone = world.rows("SELECT timezone FROM schedules WHERE id = ?", edited.id)[0]["timezone"]
        zones[now + hours * HOUR] = zone
        now += hours * HOUR
        edited.edit(draw, now)
    last = world.rows("SELECT timezone FROM schedules WHERE id = ?", edited.id)[0]["timezone"]
    now += 24 * HOUR
    zones[now] = last
    first = BEGIN + draw(st.integers(-24, 24)) * HOUR
    looked, at = Looked(), first
    while at < now:
        owner_id, _ = edited.on_call(at, now=now)
        if owner_id is not None:
            zone = next(zone for until, zone in zones.items() if at < until)
            looked.count(owner_id, at.astimezone(ZoneInfo(zone)))
        at += STEP
    return edited, looked, first, now


@CASES
@given(data=st.data())
def test_hours_are_those_for_which_one_owned_a_schedule(world: World, data: st.DataObject) -> None:
    if not world.rows("SELECT 1 FROM users WHERE id = 'x'"):
        people(world)
    edited, looked, first, now = history(world, data.draw)
    found = report(world, first, now, now, edited.id)
    if data.draw(st.booleans()):
        edited.write(schedules.delete, at=now)
    later = report(world, first, now + 48 * HOUR, now)
    assert {id: (one.hours, one.night_hours, one.weekend_hours) for id, one in found.items()} == {
        id: looked.of(id) for id in looked.hours
    }
    for id, one in found.items():  # others own schedules of the other cases too
        assert later[id].hours >= one.hours
    write_at(now, world.database, _forget_schedules)


def _forget_schedules(db: Any, *, now: datetime) -> None:
    db.execute("UPDATE schedules SET deleted_at = '2000-01-01T00:00:00.000Z'")


@CASES
@given(data=st.data())
def test_pages_and_acknowledgements_are_those_of_the_trails(
    world: World, data: st.DataObject
) -> None:
    if not world.rows("SELECT 1 FROM users WHERE id = 'x'"):
        people(world)
    draw, database = data.draw, world.database
    admin = Caller(world.made.org_id, "key", None, "org:admin")
    offset = timedelta(days=366 * world.rows("SELECT count(*) AS n FROM organizations")[0]["n"])
    begin = BEGIN + offset + timedelta(days=10 * len(world.rows("SELECT id FROM incidents")))
    zone = draw(st.sampled_from(ZONES))
    world.execute("UPDATE schedules SET timezone = ?", zone)
    world.call("PATCH", "organization", {"timezone": draw(st.sampled_from(ZONES))})
    (own,) = world.rows("SELECT timezone FROM organizations WHERE id = ?", admin.org_id)
    incidents = []
    for n in range(draw(st.integers(1, 4))):
        schedule_id = draw(st.sampled_from((None, world.made.schedule_id)))
        new = opening.NewIncident("t", "low", owner_id="a", owner_schedule_id=schedule_id)
        opened = write_at(begin + n * HOUR, database, opening.open_incident, admin, new)
        provisional, by = draw(st.booleans()), draw(st.sampled_from((None, "a", "b", "key")))
        acknowledged = opened["created_at"] and begin + n * HOUR + draw(st.integers(0, 999)) * STEP
        world.execute(
            "UPDATE incidents SET is_provisional = ?, first_acknowledged_by = ?,"
            " first_acknowledged_at = ? WHERE id = ?",
            provisional, by, by and format_instant(acknowledged), opened["id"],
        )  # fmt: skip
        incidents.append(opened)
        at = begin + n * HOUR
        for _ in range(draw(st.integers(0, 8))):
            made_at = at - draw(st.integers(0, 3)) * STEP
            at += draw(st.sampled_from((timedelta(0), STEP, 5 * STEP)))
            details = {"userId": draw(st.sampled_from("abx")), "madeAt": format_instant(made_at)}
            write_at(at, database, _send, opened, details, format_instant(made_at))
    first = begin + draw(st.integers(0, 3)) * STEP
    end = first + draw(st.integers(1, 40)) * STEP
    found = report(world, first, end, begin + timedelta(days=9))

    pages, nights, reached = Counter[str](), Counter[str](), set()
    for incident in incidents:
        (now_is,) = world.rows("SELECT * FROM incidents WHERE id = ?", incident["id"])
        events = world.call("GET", f"incidents/{incident['id']}/audit-trail", limit="100").json
        for event in events["data"]["auditTrail"]:
            page = (incident["id"], event["details"].get("userId"), event["details"].get("madeAt"))
            if event["event"] != "page_sent" or page in reached:
                continue
            reached.add(page)
            sent = parse_instant(event["at"])
            if first <= sent < end and not now_is["is_provisional"]:
                clock = ZoneInfo(zone if now_is["owner_schedule_id"] else own["timezone"])
                pages[page[1]] += 1
                nights[page[1]] += is_night(sent.astimezone(clock))
    assert {id: one.pages for id, one in found.items() if one.pages} == pages
    assert {id: one.night_pages for id, one in found.items() if one.night_pages} == +nights
    acknowledged_by = Counter(
        row["first_acknowledged_by"]
        for row in world.rows("SELECT * FROM incidents WHERE is_provisional = 0")
        if row["first_acknowledged_by"] in ("a", "b")
        and first <= parse_instant(row["created_at"]) < end
    )
    assert {id: one.acknowledged for id, one in found.items() if one.acknowledged} == (
        acknowledged_by
    )


def _send(db: Any, incident: Any, details: Any, made_at: str, *, now: datetime) -> None:
    audit.append_page(db, incident, details, made_at=made_at, at=format_instant(now))
