"""The public status pages: `/status/{slug}`, its history and its feed (contract §7)."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from flask import Blueprint, Response, current_app, request

from incident_service import envelope, public_page, rendered
from incident_service.clock import parse_instant
from incident_service.config import Settings
from incident_service.db import Connection
from incident_service.errors import NotFound
from incident_service.store import Row
from incident_service.web import bars, pages

BANNERS = {
    "operational": "All systems operational",
    "degraded": "Degraded performance",
    "partial_outage": "Partial outage",
    "major_outage": "Major outage",
}

_POLICY = "Content-Security-Policy"

_HEADERS = {**pages.HEADERS, _POLICY: f"{pages.HEADERS[_POLICY]}; img-src data:"}  # for its icon

blueprint = Blueprint("status", __name__, template_folder="templates")


@blueprint.get("/status/<slug>", strict_slashes=False)
def show(slug: str) -> Response:
    """Show how things are."""
    return rendered.respond("page", slug, "text/html", _render_overview)


@blueprint.get("/status/<slug>/history")
def show_history(slug: str) -> Response:
    """Show the incidents of the last 90 days."""
    return rendered.respond("history", slug, "text/html", _render_history)


@blueprint.get("/status/<slug>/feed.atom")
def feed(slug: str) -> Response:
    """Return the latest incidents as an Atom feed: an entry each, which changes with it."""
    return rendered.respond("feed", slug, "application/atom+xml", _render_feed)


@blueprint.after_request
def _protect(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if response.status_code >= 400:
        response.vary.add("Accept")
    return response


@blueprint.errorhandler(NotFound)
def _not_found(error: NotFound) -> Response:
    if not _is_for_a_person():
        return envelope.answer(error)
    hint = "Perhaps it was renamed, or is not published yet."
    return pages.message_page(404, "No such status page", error.message, hint)


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> Response:
    if not _is_for_a_person():
        return envelope.answer(error)
    return pages.error_page(error)


def _is_for_a_person() -> bool:
    """Whether the client rather has HTML than JSON; one that does not say is a program."""
    return request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html"


def _render_overview(db: Connection, page: Row, now: datetime) -> str:
    view = public_page.overview(db, page, now=now)
    groups = [
        (label, [(component, bars.draw(view.days, component.days)) for component in members])
        for label, members in _by_label(view.components)
    ]
    return pages.render(
        "status.html",
        slug=page["slug"],
        view=view,
        groups=groups,
        banner=BANNERS[view.status],
        names=bars.NAMES,
        in_maintenance=sum(c.status == "maintenance" for c in view.components),
    )


def _by_label(
    components: list[public_page.Component],
) -> list[tuple[str | None, list[public_page.Component]]]:
    """Return the components by group, groups in the order of their first; those of none first."""
    groups: dict[str | None, list[public_page.Component]] = {None: []}
    for component in components:
        groups.setdefault(component.group_label, []).append(component)
    return [(label, members) for label, members in groups.items() if members]


def _render_history(db: Connection, page: Row, now: datetime) -> str:
    view = public_page.history(db, page, now=now)
    days = [
        (day, list(incidents))
        for day, incidents in itertools.groupby(
            view.incidents,
            lambda incident: parse_instant(incident.created_at).astimezone(UTC).date(),
        )
    ]
    return pages.render("history.html", slug=page["slug"], view=view, days=days, names=bars.NAMES)


def _render_feed(db: Connection, page: Row, now: datetime) -> str:
    view = public_page.feed(db, page, now=now)
    settings: Settings = current_app.extensions["incident_service.settings"]
    return pages.render(
        "feed.atom.xml",
        page=page,
        view=view,
        url=f"{settings.public_url}/status/{page['slug']}",
        updated_at=max([page["updated_at"], *(i.updated_at for i in view.incidents)]),
        names=bars.NAMES,
    )
