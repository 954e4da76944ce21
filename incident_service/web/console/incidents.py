"""One incident, `/incidents/{number}`: how it is, and what happened (contract §11)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint

from incident_service.alerts import reading as alert_reading
from incident_service.api.updates import UpdateBodySchema
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.http import cursor
from incident_service.http.acting import caller, database, settings
from incident_service.incidents import overview, reading, story, updates
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import arguments, now, render

STORY = 50
"""How many events of the trail a part of the story is made from."""

ALERTS = 30

MAX_DIGITS = 18
"""How long the number of an incident can be, so that the database can hold it."""

INCIDENT = f"/incidents/<int(min=1, max={10**MAX_DIGITS - 1}):number>"
"""The path of an incident."""

SNOOZES = {"30": "30 minutes", "60": "1 hour", "240": "4 hours", "720": "12 hours"}
"""For how many minutes the buttons snooze, and what they say."""

pages = Blueprint("incidents", __name__)


@pages.get(INCIDENT)
def one(number: int) -> str | tuple[str, int]:
    """Show an incident, what one can do about it, and what happened."""
    return page(number)


@pages.get(f"{INCIDENT}/now")
def state(number: int) -> str:
    """Return how the incident is and what one can do, for an open page."""
    with database().read() as db:
        view = overview_of(db, id_of(db, number))
    return render("_incident_now.html", view=view, **_forms())


@pages.get(f"{INCIDENT}/story")
def tell(number: int) -> str:
    """Return the latest part of what happened, for an open page."""
    with database().read() as db:
        id = id_of(db, number)
        incident = reading.find(db, caller(), id)
        told = story.tell(db, caller(), id, limit=STORY)
    return render("_story.html", incident=incident, **_story_values(id, told))


@pages.get(f"{INCIDENT}/alerts")
def alerts(number: int) -> str:
    """List the alerts that are attached to an incident."""
    with database().read() as db:
        id = id_of(db, number)
        list_ = f"alerts of {id}"
        before = cursor.decode_name(list_, arguments().get("cursor")) or None
        incident = reading.find(db, caller(), id)
        found, end = alert_reading.get_slice_of_incident(
            db, caller(), id, before=before, limit=ALERTS
        )
    return render(
        "incident_alerts.html", incident=incident, alerts=found, more=cursor.encode(list_, end)
    )


def page(number: int, **forms: Form) -> tuple[str, int]:
    """Return an incident's page; `forms`: those that were sent and are wrong, by name."""
    with database().read() as db:
        id = id_of(db, number)
        before = cursor.decode_number(f"story of {id}", arguments().get("before")) or None
        view = overview_of(db, id)
        told = story.tell(db, caller(), id, before=before, limit=STORY)
    html = render(
        "incident.html",
        view=view,
        incident=view.incident,
        is_latest=before is None,
        **_forms(**forms),
        **_story_values(id, told),
    )
    return html, max((form.status for form in forms.values()), default=200)


def overview_of(db: Connection, id: str) -> overview.Overview:
    """Return the overview of an incident, for the request."""
    return overview.get(db, caller(), id, by_email=bool(settings().smtp_url), now=now())


def id_of(db: Connection, number: int) -> str:
    """Return the id of the incident that has a number. Raises `NotFound`."""
    id = reading.id_of_number(db, caller(), number)
    if id is None:
        raise NotFound(f"There is no incident {number} in your organization.")
    return id


def _forms(update: Form | None = None, resolve: Form | None = None) -> dict[str, Any]:
    return {
        "update": update or Form(UpdateBodySchema(), {"visibility": "internal"}, is_posted=False),
        "resolve": resolve,
        "snoozes": SNOOZES,
    }


def _story_values(id: str, told: story.Story) -> dict[str, Any]:
    redactable = {
        entry.update["id"]
        for entry in told.entries
        if entry.update
        and entry.update["body"]
        and updates.may_redact(caller(), entry.update, now=now())
    }
    return {
        "story": told,
        "earlier": cursor.encode(f"story of {id}", told.before),
        "redactable": redactable,
    }
