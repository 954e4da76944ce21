"""Both reports on a month of an organization: `incident-service report` (contract §9 and §12)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

from incident_service.api.oncall_report import OnCallReportSchema
from incident_service.api.reports import IncidentsReportSchema
from incident_service.database.engine import Connection
from incident_service.errors import ValidationFailed
from incident_service.people import organizations
from incident_service.people.caller import Caller
from incident_service.reports import incidents, on_call, weeks
from incident_service.reports.tables import csv_text
from incident_service.reports.window import Window

EARLIEST = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class MonthReport:
    """How an organization's incidents went that opened in a month, and what on-call hours took."""

    org_id: str
    month: date
    incidents: incidents.IncidentsReport
    on_call: on_call.OnCallReport

    @classmethod
    def read(cls, db: Connection, org_id: str, month: date, *, now: datetime) -> Self:
        """Read the reports on the month that begins on a date, in the organization's time zone.

        One that is not over counts up to now. Raises `NotFound` if there is no such organization,
        and `ValidationFailed` if the month is to come.
        """
        caller = Caller(org_id, "", None, "org:admin")
        zone = ZoneInfo(organizations.get(db, caller)["timezone"])
        window = _window(month, zone, now)
        return cls(
            org_id,
            month,
            incidents.report(db, caller, window),
            on_call.report(db, caller, window, None, now=now),
        )

    def as_json(self) -> dict[str, Any]:
        """Return both as the API answers them."""
        return {
            "organization": self.org_id,
            "month": _name(self.month),
            "incidents": IncidentsReportSchema().dump(self.incidents),
            "oncall": OnCallReportSchema().dump(self.on_call),
        }

    def as_csv(self) -> bytes:
        """Return the weeks and then the users, with an empty line between, for spreadsheets."""
        weeks_ = csv_text(*incidents.week_table(self.incidents))
        users = csv_text(*on_call.user_table(self.on_call))
        # Spreadsheets know UTF-8 by the mark at the beginning alone.
        return f"{weeks_}\r\n{users}".encode("utf-8-sig")


def _window(month: date, zone: ZoneInfo, now: datetime) -> Window:
    name = _name(month)
    if month < EARLIEST:
        raise ValidationFailed({"month": [f"{name} is before {_name(EARLIEST)}."]})
    if now.astimezone(zone).date() < month:
        raise ValidationFailed({"month": [f"{name} has not begun yet."]})
    first = weeks.begins_at(month, zone)
    after = weeks.begins_at((month + timedelta(days=31)).replace(day=1), zone)
    return Window.between(first, after - timedelta(milliseconds=1), now=now)


def _name(month: date) -> str:
    return month.isoformat()[:7]
