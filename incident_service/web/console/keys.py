"""Settings: API keys, `/settings/keys` (contract §6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from incident_service.api.api_keys import ApiKeyBodySchema
from incident_service.clock import sortable
from incident_service.database.engine import Connection
from incident_service.http.acting import caller, database, for_admins, settings
from incident_service.people import keys, users
from incident_service.people.caller import Caller
from incident_service.store import Row
from incident_service.store import users as user_rows
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, now, render

MAX_SHOWN = 500

pages = Blueprint("keys", __name__)


@pages.get("/settings/keys")
def show() -> str:
    """List the keys, the newest first, and whom each acts for."""
    with database().read() as db:
        listed = keys.get_all(db, caller())[::-1]
        shown = listed[:MAX_SHOWN]
        ids = [key["user_id"] for key in shown if key["user_id"]]
        names = _names(db, caller().org_id, ids)
    return render(
        "keys.html",
        keys=shown,
        omitted=len(listed) - len(shown),
        names=names,
        at=sortable(now()),
    )


@pages.route("/settings/keys/new", methods=["GET", "POST"])
@for_admins
def new() -> str | tuple[str, int]:
    """Make a key, and show it: it cannot be shown again."""
    form = Form(ApiKeyBodySchema(), {"role": "org:member", "userId": caller().user_id})
    if form.is_sent and form.save(_create):
        return render("new_key.html", key=form.result, url=settings().public_url)
    with database().read() as db:
        people = [(user["id"], users.display_name(user)) for user in users.get_all(db, caller())]
    return render("key.html", form=form, people=people), form.status


@pages.post("/settings/keys/<uuid_text:id>/revoke")
def revoke(id: str) -> Response:
    """Revoke a key at once."""
    return act(keys.revoke, id, back=url_for(".show"), done="The key works no more.")


def _create(db: Connection, who: Caller, body: dict[str, Any], *, now: datetime) -> Row:
    return keys.create(db, org_id=who.org_id, **body, actor_id=who.actor_id, now=now)


def _names(db: Connection, org_id: str, ids: list[str]) -> dict[str, str]:
    return {user["id"]: users.display_name(user) for user in user_rows.with_ids(db, org_id, ids)}
