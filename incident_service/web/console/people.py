"""Settings: people and invitations, `/settings/people` (contract §6)."""

from __future__ import annotations

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.team import InviteBodySchema
from incident_service.api.users import UserBodySchema, UserSchema
from incident_service.http.acting import caller, database, for_admins, settings
from incident_service.incidents import offboarding
from incident_service.paging import inviting
from incident_service.people import invitations, users
from incident_service.store import Row
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, arguments, go, now, render

MAX_SHOWN = 200
"""Of more people, a search finds the one."""

pages = Blueprint("people", __name__)


@pages.get("/settings/people")
def show() -> str:
    """List the people, by name, and for admins the invitations."""
    words = arguments().get("q", "").casefold().split()
    with database().read() as db:
        everyone = users.get_all(db, caller())
        invited = invitations.get_all(db, caller(), now=now())
    found = sorted(
        (user for user in everyone if all(word in _searched(user) for word in words)),
        key=lambda user: users.display_name(user).casefold(),
    )
    return render(
        "people.html",
        people=found[:MAX_SHOWN],
        omitted=len(found) - len(found[:MAX_SHOWN]),
        count=len(everyone),
        invitations=invited[:MAX_SHOWN],
        q=arguments().get("q", ""),
    )


@pages.route("/settings/people/invite", methods=["GET", "POST"])
@for_admins
def invite() -> str | tuple[str, int]:
    """Invite somebody, and show the link: it cannot be shown again."""
    form = Form(InviteBodySchema(), {"role": "org:member"})
    body = form.read() if form.is_sent else None
    by_email = settings().mail_server is not None
    if body is not None and form.run(
        inviting.invite, body["email_address"], body["role"], by_email
    ):
        made = form.result
        url = invitations.url_of(settings().public_url, made["token"])
        return render("invited.html", invitation=made, url=url, is_mailed=by_email)
    return render("invite.html", form=form, is_mailed=by_email), form.status


@pages.post("/settings/people/invitations/<invitation_id>/revoke")
def revoke(invitation_id: str) -> Response:
    """Withdraw an invitation."""
    done = "The invitation is withdrawn. Its link does not work any more."
    return act(invitations.revoke, invitation_id, back=url_for(".show"), done=done)


@pages.route("/settings/people/<user_id:user_id>", methods=["GET", "POST"])
def edit(user_id: str) -> str | Response | tuple[str, int]:
    """Show a person; admins change them."""
    with database().read() as db:
        person = users.get(db, caller(), user_id)
    form = Form(UserBodySchema(partial=True), UserSchema().dump(person))
    if form.is_sent and form.save(users.change, user_id):
        return go(url_for(".show"), f"{users.display_name(form.result)} is saved.")
    return render("person.html", form=form, person=person), form.status


@pages.post("/settings/people/<user_id:user_id>/delete")
def delete(user_id: str) -> Response:
    """Offboard a person, or say what is in the way."""
    back = url_for(".edit", user_id=user_id)
    gone = "They are gone. Their open incidents went to whoever is on call."
    return act(offboarding.delete_user, user_id, back=back, done=gone, then=url_for(".show"))


def _searched(user: Row) -> str:
    return f"{users.display_name(user)} {user['email']}".casefold()
