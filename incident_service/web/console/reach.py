"""How a person is reached: contact methods and notification rules (contract §8)."""

from __future__ import annotations

from contextlib import suppress

from flask import Blueprint, flash, redirect, url_for
from werkzeug.wrappers import Response

from incident_service.api.contact_methods import ContactMethodBodySchema
from incident_service.api.notification_rules import (
    NotificationRulesBodySchema,
    NotificationRulesSchema,
)
from incident_service.api.trying_out import try_out
from incident_service.errors import Busy, StorageFull, ValidationFailed
from incident_service.http.acting import caller, database, for_own_user, settings, write
from incident_service.paging import channels, contact_methods, notification_rules
from incident_service.people import users
from incident_service.severity import SEVERITIES
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, go, now, render

pages = Blueprint("reach", __name__)


@pages.get("/settings/people/<user_id:user_id>/reached")
def show(user_id: str) -> str:
    """Show how a person is reached, and how soon."""
    by_email = bool(settings().smtp_url)
    with database().read() as db:
        person = users.get(db, caller(), user_id)
        methods = contact_methods.get_all(db, caller(), user_id)
        rules = notification_rules.get(db, caller(), user_id, by_email)
    return render(
        "reach.html",
        person=person,
        methods=[{**row, "url": contact_methods.shown_url(row["url"])} for row in methods],
        labels={row["id"]: row["label"] for row in methods},
        rules=rules,
        by_email=by_email,
        may_change=_may_change(user_id),
    )


@pages.route("/settings/people/<user_id:user_id>/contact-methods/new", methods=["GET", "POST"])
@for_own_user
def new(user_id: str) -> Response | tuple[str, int]:
    """Add a contact method."""
    with database().read() as db:
        person = users.get(db, caller(), user_id)
    form = Form(ContactMethodBodySchema())
    if form.is_sent and (body := form.read()) is not None:
        try:
            contact_methods.check_url(body["url"], settings().allowed_notification_schemes)
            contact_methods.check_network(body["url"], settings().delivery_networks)
        except ValidationFailed as error:
            form.refuse(error)
        else:
            if form.run(contact_methods.create, user_id, body):
                return go(url_for(".show", user_id=user_id), "Added. Now send a test page to it.")
    html = render("contact_method.html", form=form, person=person, may_change=_may_change(user_id))
    return html, form.status


@pages.post("/settings/people/<user_id:user_id>/contact-methods/<uuid_text:method_id>/delete")
@for_own_user
def delete(user_id: str, method_id: str) -> Response:
    """Delete a contact method."""
    by_email = bool(settings().smtp_url)
    back, done = url_for(".show", user_id=user_id), "The contact method is deleted."
    return act(contact_methods.delete, user_id, method_id, by_email, back=back, done=done)


@pages.post("/settings/people/<user_id:user_id>/contact-methods/<uuid_text:method_id>/test")
@for_own_user
def test(user_id: str, method_id: str) -> Response:
    """Send a test page now, and say what came of it."""
    with database().read() as db:
        method = contact_methods.find(db, caller(), user_id, method_id)
        user = users.get(db, caller(), user_id)
    page = channels.test_page(user, now=now(), base_url=settings().public_url)
    try:
        outcome = try_out(page, method["url"], settings(), receiver_id=user_id)
    except Busy as error:
        flash(error.message, "fault")
    else:
        with suppress(Busy, StorageFull):  # what came of it is said all the same
            write(contact_methods.record_outcome, user_id, method_id, outcome.delivered)
        label = method["label"]
        if outcome.delivered:
            flash(f"The test page went to {label}. Has it arrived?", "done")
        else:
            flash(f"The test page did not reach {label}: {outcome.reason}.", "fault")
    return redirect(url_for(".show", user_id=user_id), 303)


@pages.route("/settings/people/<user_id:user_id>/rules", methods=["GET", "POST"])
@for_own_user
def rules(user_id: str) -> Response | tuple[str, int]:
    """Set by what a person is paged, and how soon."""
    by_email = bool(settings().smtp_url)
    with database().read() as db:
        person = users.get(db, caller(), user_id)
        methods = contact_methods.get_all(db, caller(), user_id)
        current = notification_rules.get(db, caller(), user_id, by_email)
    form = Form(NotificationRulesBodySchema(), NotificationRulesSchema().dump(current))
    body = form.read() if form.is_sent else None
    if body is not None and form.run(notification_rules.replace, user_id, body, by_email):
        return go(url_for(".show", user_id=user_id), "The rules are saved.")
    html = render(
        "notification_rules.html",
        form=form,
        person=person,
        methods=[(row["id"], row["label"]) for row in methods],
        severities=[(word, word.capitalize()) for word in SEVERITIES],
        by_email=by_email,
        is_default=current["is_default"],
        may_change=_may_change(user_id),
    )
    return html, form.status


@pages.post("/settings/people/<user_id:user_id>/rules/delete")
@for_own_user
def delete_rules(user_id: str) -> Response:
    """Go back to the default: by everything, at once."""
    by_email = bool(settings().smtp_url)
    back, done = url_for(".show", user_id=user_id), "Everything is used again, at once."
    return act(notification_rules.delete, user_id, by_email, back=back, done=done)


def _may_change(user_id: str) -> bool:
    return user_id == caller().user_id or caller().role == "org:admin"
