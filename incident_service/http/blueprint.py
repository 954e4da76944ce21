"""The blueprint of the API: flask-smorest's, with its defaults set to the contract (§1)."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import flask
import flask_smorest
import marshmallow as ma
from flask import g, jsonify, request

from incident_service import clock
from incident_service.errors import NotAuthorized, Unavailable, ValidationFailed
from incident_service.http import parser
from incident_service.http.acting import check_role, database, needs_admin
from incident_service.http.middleware import check_key, check_without_key
from incident_service.people import keys
from incident_service.people.caller import Caller
from incident_service.store import Row

RECORD_USE_WITHIN = 0.2
"""Seconds that a request waits at most to record that its key was used."""

View = TypeVar("View", bound=Callable[..., Any])


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]  # flask-smorest has no types
    """A blueprint whose answers are `{"data": …}` and whose callers must have a key.

    What flask-smorest itself does for each call took a tenth of the time of opening an incident.
    """

    def __init__(self, name: str, *, description: str, public: bool = False) -> None:
        """`public`: whether its calls need no key."""
        super().__init__(name, __name__, description=description)
        self.is_public = public
        if not public:
            self.before_request(_admit)

    def arguments(
        self, schema: Any, *, location: Literal["json", "query"] = "json", **options: Any
    ) -> Callable[[View], View]:
        """As flask-smorest's, but it only describes: `parser` reads the request, more strictly."""
        instance = schema() if isinstance(schema, type) else schema
        describe = super().arguments(instance, location=location, error_status_code=400, **options)

        def decorator(view: View) -> View:
            @functools.wraps(describe(view))
            def reading(*args: Any, **kwargs: Any) -> Any:
                return view(*args, parser.load(instance, location), **kwargs)

            return reading  # type: ignore[return-value]  # it takes an argument less

        return decorator

    def response(
        self, status_code: int, schema: Any = None, **options: Any
    ) -> Callable[[View], View]:
        """As flask-smorest's, but it only describes. Refuse a query that the call does not read."""
        describe = super().response(status_code, schema, **options)
        instance = schema() if isinstance(schema, type) else schema

        def decorator(view: View) -> View:
            @functools.wraps(describe(view))
            def answering(*args: Any, **kwargs: Any) -> flask.Response:
                if request.query_string and request.args and not g.get("query_was_read"):
                    raise ValidationFailed(
                        {name: ["Unknown query parameter."] for name in request.args}
                    )
                found = view(*args, **kwargs)
                if isinstance(found, flask.Response):
                    return found
                found, status, headers = (
                    found if type(found) is tuple else (found, status_code, None)
                )
                data = found if instance is None else instance.dump(found)
                response = jsonify({"data": data})
                response.status_code = status
                if headers:
                    response.headers.extend(headers)
                return response

            return answering  # type: ignore[return-value]  # Flask takes what it returns too

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


def _admit() -> None:
    """Let the request in if its key may make the call, and set its caller.

    Raises `NotAuthorized`, `Forbidden`, or `RateLimited`.
    """
    try:
        who, is_to_be_recorded = _find_caller()
    except NotAuthorized:
        check_without_key()
        raise
    g.caller = who
    check_key(who.key_id)
    if is_to_be_recorded:
        with contextlib.suppress(Unavailable):  # not worth refusing or delaying the request
            database().write_within(RECORD_USE_WITHIN, who.org_id, keys.record_use, who)
    g.needs_admin = needs_admin(who)
    check_role(who, g.needs_admin)


def _find_caller() -> tuple[Caller, bool]:
    """Return the request's caller, and whether this use of the key is to be recorded."""
    header = request.headers.get("Authorization")
    if header is None:
        raise NotAuthorized("The API key is missing: send the header Authorization: Bearer.")
    scheme, _, key = header.partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key.startswith(keys.KEY_START) or not key.isascii():
        raise NotAuthorized("The API key is malformed: Bearer scl_live_… is expected.")
    with database().read_once() as db:
        return keys.authenticate(db, key, now=clock.now())
