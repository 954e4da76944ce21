"""On call: make, change, reorder and delete layers, each shown before it is done (contract §4)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.schedules import LayerBodySchema, LayerOrderSchema, LayerSchema
from incident_service.clock import format_instant
from incident_service.errors import NotFound, RuleBroken
from incident_service.http.acting import caller, database, for_admins
from incident_service.oncall import layers, schedules
from incident_service.oncall.rotation import instant_of
from incident_service.people import users
from incident_service.store import Row
from incident_service.web.console import chooser, days, layer_preview
from incident_service.web.console.forms import Form, Raw, as_fields, keep_untouched
from incident_service.web.console.pages import act, arguments, go, here, now, render

LABELS = {
    "name": "Name",
    "participantIds": "Who takes turns",
    "participantIds[]": "Person {}",
    "rotationType": "How long a turn is",
    "rotationLengthDays": "Days",
    "handoffTime": "Handoff",
    "effectiveFrom": "From",
    "effectiveUntil": "Until",
}

_COLUMNS = (
    "id",
    "name",
    "rotation_type",
    "rotation_length_days",
    "handoff_time",
    "effective_from",
    "effective_until",
    "participant_ids",
)
"""What is proposed of a layer that stays as it is."""

pages = Blueprint("layers", __name__)


@pages.route("/on-call/<uuid_text:id>/layers/new", methods=["GET", "POST"])
@for_admins
def new(id: str) -> Response | tuple[str, int]:
    """Add a layer, once its preview was seen."""
    return _edit(id, None)


@pages.route("/on-call/<uuid_text:id>/layers/<uuid_text:layer_id>", methods=["GET", "POST"])
@for_admins
def edit(id: str, layer_id: str) -> Response | tuple[str, int]:
    """Change a layer, once its preview was seen."""
    return _edit(id, layer_id)


@pages.route("/on-call/<uuid_text:id>/layers/order", methods=["GET", "POST"])
@for_admins
def order(id: str) -> Response | tuple[str, int]:
    """Put the layers in another order, once its preview was seen."""
    with database().read() as db:
        schedule = schedules.get(db, caller(), id)
    stored = {layer["id"]: layer for layer in schedule["layers"]}
    form = Form(LayerOrderSchema(), {"layerIds": list(stored)})
    body = form.read() if form.wants("preview") or form.is_sent else None
    if body is not None:
        proposed = [stored[each] for each in body["layer_ids"] if each in stored]
        is_same = len(proposed) == len(stored) == len(body["layer_ids"])
        if is_same and (form.wants("preview") or _has_changed(schedule)):
            return _preview(form, schedule, proposed, "New order of layers", body)
        if not is_same:
            form.error = "The layers have changed meanwhile. Here they are again."
            return _order_form(form, schedule, schedule["layers"])
        if form.is_sent and form.run(schedules.order_layers, id, body["layer_ids"]):
            return go(_room(id), "The layers are in their new order.")
    ordered = [stored[each] for each in form.values("layerIds") if each in stored]
    return _order_form(form, schedule, ordered)


@pages.route("/on-call/<uuid_text:id>/layers/<uuid_text:layer_id>/delete", methods=["GET", "POST"])
@for_admins
def delete(id: str, layer_id: str) -> Response | tuple[str, int]:
    """Delete a layer, once it was seen what that does."""
    with database().read() as db:
        schedule = schedules.get(db, caller(), id)
    layer = _find(schedule, layer_id)
    form = Form(LayerOrderSchema())
    if form.is_sent and not _has_changed(schedule):
        done = f"{layer['name']} is deleted."
        return act(layers.delete, id, layer_id, back=_room(id), done=done)
    left = [each for each in schedule["layers"] if each["id"] != layer_id]
    return _preview(form, schedule, left, f"Delete {layer['name']}", None)


def _edit(id: str, layer_id: str | None) -> Response | tuple[str, int]:
    with database().read() as db:
        schedule = schedules.get(db, caller(), id)
        everyone = users.get_all(db, caller())
    layer = None if layer_id is None else _find(schedule, layer_id)
    people = chooser.people(everyone, users.display_name)
    shown = _as_new(schedule) if layer is None else LayerSchema().dump(layer)
    form = Form(LayerBodySchema(), shown, prepare=lambda raw: _prepared(raw, shown, people))
    is_clear = people.is_clear(form, ["participantIds"])
    body = form.read() if is_clear and (form.wants("preview") or form.is_sent) else None
    if body is not None:
        if form.wants("preview") or _has_changed(schedule):
            heading = "New layer" if layer is None else f"Change {layer['name']}"
            proposed = _proposed(schedule, {**body, "id": layer_id} if layer_id else body)
            try:
                return _preview(form, schedule, proposed, heading, body)
            except RuleBroken as error:
                form.take(error, r"layers\[[0-9]+\]\.")
        elif layer_id is None and form.run(layers.add, id, body):
            return go(_room(id), f"{form.result['name']} is there.")
        elif layer_id is not None and form.run(layers.replace, id, layer_id, body):
            return go(_room(id), f"{form.result['name']} is saved.")
    picked = [user_id for user_id in form.values("participantIds") if user_id]
    html = render(
        "layer_form.html",
        form=form,
        schedule=schedule,
        layer=layer,
        people=people,
        picked=[(user_id, people.name_of(user_id)) for user_id in picked],
        labels=LABELS,
    )
    return html, form.status


def _preview(
    form: Form, schedule: Row, proposed: Sequence[Row], heading: str, body: Row | None
) -> tuple[str, int]:
    """Show what a change would do, with a button that does it. Raises as `preview`.

    `body`: what is sent for it; `None` if nothing but the button.
    """
    with database().read() as db:
        shown = layer_preview.read(db, schedule, [_values(layer) for layer in proposed])
    sent = [] if body is None else as_fields(form.dump(body))
    html = render(
        "layer_preview.html",
        schedule=schedule,
        heading=heading,
        is_deletion=body is None,
        shown=shown,
        sent=sent,
        action=here(seen=_fingerprint(schedule)),
        is_stale=form.is_sent,
    )
    return html, 200


def _order_form(form: Form, schedule: Row, ordered: Sequence[Row]) -> tuple[str, int]:
    html = render("layer_order.html", form=form, schedule=schedule, layers=ordered)
    return html, form.status


def _prepared(raw: Raw, shown: Row, people: chooser.Chooser) -> Raw:
    """Return what was sent, with whoever was typed, and no length but for a custom rotation."""
    people.take(raw, "participantIds")
    if raw.get("rotationType") != ["custom"]:
        raw.pop("rotationLengthDays", None)
    return keep_untouched(raw, shown, "effectiveFrom", "effectiveUntil")


def _as_new(schedule: Row) -> Row:
    """Return what the form of a new layer begins with: turns of a week from a Monday at 9.

    The first layer begins this week, so that somebody is on call at once; others in the next.
    """
    zone = ZoneInfo(schedule["timezone"])
    weeks = 1 if schedule["layers"] else 0
    first = days.monday(now(), zone) + timedelta(weeks=weeks)
    begins = instant_of(datetime.combine(first, time(9)), zone)
    return {
        "name": "" if schedule["layers"] else "Weekly",
        "rotationType": "weekly",
        "handoffTime": "09:00",
        "effectiveFrom": format_instant(begins),
    }


def _proposed(schedule: Row, values: Row) -> list[Row]:
    """Return the layers of a schedule with one of them changed, or a new one after the others."""
    if "id" not in values:
        return [*schedule["layers"], values]
    return [values if each["id"] == values["id"] else each for each in schedule["layers"]]


def _values(layer: Row) -> Row:
    return {name: layer[name] for name in _COLUMNS if name in layer}


def _find(schedule: Row, layer_id: str) -> Row:
    for layer in schedule["layers"]:
        if layer["id"] == layer_id:
            found: Row = layer
            return found
    raise NotFound(f"There is no layer {layer_id} in {schedule['name']}.")


def _has_changed(schedule: Row) -> bool:
    """Whether the schedule is not as it was when its preview was seen, if one was."""
    seen = arguments().get("seen")
    return seen is not None and seen != _fingerprint(schedule)


def _fingerprint(schedule: Row) -> str:
    known = json.dumps([schedule["timezone"], schedule["layers"]], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()[:16]


def _room(id: str) -> str:
    return url_for("console.on_call.one", id=id)
