"""The list of incidents, `/incidents`, with its filters in the address (contract §11)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import redirect, url_for
from werkzeug.wrappers import Response

from incident_service.api.incidents import ListQuerySchema
from incident_service.database.engine import Connection
from incident_service.errors import ValidationFailed
from incident_service.http import cursor
from incident_service.http.acting import caller, database
from incident_service.http.parser import refuse
from incident_service.incidents import lifecycle, reading
from incident_service.people import actors
from incident_service.severity import SEVERITIES
from incident_service.status import components
from incident_service.store import Row
from incident_service.web.console.forms import Form
from incident_service.web.console.incidents import MAX_DIGITS, pages
from incident_service.web.console.pages import arguments, render
from incident_service.web.console.picking import COMPONENTS_LISTED

__all__ = ["pages"]

PAGE = 30

ALL = "all"
ME = "me"
"""What the address has for every status, and for one's own incidents."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A part of the list of incidents, with the names of people in it."""

    incidents: list[Row]
    names: dict[str, str]
    more: str | None


@pages.get("/incidents")
def show() -> str | Response | tuple[str, int]:
    """List incidents; by default those that are not resolved."""
    form = Form(ListQuerySchema(), {"status": reading.OPEN, **arguments()})
    number = form.value("q").strip().removeprefix("#")
    with database().read() as db:
        if form.value("q").strip().startswith("#") and _exists(db, number):
            return redirect(url_for(".one", number=number), 303)
        found = _find(db, form)
        chosen = form.values("componentId")
        listed, _ = components.choices(db, caller(), chosen, limit=COMPONENTS_LISTED)
        owner_id = form.value("ownerId")
        owners = [] if owner_id in ("", ME) else [(owner_id, _name(db, owner_id))]
    html = render(
        "incidents.html",
        form=form,
        statuses=[
            (reading.OPEN, "Open"),
            *((status, status.capitalize()) for status in lifecycle.STATUSES),
            (ALL, "All"),
        ],
        severities=[(severity, severity.capitalize()) for severity in SEVERITIES],
        owners=[(ME, "Me"), *owners],
        components=[(row["id"], row["name"]) for row in listed],
        **_found_values(found),
        rows_url=url_for(".rows", **_filters()),
    )
    return html, form.status


@pages.get("/incidents/rows")
def rows() -> str:
    """Return the rows of the list alone, for an open page."""
    form = Form(ListQuerySchema(), {"status": reading.OPEN, **arguments()})
    with database().read() as db:
        found = _find(db, form)
    return render("_incident_rows.html", form=form, **_found_values(found))


def _find(db: Connection, form: Form) -> _Found:
    """Return what the filters of the address find; nothing if they are wrong, which is said."""
    given = {"status": reading.OPEN, **arguments()}
    query = {name: text for name, text in given.items() if name in _FILTERS}
    if query["status"] == ALL:
        del query["status"]
    if query.get("ownerId") == ME:
        query["ownerId"] = caller().user_id or ""
    try:
        filters = _read(query)
    except ValidationFailed as error:
        form.refuse(error)
        return _Found([], {}, None)
    before = cursor.decode_number("incidents", given.get("cursor")) or None
    since, until = filters.pop("from_", None), filters.pop("to", None)
    with_provisional = filters.pop("provisional")
    incidents, end = reading.get_slice(
        db,
        caller(),
        filters,
        since=since,
        until=until,
        before=before,
        limit=PAGE,
        with_provisional=with_provisional,
    )
    people = (each[name] for each in incidents for name in ("owner_id", "acknowledged_by"))
    names = actors.names(db, caller().org_id, people)
    return _Found(incidents, names, cursor.encode("incidents", end))


_FILTERS = ("status", "severity", "ownerId", "componentId", "q", "from", "to", "provisional")
"""The parameters of the address that choose, as the API calls them."""


def _found_values(found: _Found) -> dict[str, Any]:
    """Return what the rows show."""
    filters = _filters()
    others = any(name not in ("status", "cursor") for name in filters)
    is_filtered = others or filters.get("status", ALL) not in (reading.OPEN, ALL)
    return {"found": found, "filters": filters, "is_filtered": is_filtered}


def _filters() -> dict[str, Any]:
    """Return what the address chooses, and which part of the list."""
    given = arguments()
    return {name: given[name] for name in (*_FILTERS, "cursor") if name in given}


def _read(query: dict[str, str]) -> dict[str, Any]:
    """Return the filters by their schema. Raises `ValidationFailed`."""
    try:
        filters: dict[str, Any] = ListQuerySchema(exclude=("limit", "cursor")).load(query)
    except ma.ValidationError as error:
        refuse(error)
    return filters


def _exists(db: Connection, number: str) -> bool:
    """Whether the text is the number of an incident."""
    is_number = number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS
    return is_number and reading.id_of_number(db, caller(), int(number)) is not None


def _name(db: Connection, id: str) -> str:
    return actors.name(db, caller().org_id, id)
