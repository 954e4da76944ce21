"""The form to open an incident, `/incidents/new` (contract §2)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from incident_service import ids
from incident_service.api.incidents import OpenIncidentSchema, hash_of
from incident_service.database.engine import Connection
from incident_service.errors import Conflict
from incident_service.http.acting import caller, database, for_members
from incident_service.incidents import opening
from incident_service.oncall import schedules
from incident_service.oncall.names import NamedTarget
from incident_service.paging import policies
from incident_service.people import users
from incident_service.people.caller import Caller
from incident_service.status import components
from incident_service.store import Row
from incident_service.web.console.forms import Form, Raw
from incident_service.web.console.pages import go, now, render
from incident_service.web.console.picking import COMPONENTS_LISTED, SEVERITIES

OWNERS_LISTED = 1000

_KEY = "key"
"""The field that lets the form be sent again without opening a second incident."""

REUSED = "This form has opened an incident already. Send it again to open another one."

pages = Blueprint("new_incident", __name__)


@pages.route("/incidents/new", methods=["GET", "POST"])
@for_members
def show() -> str | Response | tuple[str, int]:
    """Open an incident. The form sent again leads to the incident that it opened."""
    with database().read() as db:
        owned = schedules.owned(db, caller(), None, now=now())
    values: Row = {"isPublic": True}
    if len(owned) == 1:
        values["ownerScheduleId"] = owned[0].schedule["id"]
    form = Form(OpenIncidentSchema(), values, prepare=_without_key)
    key = _key()
    if form.is_sent and form.save(_open, key):
        number = form.result["sequential_id"]
        return go(url_for("console.incidents.one", number=number), f"Incident {number} is open.")
    if form.error:  # perhaps the form was changed after it had opened one
        key = ids.new_id()
    if "ownerId" in form.faults and not form.value("ownerId"):
        form.faults["ownerId"] = ["Choose a schedule or a person."]
    return _form(form, key, owned)


def _open(db: Connection, who: Caller, key: str, values: Row, *, now: Any) -> Row:
    """Open the incident, or return the one that the form opened before."""
    component_ids = tuple(values.get("component_ids", ()))
    new = opening.NewIncident(**{**values, "component_ids": component_ids})
    once = opening.IdempotencyKey(f"console {key}", hash_of(values))
    try:
        incident, _ = opening.open_once(db, who, new, once, now=now)
    except Conflict as error:
        raise Conflict(REUSED, code=error.code) from None
    return incident


def _key() -> str:
    """Return the key that was sent, or a new one if none of this form's was."""
    try:
        return ids.canonical_uuid(request.form.get(_KEY, ""))
    except ValueError:
        return ids.new_id()


def _without_key(raw: Raw) -> Raw:
    return {name: value for name, value in raw.items() if name != _KEY}


def _form(form: Form, key: str, owned: list[schedules.Followed]) -> tuple[str, int]:
    chosen = [id for id in form.values("componentIds") if id]
    with database().read() as db:
        people, _ = users.search(db, caller(), "", limit=OWNERS_LISTED)
        listed, is_more = components.choices(db, caller(), chosen, limit=COMPONENTS_LISTED)
        known = policies.get_all(db, caller())
    html = render(
        "incident_new.html",
        form=form,
        key=key,
        severities=SEVERITIES,
        schedules=[(each.schedule["id"], _on_call(each)) for each in owned],
        people=[(person.id, person.name) for person in people],
        components=[(row["id"], row["name"]) for row in listed],
        more_components=is_more,
        policies=[(row["id"], row["name"]) for row in known],
    )
    return html, form.status


def _on_call(each: schedules.Followed) -> str:
    """Return what the list of schedules says of one: its name, and who is on call now."""
    owner = each.schedule_owner
    who = owner.user_name if isinstance(owner, NamedTarget) else "nobody on call now"
    return f"{each.schedule['name']}: {who}"
