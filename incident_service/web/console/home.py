"""The start page: what is open, who is on call, what is next for me (contract §11)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, url_for

from incident_service.database.engine import Connection
from incident_service.http.acting import caller, database, settings
from incident_service.incidents import open_now
from incident_service.oncall import glance
from incident_service.paging import contact_methods
from incident_service.web.console import set_up
from incident_service.web.console.pages import now, render

pages = Blueprint("home", __name__)


@pages.get("/")
def show() -> str:
    """Show what is going on, and to admins what is to be set up."""
    who = caller()
    with database().read() as db:
        found = set_up.find(db) if who.role == "org:admin" else None
        seen = _look(db)
        is_reached = settings().mail_server is not None or bool(
            contact_methods.get_all(db, who, _own_id())
        )
    return render(
        "home.html",
        set_up=found,
        is_on_call=bool(seen["on_call"].own),
        is_reached=is_reached,
        refreshed_by=url_for(".look"),
        **seen,
    )


@pages.get("/home/now")
def look() -> str:
    """Return what is going on alone, for an open page."""
    with database().read() as db:
        seen = _look(db)
    return render("_home_now.html", **seen)


def _look(db: Connection) -> dict[str, Any]:
    return {
        "open_now": open_now.look(db, caller(), _own_id()),
        "on_call": glance.look(db, caller(), _own_id(), now=now()),
    }


def _own_id() -> str:
    user_id = caller().user_id
    assert user_id is not None  # a session has a user
    return user_id
