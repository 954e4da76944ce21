"""The sentences of messages to subscriptions."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from zoneinfo import ZoneInfo

from incident_service.clock import parse_instant
from incident_service.paging.page import EventMessage, ShiftMessage


def with_text_shown(message: EventMessage) -> EventMessage:
    """Return the message with the text and the components that it shows, and no others.

    That is the update's text, if there is one. Only an incident that opened is described.
    """
    if message.update is not None:
        return replace(message, description=message.update.body, components=())
    if message.event != "incident_opened":
        return replace(message, description=None, components=())
    return message


def what_happened(message: EventMessage) -> str:
    """Return what happened in one sentence, which a text may follow."""
    by = f"by {message.actor.name}"
    if message.event == "update_posted":
        return f"{_kind_of_update(message).capitalize()} {by}:"
    what = {
        "incident_opened": f"Opened {by}",
        "incident_acknowledged": f"Acknowledged {by}",
        "incident_resolved": f"Resolved {by}",
        "status_changed": f"Status changed to {message.after} {by}",
    }[message.event]
    if message.before == "resolved":
        what = f"Reopened {by}"
    if message.update is not None:
        article = "an" if message.update.visibility == "internal" else "a"
        return f"{what}, with {article} {_kind_of_update(message)}:"
    return f"{what}."


def _kind_of_update(message: EventMessage) -> str:
    return f"{message.update.visibility} update" if message.update else "update"


def shift_sentence(message: ShiftMessage) -> str:
    """Return who is on call now and until when, in the schedule's time, and who was before."""
    who = message.after.name if message.after else "Nobody"
    until = ""
    if message.until is not None:
        zone = message.timezone
        with suppress(OverflowError):  # within a day of the calendar's end
            local = parse_instant(message.until).astimezone(ZoneInfo(zone))
            until = f", until {local:%Y-%m-%d %H:%M} ({zone})"
    before = f"Before: {message.before.name}." if message.before else "Nobody was before."
    return f"{who} is on call now{until}. {before}"
