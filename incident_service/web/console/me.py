"""Me: names, how one is reached, calendar feeds, sessions, `/me` (contract §11)."""

from __future__ import annotations

import re

from flask import Blueprint, flash, redirect, request, url_for
from werkzeug.wrappers import Response

from incident_service.api.calendar_feeds import CalendarFeedBodySchema
from incident_service.api.users import UserBodySchema, UserSchema
from incident_service.clock import time_zones
from incident_service.http.acting import caller, database, for_members, settings, write
from incident_service.oncall import calendar_feeds, schedules
from incident_service.paging import contact_methods, notification_rules
from incident_service.people import sessions, users
from incident_service.web.console import session_cookie, zones
from incident_service.web.console.forms import Form
from incident_service.web.console.pages import act, arguments, go, now, render

YEAR_SECONDS = 365 * 24 * 60 * 60

MAX_FEEDS = 100

_BROWSERS = ("Firefox", "Edg", "OPR", "Chrome", "Safari", "curl")
"""As they are called in what they send; the first that is in it."""

_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")

pages = Blueprint("me", __name__)


@pages.get("/me")
def show() -> str:
    """Show everything about oneself."""
    user_id = _own_id()
    by_email = bool(settings().smtp_url)
    with database().read() as db:
        user = users.get(db, caller(), user_id)
        methods = contact_methods.get_all(db, caller(), user_id)
        rules = notification_rules.get(db, caller(), user_id, by_email)
        feeds, _ = calendar_feeds.get_slice(db, caller(), user_id, before="", limit=MAX_FEEDS)
        named = {row["id"]: row["name"] for row in schedules.get_all(db, caller())}
        signed_in = sessions.get_all(db, caller(), now=now())
    return render(
        "me.html",
        user=user,
        methods=[{**row, "url": contact_methods.shown_url(row["url"])} for row in methods],
        rules=rules,
        by_email=by_email,
        feeds=feeds,
        schedules=named,
        sessions=[{**row, "browser": browser_name(row["user_agent"])} for row in signed_in],
        current=caller().key_id,
        chosen_zone=request.cookies.get(zones.COOKIE, ""),
        zones=sorted(time_zones()),
    )


@pages.route("/me/names", methods=["GET", "POST"])
@for_members
def names() -> Response | tuple[str, int]:
    """Change one's own names."""
    user_id = _own_id()
    with database().read() as db:
        user = users.get(db, caller(), user_id)
    schema = UserBodySchema(partial=True, only=("first_name", "last_name"))
    form = Form(schema, UserSchema(only=("first_name", "last_name")).dump(user))
    if form.is_sent and form.save(users.change, user_id):
        return go(url_for(".show"), "Saved.")
    return render("my_names.html", form=form), form.status


@pages.post("/me/time-zone")
@for_members
def choose_zone() -> Response:
    """Choose the time zone in which this browser shows times; none for the organization's."""
    chosen = request.form.get("zone", "")
    if chosen and chosen not in time_zones():
        flash("This is not a time zone.", "fault")
        return redirect(url_for(".show"), 303)
    response = go(url_for(".show"), "Times are shown in " + (chosen or "the organization's zone."))
    response.set_cookie(
        zones.COOKIE,
        chosen,
        max_age=YEAR_SECONDS if chosen else 0,
        path=settings().public_path or "/",
        secure=settings().public_url.startswith("https:"),
        httponly=True,
        samesite="Lax",
    )
    return response


@pages.route("/me/calendar-feeds/new", methods=["GET", "POST"])
@for_members
def new_feed() -> str | tuple[str, int]:
    """Make a calendar feed, and show its address: it cannot be shown again."""
    form = Form(CalendarFeedBodySchema(), {"scheduleId": arguments().get("schedule")})
    if form.is_sent and form.save(calendar_feeds.create, _own_id()):
        url = calendar_feeds.url_of(settings().public_url, form.result["token"])
        return render("new_calendar_feed.html", url=url)
    with database().read() as db:
        choices = [(row["id"], row["name"]) for row in schedules.get_all(db, caller())]
    return render("calendar_feed.html", form=form, schedules=choices), form.status


@pages.post("/me/calendar-feeds/<uuid_text:feed_id>/delete")
@for_members
def delete_feed(feed_id: str) -> Response:
    """Delete a calendar feed."""
    done = "The calendar feed is deleted. Its address does not work any more."
    return act(calendar_feeds.delete, _own_id(), feed_id, back=url_for(".show"), done=done)


@pages.post("/me/sessions/<uuid_text:session_id>/end")
@for_members
def end_session(session_id: str) -> Response:
    """End a session of one's own; if it is this one, sign out."""
    if session_id == caller().key_id:
        write(sessions.end, session_id)
        session_cookie.end()
        return redirect(url_for("sign_in.show"), 303)
    return act(sessions.end, session_id, back=url_for(".show"), done="That browser is signed out.")


@pages.post("/me/sessions/end-others")
@for_members
def end_other_sessions() -> Response:
    """End all sessions of one's own but this one."""
    done = "All other browsers are signed out."
    return act(sessions.end_others, back=url_for(".show"), done=done)


def browser_name(agent: str | None) -> str:
    """Return what a browser is and where it runs, as people say it: `Firefox on Linux`."""
    text = agent or ""
    browser = next((name for name in _BROWSERS if name in text), "")
    system = next((name for name in _SYSTEMS if name in text), "")
    known = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "macOS"}
    parts = [known.get(name, name) for name in (browser, system) if name]
    return " on ".join(parts) or re.split(r"[\s/(]", text)[0][:40] or "An unknown browser"


def _own_id() -> str:
    user_id = caller().user_id
    assert user_id is not None  # a session has a user
    return user_id
