"""Calendar feeds, as calendar programs read them: `/ical/{token}.ics` (contract §4)."""

from __future__ import annotations

import functools
import hashlib
import re
from datetime import datetime, timedelta

import icalendar
from flask import Blueprint, Response, current_app, request

from incident_service import clock
from incident_service.database.engine import Database
from incident_service.oncall import calendar_feeds
from incident_service.oncall.calendar_feeds import Calendar, Entry

REFRESH = timedelta(hours=1)
"""How often a calendar program should look again."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")

blueprint = Blueprint("ical", __name__)


@blueprint.get("/ical/<token>.ics")
def show(token: str) -> Response:
    """Return the calendar, or `304` if the client has it."""
    database: Database = current_app.extensions["incident_service.database"]
    with database.read() as db:
        calendar = calendar_feeds.read(db, token, now=clock.now())
    body = write(calendar)
    etag = hashlib.sha256(body).hexdigest()[:32]
    if request.if_none_match.contains_weak(etag):
        response = Response(status=304)
        del response.headers["Content-Type"]
    else:
        response = Response(body, mimetype="text/calendar")
    response.set_etag(etag)
    response.headers["Cache-Control"] = "private, no-cache"  # to keep, but to ask each time
    response.headers["X-Robots-Tag"] = "noindex"  # the path is a secret
    return response


def write(calendar: Calendar) -> bytes:
    """Return the calendar as iCalendar text (RFC 5545 and 7986): equal ones as equal bytes.

    icalendar writes every text, and what is around the events. What differs from event to event
    are ids and instants, which need no escaping and are short; to leave them to icalendar, too,
    would take 20 times as long.
    """
    end = b"END:VCALENDAR\r\n"
    head = _calendar(calendar).to_ical().removesuffix(end)
    texts = functools.cache(_texts)
    events = (
        _event(entry, texts(entry.user_name, entry.schedule_name)) for entry in calendar.entries
    )
    return b"".join([head, *events, end])


def _calendar(calendar: Calendar) -> icalendar.Calendar:
    """Return the calendar without its events."""
    written = icalendar.Calendar()
    written.add("prodid", "-//incident-service//On call//EN")
    written.add("version", "2.0")
    written.add("uid", calendar.feed_id)
    for name in ("name", "x-wr-calname"):
        written.add(name, _Line(f"On call: {calendar.about}"))
    if calendar.timezone is not None:
        # There is no standard property for it; Google, Apple and Outlook know this one.
        written.add("x-wr-timezone", calendar.timezone)
    written.add("refresh-interval", icalendar.vDuration(REFRESH), {"VALUE": "DURATION"})
    written.add("x-published-ttl", icalendar.vDuration(REFRESH))
    return written


def _texts(user_name: str, schedule_name: str) -> bytes:
    """Return what all events of one person and schedule have, and the end of an event."""
    event = icalendar.Event()
    event.add("summary", _Line(f"{user_name} ({schedule_name})"))
    event.add("transp", "TRANSPARENT")  # to be on call is not to be busy
    written: bytes = event.to_ical()
    return written.removeprefix(b"BEGIN:VEVENT\r\n")


def _event(entry: Entry, texts: bytes) -> bytes:
    # Without LAST-MODIFIED, for some programs skip an event if that is no later than before, and a
    # shift whose override was deleted is as it was, and so is its date.
    lines = (
        "BEGIN:VEVENT",
        f"UID:{entry.uid}",
        f"DTSTAMP:{_instant(entry.changed_at)}",
        f"DTSTART:{_instant(entry.starts_at)}",
        f"DTEND:{_instant(entry.ends_at)}",
        "",
    )
    return "\r\n".join(lines).encode() + texts


def _instant(at: datetime) -> str:
    """Return an instant in UTC, cut to the second."""
    return f"{at.year:04}{at:%m%dT%H%M%SZ}"


class _Line(icalendar.vText):
    """A text on one line, without the characters that some readers take for the end of a line.

    It does its own escaping, because icalendar's takes a backslash before an N for a line break.
    """

    def to_ical(self) -> bytes:
        """Return the text as it is written."""
        line = _CONTROL.sub("\ufffd", " ".join(self.split()))
        return re.sub(r"[\\;,]", r"\\\g<0>", line).encode()
