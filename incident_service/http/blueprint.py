"""The blueprint of the API: flask-smorest's, with its defaults set to the contract (§1)."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Literal, NoReturn, TypeVar
from urllib.parse import quote

import flask
import flask_smorest
import marshmallow as ma
from flask import current_app, g, request
from webargs.flaskparser import FlaskParser

from incident_service import clock
from incident_service.config import Settings
from incident_service.database.file import Connection, Database
from incident_service.errors import (
    Forbidden,
    NotAuthorized,
    Unavailable,
    ValidationFailed,
)
from incident_service.http.body import NO_TEXT, is_clean, printable, read_json
from incident_service.http.middleware import check_without_key, rate_limits
from incident_service.people import keys
from incident_service.people.caller import Caller
from incident_service.store import Row

RECORD_USE_WITHIN = 0.2
"""Seconds."""

T = TypeVar("T")
View = TypeVar("View", bound=Callable[..., Any])


def database() -> Database:
    """Return the application's database."""
    found: Database = current_app.extensions["incident_service.database"]
    return found


def settings() -> Settings:
    """Return what the operator chose."""
    found: Settings = current_app.extensions["incident_service.settings"]
    return found


def caller() -> Caller:
    """Return who makes the call at hand."""
    found: Caller = g.caller
    return found


def write(work: Callable[..., T], *args: Any) -> T:
    """Run `work(connection, caller, *args, now=…)` as one write; return what it returns.

    Raises `NotAuthorized` or `Forbidden` if the caller's key was revoked, or may no longer
    make the call, since the request came.
    """
    who, needs_admin = caller(), _needs_admin()

    def at_its_turn(db: Connection, *, now: datetime) -> T:
        who_now = keys.authenticate_again(db, who)
        _check_role(who_now, needs_admin)
        return work(db, who_now, *args, now=now)

    return database().write(at_its_turn)


class Parser(FlaskParser):
    """Reads a request strictly: JSON alone, its types as they are, nothing unknown."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 (webargs' own type)
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "querystring": ma.RAISE,
    }

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        """Return the body. Raises `InvalidRequest` `invalid_json`, or what is wrong with it."""
        return read_json(req)

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> Any:
        """Return the query's values; from here on none counts as unexpected.

        Raises `ValidationFailed` where a parameter is there more than once.
        """
        g.query_was_read = True
        repeated = [name for name, values in req.args.lists() if len(values) > 1]
        if repeated:
            raise ValidationFailed(
                {printable(name): ["Given more than once."] for name in repeated}
            )
        unclean = [name for name, value in req.args.items() if not is_clean(name + value)]
        if unclean:
            raise ValidationFailed({printable(name): [NO_TEXT] for name in unclean})
        return super().load_querystring(req, schema)

    def handle_error(
        self, error: ma.ValidationError, req: flask.Request, schema: ma.Schema, **_: Any
    ) -> NoReturn:
        """Raise `ValidationFailed` with a list of sentences for each field."""
        assert isinstance(error.messages, dict)  # webargs keys them by location
        (found,) = error.messages.values()
        raise ValidationFailed(
            {printable(str(name)): list(_sentences(nested)) for name, nested in found.items()}
        )


def for_members(view: View) -> View:
    """Let a member make the call; one that changes something is for admins unless marked so."""
    view.is_for_members = True  # type: ignore[attr-defined]  # decorators above it keep it
    return view


def for_own_user(view: View) -> View:
    """Let a member make the call for the user that its key acts for, and an admin for any user.

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
        """As flask-smorest's, with one schema for all requests instead of one for each."""
        instance = schema() if isinstance(schema, type) else schema
        decorator: Callable[[View], View] = super().arguments(instance, **options)
        return decorator

    def response(
        self, status_code: int, schema: Any = None, **options: Any
    ) -> Callable[[View], View]:
        """As flask-smorest's; a query that the call does not read is an error."""
        decorate = super().response(status_code, schema, **options)

        def decorator(view: View) -> View:
            @functools.wraps(view)
            def checked(*args: Any, **kwargs: Any) -> Any:
                if request.args and not g.get("query_was_read"):
                    raise ValidationFailed(
                        {name: ["Unknown query parameter."] for name in request.args}
                    )
                return view(*args, **kwargs)

            decorated: View = decorate(checked)
            return decorated

        return decorator

    @staticmethod
    def error_codes(*codes: str) -> Callable[[View], View]:
        """Name the error codes that are the call's own, for the API's description.

        Those that follow from its kind, as `forbidden` or `invalid_json` do, are known without.
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
    parts = (quote(part, safe="") for part in (*path, thing["id"]))
    return thing, 201, {"Location": request.script_root + "/v1/" + "/".join(parts)}


def no_content() -> flask.Response:
    """Return the answer to a deletion."""
    return flask.Response(status=204, mimetype="")


def _authenticate() -> None:
    """Find out who calls. Raises `NotAuthorized`, or `RateLimited` for too many such requests."""
    try:
        is_to_be_recorded = _find_caller()
    except NotAuthorized:
        check_without_key()
        raise
    rate_limits().check_key(caller().key_id)
    if is_to_be_recorded:
        with contextlib.suppress(Unavailable):  # no reason to refuse the request, nor to delay it
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
    with database().read() as db:
        g.caller, is_to_be_recorded = keys.authenticate(db, key, now=clock.now())
    return is_to_be_recorded


def required_role(
    view: Callable[..., Any], method: str
) -> Literal["members", "own user", "admins"]:
    """Return who may make the call with the method; admins may make every call."""
    if method in ("GET", "HEAD") or getattr(view, "is_for_members", False):
        return "members"
    return "own user" if getattr(view, "is_for_own_user", False) else "admins"


def _needs_admin() -> bool:
    """Whether the call at hand is for admins alone; for members where it is their own user's."""
    who = required_role(current_app.view_functions[request.endpoint or ""], request.method)
    if who == "own user":
        return bool((request.view_args or {})["user_id"] != caller().user_id)
    return who == "admins"


def _check_role(who: Caller, needs_admin: bool) -> None:
    if needs_admin and who.role != "org:admin":
        raise Forbidden("This call needs a key with the role org:admin.")


def _authorize() -> None:
    _check_role(caller(), _needs_admin())


def _sentences(messages: Any, way: str = "") -> Iterator[str]:
    """Yield the sentences of marshmallow's nested messages, each with the way to its place."""
    if isinstance(messages, dict):
        for step, nested in messages.items():
            deeper = f"[{step}]" if isinstance(step, int) else f".{printable(str(step))}"
            yield from _sentences(nested, way + deeper)
    else:
        for sentence in messages:
            yield f"{way}: {sentence}" if way else sentence
