"""The blueprint of the API: flask-smorest's, with its defaults set to the contract (§1)."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import flask
import flask_smorest
import marshmallow as ma
from flask import current_app, g, request

from incident_service import clock
from incident_service.config import Settings
from incident_service.database.file import Connection, Database
from incident_service.errors import (
    Forbidden,
    NotAuthorized,
    Unavailable,
    ValidationFailed,
)
from incident_service.http.middleware import check_key, check_without_key
from incident_service.http.parser import Parser
from incident_service.people import keys
from incident_service.people.caller import Caller
from incident_service.store import Row

RECORD_USE_WITHIN = 0.2
"""Seconds that a request waits at most to record that its key was used."""

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
    who, needs_admin = caller(), g.needs_admin

    def at_its_turn(db: Connection, *, now: datetime) -> T:
        who_now = keys.authenticate_again(db, who, now=now)
        _check_role(who_now, needs_admin)
        return work(db, who_now, *args, now=now)

    return database().write(at_its_turn)


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


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A blueprint whose answers are `{"data": …}` and whose callers must have a key."""

    ARGUMENTS_PARSER = Parser()

    def __init__(self, name: str, *, description: str, public: bool = False) -> None:
        """`public`: whether its calls need no key."""
        super().__init__(name, __name__, description=description)
        self.is_public = public
        if not public:
            self.before_request(_authenticate)
            self.before_request(_authorize)

    def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]:
        """As flask-smorest's, but with one schema instance for all requests."""
        instance = schema() if isinstance(schema, type) else schema
        decorator: Callable[[View], View] = super().arguments(instance, **options)
        return decorator

    def response(
        self, status_code: int, schema: Any = None, **options: Any
    ) -> Callable[[View], View]:
        """As flask-smorest's, but refuse a query that the call does not read."""
        decorate = super().response(status_code, schema, **options)

        def decorator(view: View) -> View:
            @functools.wraps(view)
            def checked(*args: Any, **kwargs: Any) -> Any:
                if request.query_string and request.args and not g.get("query_was_read"):
                    raise ValidationFailed(
                        {name: ["Unknown query parameter."] for name in request.args}
                    )
                return view(*args, **kwargs)

            decorated: View = decorate(checked)
            return decorated

        return decorator

    @staticmethod
    def error_codes(*codes: str) -> Callable[[View], View]:
        """Name the error codes that only this call has, for the API's description.

        Those that many calls have, such as `forbidden` or `invalid_json`, are derived.
        """

        def decorator(view: View) -> View:
            view.error_codes = codes  # type: ignore[attr-defined]  # decorators above it keep it
            return view

        return decorator

    @staticmethod
    def _prepare_response_content(data: Any) -> Any:
        return {"data": data}

    @staticmethod
    def _make_doc_response_schema(schema: ma.Schema | None) -> ma.Schema | None:
        if schema is None:
            return None
        return _envelope(type(schema), schema.many)()


@functools.cache
def _envelope(schema: type[ma.Schema], many: bool) -> type[ma.Schema]:
    """Return the schema of an answer, for the API's description."""
    name = schema.__name__.removesuffix("Schema") + ("ListSchema" if many else "AnswerSchema")
    about = {"description": "What was asked for, or what was changed."}
    data = ma.fields.Nested(schema, many=many, required=True, metadata=about)
    return ma.Schema.from_dict({"data": data}, name=name)


def created(thing: Row, *path: str) -> tuple[Row, int, dict[str, str]]:
    """Return the answer to a creation; its `Location` is the path's parts and the thing's id."""
    return all_created(thing, *path, thing["id"])


def all_created(things: Row, *path: str) -> tuple[Row, int, dict[str, str]]:
    """Return the answer to the creation of several things; its `Location` is their list's."""
    parts = (quote(part, safe="") for part in path)
    return things, 201, {"Location": request.script_root + "/v1/" + "/".join(parts)}


def no_content() -> flask.Response:
    """Return the answer to a deletion."""
    return flask.Response(status=204, mimetype="")


def _authenticate() -> None:
    """Set the request's caller. Raises `NotAuthorized`, or `RateLimited`."""
    try:
        is_to_be_recorded = _find_caller()
    except NotAuthorized:
        check_without_key()
        raise
    check_key(caller().key_id)
    if is_to_be_recorded:
        with contextlib.suppress(Unavailable):  # not worth refusing or delaying the request
            database().write_within(RECORD_USE_WITHIN, keys.record_use, caller())


def _find_caller() -> bool:
    """Set the request's caller; return whether this use of the key is to be recorded."""
    header = request.headers.get("Authorization")
    if header is None:
        raise NotAuthorized("The API key is missing: send the header Authorization: Bearer.")
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key.startswith(keys.KEY_START) or not key.isascii():
        raise NotAuthorized("The API key is malformed: Bearer scl_live_… is expected.")
    with database().read_once() as db:
        g.caller, is_to_be_recorded = keys.authenticate(db, key, now=clock.now())
    return is_to_be_recorded


def required_role(
    view: Callable[..., Any], method: str
) -> Literal["members", "own user", "admins"]:
    """Return who may make the call with the method; admins may make every call."""
    if getattr(view, "is_for_admins", False):
        return "admins"
    if method in ("GET", "HEAD") or getattr(view, "is_for_members", False):
        return "members"
    return "own user" if getattr(view, "is_for_own_user", False) else "admins"


def _needs_admin() -> bool:
    """Whether only admins may make the current call; members may if it is for their own user."""
    who = required_role(current_app.view_functions[request.endpoint or ""], request.method)
    if who == "own user":
        return bool((request.view_args or {})["user_id"] != caller().user_id)
    return who == "admins"


def _check_role(who: Caller, needs_admin: bool) -> None:
    if needs_admin and who.role != "org:admin":
        raise Forbidden("This call needs a key with the role org:admin.")


def _authorize() -> None:
    g.needs_admin = _needs_admin()
    _check_role(caller(), g.needs_admin)
