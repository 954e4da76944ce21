"""The public status pages: `/status/{slug}`, its history, incidents and feed (contract §7)."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, request

from incident_service.clock import parse_instant
from incident_service.config import Settings
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.http import error_responses, page_cache, sharing
from incident_service.status import levels, public_maintenance, public_view
from incident_service.status.levels import Status
from incident_service.status.public_maintenance import Maintenance, NoSuchMaintenance
from incident_service.store import Row
from incident_service.web import bars, rendering

BANNERS = {
    None: "Nothing is shown here yet",
    "operational": "All systems operational",
    "maintenance": "Under maintenance",
    "degraded": "Degraded performance",
    "partial_outage": "Partial outage",
    "major_outage": "Major outage",
}

PROGRESS: dict[public_maintenance.Progress, str] = {
    "scheduled": "Scheduled maintenance",
    "in_progress": "Maintenance in progress",
    "completed": "Maintenance completed",
}

UNFOLDED = 12
"""If a status page has at most this many components, groups without trouble are open too."""

_POLICY = "Content-Security-Policy"

_HEADERS = {
    **rendering.HEADERS,
    _POLICY: f"{rendering.HEADERS[_POLICY]}; img-src data:",  # for the icon
}

blueprint = Blueprint("status", __name__, template_folder="templates")


@blueprint.get("/status/<slug>", strict_slashes=False)
def show(slug: str) -> Response:
    """Show the current status."""
    return page_cache.respond("overview", slug, "text/html", _render_overview)


@blueprint.get("/status/<slug>/history")
def show_history(slug: str) -> Response:
    """Show the incidents and the maintenance of the last 90 days."""
    return page_cache.respond("history", slug, "text/html", _render_history)


@blueprint.get("/status/<slug>/feed.atom")
def feed(slug: str) -> Response:
    """Return what changed last as an Atom feed: an entry for each incident and maintenance."""
    return page_cache.respond("feed", slug, "application/atom+xml", _render_feed)


@blueprint.get("/status/<slug>/incidents/<uuid_text:id>")
def show_incident(slug: str, id: str) -> Response:
    """Show one incident, at a permanent link."""
    render = functools.partial(_render_incident, id=id)
    return page_cache.respond(f"incident {id}", slug, "text/html", render)


@blueprint.get("/status/<slug>/maintenance/<uuid_text:id>")
def show_maintenance(slug: str, id: str) -> Response:
    """Show one maintenance window, at a permanent link."""
    render = functools.partial(_render_maintenance, id=id)
    return page_cache.respond(f"maintenance {id}", slug, "text/html", render)


@blueprint.route("/status/<slug>.json", methods=["OPTIONS"], endpoint="preflight_json")
@blueprint.route("/status/<slug>/feed.atom", methods=["OPTIONS"], endpoint="preflight_feed")
def preflight(slug: str) -> Response:
    """Tell a browser that scripts of other sites may read this, with conditional requests too."""
    return sharing.preflight()


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if response.status_code >= 400:
        response.vary.add("Accept")
    if request.path.endswith("/feed.atom"):
        sharing.share(response)
    return response


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    if not error_responses.is_for_a_person():
        return error_responses.answer(error)
    if isinstance(error, public_view.NoSuchIncident):
        return rendering.message_response(404, "No such incident", error.message)
    if isinstance(error, NoSuchMaintenance):
        return rendering.message_response(404, "No such maintenance", error.message)
    hint = "Perhaps it was renamed, or it is not published yet."
    return rendering.message_response(404, "No such status page", error.message, hint)


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    if not error_responses.is_for_a_person():
        return error_responses.answer(error)
    return rendering.error_response(error)


def _render_overview(db: Connection, status_page: Row, now: datetime) -> str:
    view = public_view.overview(db, status_page, now=now)
    return rendering.render(
        "status.html",
        **_common(status_page),
        view=view,
        sections=_sections(view),
        banner=BANNERS[view.status],
        in_maintenance=sum(c.status == "maintenance" for c in view.components),
        in_progress=[window for window in view.maintenance if window.status == "in_progress"],
        scheduled=[window for window in view.maintenance if window.status == "scheduled"],
    )


@dataclass(slots=True)
class _Section:
    """Components shown together, each with its bars: a group, or neighbours without a group."""

    label: str | None
    members: list[tuple[public_view.Component, bars.Bars]] = field(default_factory=list)

    @property
    def status(self) -> Status:
        return levels.worst(component.status for component, _ in self.members)


def _sections(view: public_view.Overview) -> list[_Section]:
    """Return the components in their order. A group has the place of its first component."""
    sections: list[_Section] = []
    groups: dict[str, _Section] = {}
    for component in view.components:
        label = component.group_label
        if label is None:
            section = sections[-1] if sections and sections[-1].label is None else _Section(None)
        else:
            section = groups.setdefault(label, _Section(label))
        if not section.members:
            sections.append(section)
        section.members.append((component, bars.draw(view.days, component.days)))
    return sections


def _render_history(db: Connection, status_page: Row, now: datetime) -> str:
    view = public_view.history(db, status_page, now=now)
    days = [(day, list(events)) for day, events in itertools.groupby(view.events, key=_day_of)]
    return rendering.render("history.html", **_common(status_page), view=view, days=days)


def _render_incident(db: Connection, status_page: Row, now: datetime, *, id: str) -> str:
    incident = public_view.incident(db, status_page, id)
    return rendering.render("one_incident.html", **_common(status_page), incident=incident)


def _day_of(event: public_view.Incident | Maintenance) -> date:
    """Return the day in UTC on which it began."""
    at = event.starts_at if isinstance(event, Maintenance) else event.created_at
    return parse_instant(at).date()


def _render_maintenance(db: Connection, status_page: Row, now: datetime, *, id: str) -> str:
    window = public_maintenance.one(db, status_page, id, now=now)
    return rendering.render("one_maintenance.html", **_common(status_page), window=window)


def _render_feed(db: Connection, status_page: Row, now: datetime) -> str:
    view = public_view.feed(db, status_page, now=now)
    return rendering.render("feed.atom.xml", **_common(status_page), view=view)


def _common(status_page: Row) -> dict[str, Any]:
    """Return the values that all templates of status pages use."""
    settings: Settings = current_app.extensions["incident_service.settings"]
    url = f"{settings.public_url}/status/{status_page['slug']}"
    return {
        "status_page": status_page,
        "url": url,
        "home": urlsplit(url).path,
        "names": bars.NAMES,
        "progress": PROGRESS,
        "newest_first": _newest_first,
        "unfolded": UNFOLDED,
    }


def _newest_first(incident: public_view.Incident) -> list[public_view.Entry]:
    """Return the incident's entries, newest first.

    If the first update came before the first change of status, it replaces the bare entry of the
    opening, and takes over that entry's status.
    """
    opening, *later = incident.entries
    if later and later[0].status is None and not incident.omitted:
        opening = dataclasses.replace(later.pop(0), status=opening.status)
    return [*reversed(later), opening]
