"""Tells what being on call took of each person over a window (contract §12)."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field, fields
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from incident_service import resources
from incident_service.clock import format_instant, parse_instant, sortable, whole_milliseconds
from incident_service.database.engine import Connection
from incident_service.names import camel_case
from incident_service.oncall import calculator, schedules
from incident_service.oncall.names import display_names
from incident_service.people.caller import Caller
from incident_service.reports.figures import median
from incident_service.reports.night_hours import NightHours, WallClock, is_night, milliseconds
from incident_service.reports.tables import Cell
from incident_service.reports.window import Window
from incident_service.store import Row, organizations, report_pages
from incident_service.store import schedules as rows

HourOfWeek = tuple[int, int]
"""An ISO weekday, 1 to 7, and an hour of the day, 0 to 23, by a clock on the wall."""


@dataclass(frozen=True, slots=True)
class UserOnCall:
    """What being on call took of one user. Hours are rounded to 0.0001, seconds to 0.001."""

    user_id: str
    name: str
    hours: float
    night_hours: float
    weekend_hours: float
    pages: int
    night_pages: int
    acknowledged: int
    acknowledge_median: float | None


@dataclass(frozen=True, slots=True)
class OnCallReport:
    """What being on call took of each user, by hours downward, and when all the pages came."""

    users: tuple[UserOnCall, ...]
    pages_by_hour: Counter[HourOfWeek]


@dataclass(slots=True)
class _Tally:
    """What is counted of one user, times in milliseconds."""

    owned: int = 0
    night: int = 0
    weekend: int = 0
    pages: list[int] = field(default_factory=lambda: [0] * 168)
    """How many came in each hour of the week, from Monday."""
    acknowledged: list[int] = field(default_factory=list)


def report(
    db: Connection, caller: Caller, window: Window, schedule_id: str | None, *, now: datetime
) -> OnCallReport:
    """Return the report on all schedules, or on one of them and on its incidents.

    Raises `NotFound` if there is no such schedule.
    """
    if schedule_id is not None:
        resources.find(db, "schedules", caller.org_id, schedule_id)
    clocks = _Clocks(db, caller.org_id, window)
    tallies: defaultdict[str, _Tally] = defaultdict(_Tally)
    for schedule in clocks.schedules:
        if schedule_id in (None, schedule["id"]):
            _count_hours(db, schedule, clocks, window, now, tallies)
    about = (db, caller.org_id, format_instant(window.start), format_instant(window.end))
    for user_id, sent, schedule_ids in report_pages.pages(*about, schedule_id=schedule_id):
        pages = tallies[user_id].pages
        for instant, of_id in zip(sent, schedule_ids, strict=True):
            pages[clocks.clock(of_id, instant).hour_of_week(instant)] += 1
    for user_id, durations in report_pages.first_acknowledgements(*about, schedule_id=schedule_id):
        tallies[user_id].acknowledged = durations

    names = display_names(db, caller.org_id, sorted(tallies))  # who has none is a key, not a user
    users = [_user(id, name, tallies[id]) for id, name in names.items()]
    return OnCallReport(
        tuple(sorted(users, key=lambda user: (-user.hours, user.name, user.user_id))),
        _by_hour(map(sum, zip(*(tally.pages for tally in tallies.values()), strict=True))),
    )


@dataclass(frozen=True, slots=True)
class _Zones:
    """The time zones that a schedule was in: each until the next, the last for good."""

    until: tuple[datetime, ...]
    zones: tuple[ZoneInfo, ...]

    @classmethod
    def of(cls, schedule: Row, earlier: Sequence[Row]) -> _Zones:
        """`earlier`: as `rows.zones` returns it for the schedule."""
        return cls(
            tuple(parse_instant(row["valid_until"]) for row in earlier),
            tuple(ZoneInfo(row["timezone"]) for row in (*earlier, schedule)),
        )

    def at(self, instant: datetime) -> ZoneInfo:
        """Return the zone at the instant."""
        return self.zones[bisect_right(self.until, instant)]

    def between(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, datetime, ZoneInfo]]:
        """Yield the parts of a time, each with the zone in it."""
        inner = [at for at in self.until if start < at < end]
        for since, until in pairwise((start, *inner, end)):
            yield since, until, self.at(since)


class _Clocks:
    """The clocks by which schedules went over a window, each zone's nights counted once."""

    def __init__(self, db: Connection, org_id: str, window: Window) -> None:
        """Read the schedules that there are or were, and their zones in the window.

        What has no schedule goes by the organization's `own` zone, as it is set now.
        """
        earlier = rows.zones(db, org_id, sortable(window.start))
        self.schedules = rows.ever(db, org_id)
        self.zones: dict[str | None, _Zones] = {
            schedule["id"]: _Zones.of(schedule, earlier.get(schedule["id"], ()))
            for schedule in self.schedules
        }
        organization = organizations.get(db, org_id)
        self.own = _Zones.of(organization or {"timezone": "UTC"}, ())
        self._bounds = milliseconds(window.start), milliseconds(window.end)
        self._nights: dict[str, NightHours] = {}
        self._walls: dict[str, WallClock] = {}
        self._only: dict[str | None, WallClock] = {}
        """The clocks of schedules whose zone has not changed."""

    def clock(self, schedule_id: str | None, instant: str) -> WallClock:
        """Return the clock by which the schedule went at an instant, as the service spells it."""
        only = self._only.get(schedule_id)
        if only is not None:
            return only
        zones = self.zones.get(schedule_id, self.own)
        zone = zones.at(parse_instant(instant))
        if zone.key not in self._walls:
            self._walls[zone.key] = WallClock(zone, *self._bounds)
        if not zones.until:
            self._only[schedule_id] = self._walls[zone.key]
        return self._walls[zone.key]

    def nights(self, zone: ZoneInfo) -> NightHours:
        """Return the nights and weekends of the window in the zone."""
        if zone.key not in self._nights:
            self._nights[zone.key] = NightHours(zone, *self._bounds)
        return self._nights[zone.key]


def _count_hours(
    db: Connection,
    schedule: Row,
    clocks: _Clocks,
    window: Window,
    now: datetime,
    tallies: defaultdict[str, _Tally],
) -> None:
    """Count for each user the time for which they owned the schedule, until now or its deletion."""
    end = min(window.end, whole_milliseconds(now))
    if schedule["deleted_at"] is not None:
        end = min(end, parse_instant(schedule["deleted_at"]))
    if end <= window.start:
        return
    known = schedules.known(db, schedule, window.start, end, now=now)
    for since, until, zone in clocks.zones[schedule["id"]].between(window.start, end):
        nights = clocks.nights(zone)
        for shift in calculator.owners(*known, since, until):
            begins, ends = milliseconds(shift.starts_at), milliseconds(shift.ends_at)
            night, weekend = nights.between(begins, ends)
            tally = tallies[shift.user_id]
            tally.owned += ends - begins
            tally.night += night
            tally.weekend += weekend


def user_table(report: OnCallReport) -> tuple[list[str], list[list[Cell]]]:
    """Return the report's users as a table: its header and its rows."""
    header = [camel_case(each.name) for each in fields(UserOnCall)]
    return header, [list(astuple(user)) for user in report.users]


def _user(id: str, name: str, tally: _Tally) -> UserOnCall:
    return UserOnCall(
        user_id=id,
        name=name,
        hours=_hours(tally.owned),
        night_hours=_hours(tally.night),
        weekend_hours=_hours(tally.weekend),
        pages=sum(tally.pages),
        night_pages=sum(n for hour, n in enumerate(tally.pages) if is_night(hour % 24)),
        acknowledged=len(tally.acknowledged),
        acknowledge_median=median(sorted(tally.acknowledged)),
    )


def _by_hour(pages: Iterable[int]) -> Counter[HourOfWeek]:
    """Return how many pages there were in each hour of the week that has some."""
    return Counter({(n // 24 + 1, n % 24): number for n, number in enumerate(pages) if number})


def _hours(milliseconds: int) -> float:
    """Return milliseconds in hours, rounded to 0.0001, halves up."""
    return (milliseconds + 180) // 360 / 10_000
