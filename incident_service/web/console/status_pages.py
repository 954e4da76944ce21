"""Settings: status pages, `/settings/status-pages` (contract §7)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.status_pages import StatusPageBodySchema, StatusPageSchema
from incident_service.http import cursor
from incident_service.http.acting import caller, database, settings
from incident_service.status import components, status_pages
from incident_service.status.levels import STATUSES
from incident_service.store import Row
from incident_service.web.console.chooser import Choice, Chooser
from incident_service.web.console.forms import Form, Raw
from incident_service.web.console.pages import act, arguments, go, render

PAGE = 50

ADDED = "added"
"""The field with what is to be shown besides."""

LABELS = {
    "title": "Title",
    "slug": "Address",
    "published": "Published",
    "componentIds": "Components",
    ADDED: "Add components",
    "overrides": "Set by hand",
}

pages = Blueprint("status_pages", __name__)


@pages.get("/settings/status-pages")
def show() -> str:
    """List the status pages by title."""
    title, _, slug = cursor.decode_name("status-pages", arguments().get("cursor")).partition("\0")
    with database().read() as db:
        found, end = status_pages.get_slice(db, caller(), after=(title, slug), limit=PAGE)
    more = cursor.encode("status-pages", end and "\0".join(end))
    return render("status_pages.html", status_pages=found, more=more, address=_address())


@pages.route("/settings/status-pages/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Make a status page."""
    return _edit(None, {})


@pages.route("/settings/status-pages/<uuid_text:id>", methods=["GET", "POST"])
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change a status page."""
    with database().read() as db:
        status_page = status_pages.get(db, caller(), id)
    return _edit(status_page, StatusPageSchema().dump(status_page))


@pages.post("/settings/status-pages/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete a status page."""
    done = "The status page is deleted. Its address is free."
    return act(status_pages.delete, id, back=url_for(".show"), done=done)


def _edit(status_page: Row | None, values: dict[str, Any]) -> Response | tuple[str, int]:
    with database().read() as db:
        choices = [Choice(row["id"], row["name"]) for row in components.get_names(db, caller())]
    chooser = Chooser(choices)

    def prepared(raw: Raw) -> Raw:
        chooser.take(raw, ADDED)
        return _prepared(raw)

    form = Form(StatusPageBodySchema(partial=status_page is not None), values, prepare=prepared)
    if chooser.is_clear(form, [ADDED]) and form.is_sent and _save(form, status_page):
        return go(url_for(".show"), f"{form.result['title']} is saved.")
    shown = form.values("componentIds")
    html = render(
        "status_page.html",
        form=form,
        status_page=status_page,
        shown=shown,
        names={choice.id: choice.name for choice in choices},
        rest=Chooser(choice for choice in choices if choice.id not in shown),
        added=ADDED,
        statuses=[(status, status.replace("_", " ").capitalize()) for status in STATUSES],
        address=_address(),
        labels=LABELS,
    )
    return html, form.status


def _save(form: Form, status_page: Row | None) -> bool:
    if status_page:
        return form.save(status_pages.change, status_page["id"])
    return form.save(status_pages.create)


def _prepared(raw: Raw) -> Raw:
    """Return what was sent as the API has it: what is added last, and no status of what is not."""
    shown = [id for name in ("componentIds", ADDED) for id in _texts(raw.pop(name, []))]
    raw["componentIds"] = list(dict.fromkeys(shown))
    overrides = raw.get("overrides")
    by_hand = overrides if isinstance(overrides, dict) else {}
    raw["overrides"] = {id: by_hand[id] for id in shown if id in by_hand}
    return raw


def _texts(raw: Any) -> list[str]:
    return [text for text in raw if text] if isinstance(raw, list) else []


def _address() -> str:
    """Return what the addresses of status pages begin with."""
    return f"{settings().public_url}/status/"
