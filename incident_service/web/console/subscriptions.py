"""Settings: chats and tools that are told what happens, `/settings/subscriptions` (contract §8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from incident_service.api.subscriptions import SubscriptionBodySchema, SubscriptionSchema
from incident_service.api.trying_out import try_out
from incident_service.errors import Busy, ValidationFailed
from incident_service.http import cursor
from incident_service.http.acting import caller, database, settings
from incident_service.oncall import schedules
from incident_service.paging import channels, contact_methods, subscriptions
from incident_service.paging.matching import Event
from incident_service.severity import SEVERITIES
from incident_service.status import components
from incident_service.store import Row
from incident_service.web.console.chooser import Choice, Chooser
from incident_service.web.console.forms import Form, Raw
from incident_service.web.console.pages import act, arguments, go, now, render

PAGE = 50

EVENTS: dict[Event, tuple[str, str]] = {
    "incident_opened": ("opened", "An incident opens, or a provisional one is confirmed"),
    "incident_acknowledged": ("acknowledged", "Somebody acknowledges an incident"),
    "status_changed": ("status", "An incident's status changes, but is not resolved yet"),
    "incident_resolved": ("resolved", "An incident is resolved"),
    "update_posted": ("updates", "Somebody posts an update"),
    "shift_changed": ("shifts", "Somebody else is on call now"),
}
"""Each event in a word, and when it happens."""

LABELS = {
    "label": "Name",
    "url": "Address",
    "events": "What it is told of",
    "severities": "Severities",
    "scheduleIds": "Schedules",
    "componentIds": "Components",
}

pages = Blueprint("subscriptions", __name__)


@pages.get("/settings/subscriptions")
def show() -> str:
    """List the subscriptions, the newest first."""
    before = cursor.decode_name("subscriptions", arguments().get("cursor"))
    with database().read() as db:
        found, end = subscriptions.get_slice(db, caller(), before=before, limit=PAGE)
    listed = [{**row, "url": contact_methods.shown_url(row["url"])} for row in found]
    more = cursor.encode("subscriptions", end)
    return render("subscriptions.html", subscriptions=listed, events=EVENTS, more=more)


@pages.route("/settings/subscriptions/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Make a subscription."""
    return _edit(None)


@pages.route("/settings/subscriptions/<uuid_text:id>", methods=["GET", "POST"])
def edit(id: str) -> str | Response | tuple[str, int]:
    """Change a subscription; its address, which is not shown, stays if none is given."""
    with database().read() as db:
        subscription = subscriptions.get(db, caller(), id)
    return _edit(subscription)


@pages.post("/settings/subscriptions/<uuid_text:id>/test")
def test(id: str) -> Response:
    """Send a test message now, and say what came of it."""
    with database().read() as db:
        subscription = subscriptions.get(db, caller(), id)
    message = channels.test_event(subscription, now=now(), base_url=settings().public_url)
    label = subscription["label"]
    try:
        outcome = try_out(message, subscription["url"], settings(), receiver_id=id)
    except Busy as error:
        flash(error.message, "fault")
    else:
        if outcome.delivered:
            flash(f"The test message went to {label}. Has it arrived?", "done")
        else:
            flash(f"The test message did not reach {label}: {outcome.reason}.", "fault")
    return redirect(url_for(".show"), 303)


@pages.post("/settings/subscriptions/<uuid_text:id>/delete")
def delete(id: str) -> Response:
    """Delete a subscription."""
    done = "The subscription is deleted. Nothing more is sent to it."
    return act(subscriptions.delete, id, back=url_for(".show"), done=done)


def _edit(subscription: Row | None) -> Response | tuple[str, int]:
    with database().read() as db:
        choosers = {
            "scheduleIds": _chooser(schedules.get_all(db, caller())),
            "componentIds": _chooser(components.get_names(db, caller())),
        }

    def prepared(raw: Raw) -> Raw:
        for name, chooser in choosers.items():
            chooser.take(raw, name)
        if subscription and not any(raw.get("url", [])):
            raw.pop("url", None)  # it stays
        return raw

    values: Any = {}
    if subscription:
        values = {**SubscriptionSchema().dump(subscription), "url": None}
    schema = SubscriptionBodySchema(partial=subscription is not None)
    form = Form(schema, values, prepare=prepared)
    is_clear = all(chooser.is_clear(form, [name]) for name, chooser in choosers.items())
    if is_clear and form.is_sent and _save(form, subscription):
        return go(url_for(".show"), f"{form.result['label']} is saved. Now send it a test message.")
    html = render(
        "subscription.html",
        form=form,
        subscription=subscription,
        shown_url=contact_methods.shown_url(subscription["url"]) if subscription else "",
        events=[(event, sentence) for event, (_, sentence) in EVENTS.items()],
        severities=[(word, word.capitalize()) for word in SEVERITIES],
        choosers=choosers,
        lost=[
            name for name, chooser in choosers.items() if _is_lost(values.get(name) or (), chooser)
        ],
        labels=LABELS,
    )
    return html, form.status


def _save(form: Form, subscription: Row | None) -> bool:
    body = form.read()
    if body is None:
        return False
    try:
        if "url" in body:
            contact_methods.check_url(body["url"], settings().allowed_notification_schemes)
            contact_methods.check_network(body["url"], settings().delivery_networks)
    except ValidationFailed as error:
        form.refuse(error)
        return False
    if subscription:
        return form.run(subscriptions.change, subscription["id"], body)
    return form.run(subscriptions.create, body)


def _chooser(rows: Iterable[Row]) -> Chooser:
    return Chooser(Choice(row["id"], row["name"]) for row in rows)


def _is_lost(ids: Sequence[str], chooser: Chooser) -> bool:
    """Whether all that a subscription is about is gone."""
    return bool(ids) and not any(choice.id in ids for choice in chooser.shown(ids))
