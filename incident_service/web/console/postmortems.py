"""Post-mortems, `/incidents/{number}/postmortem`: read, written, exported (§12)."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import Any

from flask import Blueprint, flash, redirect, request, url_for
from flask import Response as FlaskResponse
from markupsafe import Markup
from werkzeug.wrappers import Response

from incident_service.api.postmortems import PostmortemBodySchema
from incident_service.database.engine import Connection
from incident_service.errors import NotFound
from incident_service.http import cursor
from incident_service.http.acting import caller, database, for_members, settings
from incident_service.incidents import postmortems, reading, timeline
from incident_service.people import users
from incident_service.store import Row
from incident_service.web import markdown
from incident_service.web.console import chooser, incidents
from incident_service.web.console.chooser import Choice, Chooser
from incident_service.web.console.forms import CHANGED_MEANWHILE, Form, Raw
from incident_service.web.console.incidents import INCIDENT
from incident_service.web.console.pages import arguments, go, render

LABELS = {"body": "Text", "status": "Status", "authorIds": "Authors"}

STATUSES = [
    ("draft", "Draft: it is still being written"),
    ("published", "Published: it is finished"),
]

VERSIONS = 20
"""How many versions a page lists."""

POSTMORTEM = f"{INCIDENT}/postmortem"

_CSS = files("incident_service.web.console").joinpath("document.css").read_text(encoding="utf-8")
_CSS_HASH = base64.b64encode(hashlib.sha256(_CSS.encode()).digest()).decode()

pages = Blueprint("postmortems", __name__)


@pages.get(POSTMORTEM)
def show(number: int) -> str:
    """Show what was learned from an incident, who wrote it, and its versions."""
    with database().read() as db:
        incident = _incident(db, number)
        found = _latest(db, incident["id"])
        list_ = f"postmortem versions of {incident['id']}"
        before = cursor.decode_number(list_, arguments().get("cursor")) or None
        listed, end = postmortems.versions(
            db, caller(), incident["id"], before=before, limit=VERSIONS
        )
    return render(
        "postmortem.html",
        incident=incident,
        postmortem=found,
        latest=found,
        text=markdown.prose(found["body"]) if found else "",
        versions=listed,
        more=cursor.encode(list_, end),
    )


@pages.get(f"{POSTMORTEM}/versions/<int(min=1, max={postmortems.MAX_VERSIONS}):version>")
def show_version(number: int, version: int) -> str:
    """Show a post-mortem as it once was saved."""
    with database().read() as db:
        incident = _incident(db, number)
        found = postmortems.version(db, caller(), incident["id"], version)
        latest = postmortems.get(db, caller(), incident["id"])
    return render(
        "postmortem.html",
        incident=incident,
        postmortem=found,
        latest=latest,
        text=markdown.prose(found["body"]),
        versions=[],
    )


@pages.route(f"{POSTMORTEM}/edit", methods=["GET", "POST"])
@for_members
def edit(number: int) -> Response | str | tuple[str, int]:
    """Write a post-mortem: save it, look at it first, or take in the timeline."""
    with database().read() as db:
        incident = _incident(db, number)
        found = _latest(db, incident["id"])
        people = _people(db, found)
        values = _values(db, incident["id"], found)
    if incident["status"] != "resolved":
        flash("A post-mortem can be written once the incident is resolved.", "fault")
        return redirect(url_for("console.incidents.one", number=number), 303)
    form = Form(
        PostmortemBodySchema(), values, prepare=lambda raw: _prepared(raw, people, incident["id"])
    )
    version = str(found["number"] if found else 0)
    if people.is_clear(form, ["authorIds"]) and form.is_sent:
        if request.form.get("was") != version:
            form.error = CHANGED_MEANWHILE
        elif (read := form.read()) is not None and form.run(postmortems.save, incident["id"], read):
            return go(url_for(".show", number=number), "The post-mortem is saved.")
    was = request.form.get("was", version) if not form.error else version
    html = render(
        "postmortem_form.html",
        incident=incident,
        form=form,
        was=was,
        labels=LABELS,
        statuses=STATUSES,
        people=people,
        is_new=found is None,
        preview=markdown.prose(form.value("body")) if form.wants("preview") else None,
    )
    return html, form.status


@pages.get(f"{POSTMORTEM}.md")
def download_markdown(number: int) -> FlaskResponse:
    """Return a post-mortem as a file, as it was written."""
    with database().read() as db:
        found = postmortems.get(db, caller(), _incident(db, number)["id"])
    return _file(found["body"], "text/markdown", f"postmortem-{number}.md")


@pages.get(f"{POSTMORTEM}.html")
def download_html(number: int) -> FlaskResponse:
    """Return a post-mortem as a file that needs nothing else, to print or to send."""
    with database().read() as db:
        incident = _incident(db, number)
        found = postmortems.get(db, caller(), incident["id"])
    html = render(
        "postmortem_document.html",
        incident=incident,
        postmortem=found,
        text=markdown.prose(found["body"]),
        css=Markup(_CSS),
        css_hash=_CSS_HASH,
    )
    return _file(html, "text/html", f"postmortem-{number}.html")


def _incident(db: Connection, number: int) -> Row:
    return reading.find(db, caller(), incidents.id_of(db, number))


def _latest(db: Connection, incident_id: str) -> Row | None:
    try:
        return postmortems.get(db, caller(), incident_id)
    except NotFound:
        return None


def _values(db: Connection, incident_id: str, found: Row | None) -> dict[str, Any]:
    """Return what the form shows at first: the post-mortem, or what a new one starts from."""
    if found:
        names = {"body": "body", "status": "status", "author_ids": "authorIds"}
        return {wire: found[name] for name, wire in names.items()}
    body = ""
    if request.method == "GET":
        body = postmortems.draft(db, caller(), incident_id, base_url=settings().public_url)
    return {"body": body, "status": "draft", "authorIds": [caller().user_id]}


def _people(db: Connection, found: Row | None) -> Chooser:
    """Return what picks authors: everybody, and those who are authors already."""
    present = users.get_all(db, caller())
    ids = {user["id"] for user in present}
    gone = [
        Choice(author["id"], author["name"])
        for author in (found["authors"] if found else [])
        if author["id"] not in ids
    ]
    return Chooser([*chooser.choices(present, users.display_name), *gone])


def _prepared(raw: Raw, people: Chooser, incident_id: str) -> Raw:
    """Return what was sent, with the timeline behind the text if its button was pressed."""
    people.take(raw, "authorIds")
    if "_timeline" in request.form:
        with database().read() as db:
            told = timeline.tell(db, caller(), incident_id, base_url=settings().public_url)
        texts = raw.get("body")
        typed = str(texts[-1]).rstrip() if isinstance(texts, list) and texts else ""
        added = f"## Timeline\n\n{told.events}\n"
        raw["body"] = [f"{typed}\n\n{added}" if typed else added]
    return raw


def _file(text: str, mimetype: str, name: str) -> FlaskResponse:
    response = FlaskResponse(text, content_type=f"{mimetype}; charset=utf-8")
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response
