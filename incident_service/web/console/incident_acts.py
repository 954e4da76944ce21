"""What people do about an incident, each a form on its page or a page of its own (contract §3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from incident_service.api.incident_actions import (
    ResolveBodySchema,
    SnoozeBodySchema,
)
from incident_service.api.incidents import (
    StatusBodySchema,
)
from incident_service.api.updates import UpdateBodySchema
from incident_service.errors import NotFound, RuleBroken, ValidationFailed
from incident_service.http.acting import database, for_members, settings, write
from incident_service.incidents import once, reopening, responding, updates
from incident_service.web.console import incidents
from incident_service.web.console.forms import Form, Raw
from incident_service.web.console.incidents import INCIDENT
from incident_service.web.console.pages import go

pages = Blueprint("incident_acts", __name__)

OVERTAKEN = "Nothing was changed: the incident has changed since this page was shown. Now it is so."

_REFUSALS = {
    "incident_resolved": "Nothing was changed: the incident is resolved by now.",
    "invalid_status_transition": OVERTAKEN,
    "escalation_exhausted": "Nobody was paged: no layer is left that would page anybody.",
    "no_public_surface": "Nothing was posted: no published status page shows a component of this "
    "incident. Post it for your organization alone, or add a component.",
}
"""For rules whose own sentences are for programs: what people read."""

_SEEN = "seen"
"""The field that says where things stood when the form was shown."""


@pages.post(f"{INCIDENT}/acknowledge")
@for_members
def acknowledge(number: int) -> Response:
    """Take the incident on."""
    return act_on(
        number, once.acknowledge, done="You have acknowledged it. No more pages are sent."
    )


@pages.post(f"{INCIDENT}/unacknowledge")
@for_members
def unacknowledge(number: int) -> Response:
    """Let others be paged again."""
    done = "The acknowledgement is taken back. If nobody acknowledges, the next layer is paged."
    return act_on(number, once.unacknowledge, form_seen(), done=done)


@pages.post(f"{INCIDENT}/snooze")
@for_members
def snooze(number: int) -> Response:
    """Acknowledge it for some minutes."""
    values = _read(SnoozeBodySchema())
    if values is None:
        return _back(number)
    done = "It is snoozed. If it is not resolved by then, its owner is paged again."
    return act_on(number, responding.snooze, values["minutes"], done=done)


@pages.post(f"{INCIDENT}/escalate")
@for_members
def escalate(number: int) -> Response:
    """Page the next layer, unless it was paged since the page was shown."""
    done = "The next layer is paged. The incident waits for somebody to acknowledge it."
    return act_on(number, once.escalate, form_seen(), bool(settings().smtp_url), done=done)


@pages.post(f"{INCIDENT}/status")
@for_members
def advance(number: int) -> Response:
    """Move it on to its next status."""
    values = _read(StatusBodySchema())
    if values is None:
        return _back(number)
    done = f"The incident is {values['status']} now."
    return act_on(number, updates.advance, values["status"], None, done=done)


@pages.post(f"{INCIDENT}/resolve")
@for_members
def resolve(number: int) -> Response | tuple[str, int]:
    """Resolve it, perhaps with a note."""
    form = Form(ResolveBodySchema())
    values = form.read()
    if values is None:
        return incidents.page(number, resolve=form)
    note = values.get("resolution_note")
    return act_on(number, once.resolve, note, done="The incident is resolved.")


@pages.post(f"{INCIDENT}/reopen")
@for_members
def reopen(number: int) -> Response:
    """Let it be investigated again."""
    return act_on(number, reopening.reopen, done="The incident is open again. Its owner is paged.")


@pages.post(f"{INCIDENT}/updates")
@for_members
def post_update(number: int) -> Response | tuple[str, int]:
    """Post an update; the same one twice is one."""
    form = Form(UpdateBodySchema(), prepare=without_seen)
    values, seen = form.read(), form_seen()
    if values is not None:
        id = id_of(number)
        new = updates.NewUpdate(**values)
        try:
            write(once.post_update, id, int(seen) if seen.isdecimal() else 0, new)
        except RuleBroken as error:
            form.error = _sentence(error)
        else:
            return go(page_of(number), "The update is posted.")
    return incidents.page(number, update=form)


@pages.post(f"{INCIDENT}/updates/<uuid_text:id>/redact")
@for_members
def redact(number: int, id: str) -> Response:
    """Remove the text of an update for good."""
    return act_on(number, updates.redact, id, done="The text of the update is gone for good.")


@pages.post(f"{INCIDENT}/responders/<user_id:responder_id>/remove")
@for_members
def remove_responder(number: int, responder_id: str) -> Response:
    """Ask somebody no more."""
    done = "They are not asked to help any more."
    return act_on(number, responding.remove_responder, responder_id, done=done)


def act_on(
    number: int,
    work: Callable[..., object],
    *args: Any,
    done: str,
) -> Response:
    """Do something about the incident, and go back to its page, which says what came of it.

    `work` returns `False` if somebody else was quicker.
    """
    id = id_of(number)
    try:
        result = write(work, id, *args)
    except (RuleBroken, ValidationFailed) as error:
        flash(_sentence(error), "fault")
    except NotFound:  # what it is about; the incident itself is there
        flash(OVERTAKEN, "fault")
    else:
        if result is False:
            flash(OVERTAKEN, "fault")
        else:
            flash(done, "done")
    return _back(number)


def _sentence(error: RuleBroken | ValidationFailed) -> str:
    return _REFUSALS.get(error.code, error.message)


def _read(schema: ma.Schema) -> Any:
    """Return what a form of nothing but buttons sent; if it is wrong, the next page says so."""
    form = Form(schema)
    values = form.read()
    if values is None:
        flash(" ".join(form.fault(name) for name in form.faults), "fault")
    return values


def without_seen(raw: Raw) -> Raw:
    """Return what a form sent, without where things stood when it was shown."""
    return {name: value for name, value in raw.items() if name != _SEEN}


def form_seen() -> str:
    """Return where things stood when the form was shown, for `once`."""
    return request.form.get(_SEEN, "")


def page_of(number: int) -> str:
    """Return the path of an incident's page."""
    return url_for("console.incidents.one", number=number)


def _back(number: int) -> Response:
    return redirect(page_of(number), 303)


def id_of(number: int) -> str:
    """Return the id of the incident that has a number. Raises `NotFound`."""
    with database().read() as db:
        return incidents.id_of(db, number)
