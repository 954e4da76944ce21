"""Settings: maintenance windows, `/settings/maintenance` (contract §6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.maintenance_windows import (
    MaintenanceWindowBodySchema,
    MaintenanceWindowSchema,
)
from incident_service.clock import parse_instant
from incident_service.database.engine import Connection
from incident_service.http import cursor
from incident_service.http.acting import caller, database
from incident_service.status import components, maintenance
from incident_service.store import Row
from incident_service.web.console.chooser import Choice, Chooser
from incident_service.web.console.forms import Form, Raw, keep_untouched
from incident_service.web.console.pages import act, arguments, go, now, render

PAGE = 50

PAST_SHOWN = 5
"""How many windows that are over are shown below those that are not."""

LABELS = {
    "title": "Title",
    "description": "Description",
    "componentIds": "Components",
    "startsAt": "Begins",
    "endsAt": "Ends",
    "isPublic": "Status pages",
    "suppressesAlerts": "Alerts",
}

pages = Blueprint("maintenance", __name__)


@pages.get("/settings/maintenance")
def show() -> str:
    """List what is in progress, what is coming, and the latest that is over."""
    after = cursor.decode_name("maintenance", arguments().get("cursor"))
    with database().read() as db:
        found, end = maintenance.get_current(db, caller(), after=after, limit=PAGE, now=now())
        past, older = maintenance.get_past(db, caller(), before="", limit=PAST_SHOWN, now=now())
        names = _names(db, [*found, *past])
    in_progress = [window for window in found if parse_instant(window["starts_at"]) <= now()]
    return render(
        "maintenance.html",
        in_progress=in_progress,
        coming=found[len(in_progress) :],
        past=past,
        has_older=older is not None,
        names=names,
        more=cursor.encode("maintenance", end),
    )


@pages.get("/settings/maintenance/past")
def show_past() -> str:
    """List what is over, the latest first."""
    before = cursor.decode_name("past-maintenance", arguments().get("cursor"))
    with database().read() as db:
        past, end = maintenance.get_past(db, caller(), before=before, limit=PAGE, now=now())
        names = _names(db, past)
    more = cursor.encode("past-maintenance", end)
    return render("past_maintenance.html", past=past, names=names, more=more)


@pages.route("/settings/maintenance/new", methods=["GET", "POST"])
def new() -> Response | tuple[str, int]:
    """Plan maintenance."""
    return _edit(None, {"isPublic": True, "suppressesAlerts": True})


@pages.route("/settings/maintenance/<uuid_text:id>", methods=["GET", "POST"])
def edit(id: str) -> Response | tuple[str, int]:
    """Change planned maintenance."""
    with database().read() as db:
        window = maintenance.get(db, caller(), id)
    return _edit(window, MaintenanceWindowSchema().dump(window))


@pages.post("/settings/maintenance/<uuid_text:id>/end")
def end(id: str) -> Response:
    """End maintenance now."""
    here, done = url_for(".edit", id=id), "The maintenance is over."
    return act(maintenance.end, id, back=here, then=url_for(".show"), done=done)


@pages.post("/settings/maintenance/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete maintenance, as if it had never been."""
    return act(maintenance.delete, id, back=url_for(".show"), done="The maintenance is deleted.")


def _names(db: Connection, windows: Iterable[Row]) -> dict[str, str]:
    """Return the names of the windows' components, by id."""
    ids = {id for window in windows for id in window["component_ids"]}
    return components.names(db, caller(), sorted(ids))


def _edit(window: Row | None, values: dict[str, Any]) -> Response | tuple[str, int]:
    with database().read() as db:
        named = components.get_names(db, caller())
    chooser = Chooser(Choice(row["id"], row["name"]) for row in named)

    def prepared(raw: Raw) -> Raw:
        chooser.take(raw, "componentIds")
        return keep_untouched(raw, values, "startsAt", "endsAt")

    schema = MaintenanceWindowBodySchema(partial=window is not None)
    form = Form(schema, values, prepare=prepared)
    if chooser.is_clear(form, ["componentIds"]) and form.is_sent and _save(form, window):
        return go(url_for(".show"), f"{form.result['title']} is saved.")
    html = render(
        "maintenance_form.html",
        form=form,
        window=window,
        state=_state(window) if window else "",
        chooser=chooser,
        labels=LABELS,
    )
    return html, form.status


def _save(form: Form, window: Row | None) -> bool:
    return form.save(maintenance.change, window["id"]) if window else form.save(maintenance.create)


def _state(window: Row) -> str:
    """Return whether the window is in progress, coming or over."""
    if parse_instant(window["starts_at"]) > now():
        return "coming"
    is_over = window["ends_at"] is not None and parse_instant(window["ends_at"]) <= now()
    return "over" if is_over else "in progress"
