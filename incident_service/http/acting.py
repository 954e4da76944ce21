"""Who makes the current request, what they may do, and the writes that they make (contract §1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeVar

from flask import current_app, g, request

from incident_service.config import Settings
from incident_service.database.engine import Connection, Database
from incident_service.errors import Forbidden
from incident_service.people import callers
from incident_service.people.caller import Caller

T = TypeVar("T")
View = TypeVar("View", bound=Callable[..., Any])


def database() -> Database:
    """Return the application's database."""
    database: Database = current_app.extensions["incident_service.database"]
    return database


def settings() -> Settings:
    """Return what the operator chose."""
    settings: Settings = current_app.extensions["incident_service.settings"]
    return settings


def caller() -> Caller:
    """Return who makes the current call."""
    caller: Caller = g.caller
    return caller


def write(work: Callable[..., T], *args: Any) -> T:
    """Run `work(connection, caller, *args, now=…)` as one write; return what it returns.

    Raises `NotAuthorized` or `Forbidden` if the caller's key was revoked, expired, or may no longer
    make the call, since the request came.
    """
    who, is_for_admins = caller(), g.needs_admin

    def at_its_turn(db: Connection, *, now: datetime) -> T:
        who_now = callers.authenticate_again(db, who, now=now)
        check_role(who_now, is_for_admins)
        return work(db, who_now, *args, now=now)

    return database().write(who.org_id, at_its_turn)


def for_members(view: View) -> View:
    """Let members make the call. Without this, a call that changes something is for admins."""
    view.is_for_members = True  # type: ignore[attr-defined]  # decorators above it keep it
    return view


def for_admins(view: View) -> View:
    """Let admins alone make a call that only reads."""
    view.is_for_admins = True  # type: ignore[attr-defined]  # decorators above it keep it
    return view


def for_own_user(view: View) -> View:
    """Let members make the call for the user that their key acts for, and admins for any user.

    The path names the user as `user_id`.
    """
    view.is_for_own_user = True  # type: ignore[attr-defined]  # decorators above it keep it
    return view


def required_role(
    view: Callable[..., Any], method: str
) -> Literal["members", "own user", "admins"]:
    """Return who may make the call with the method; admins may make every call."""
    if getattr(view, "is_for_admins", False):
        return "admins"
    if method in ("GET", "HEAD") or getattr(view, "is_for_members", False):
        return "members"
    return "own user" if getattr(view, "is_for_own_user", False) else "admins"


def needs_admin(caller: Caller) -> bool:
    """Whether only admins may make the current call; members may if it is for their own user."""
    call = request._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
    who = required_role(current_app.view_functions[call.endpoint], call.method)
    if who == "own user":
        return bool(call.view_args["user_id"] != caller.user_id)
    return who == "admins"


def check_role(who: Caller, is_for_admins: bool) -> None:
    """Raise `Forbidden` if the call is for admins and the caller is none."""
    if is_for_admins and who.role != "org:admin":
        raise Forbidden("This call needs a key with the role org:admin.")
