"""The API's description in OpenAPI 3.1: what flask-smorest binds, and what each kind of call has.

A call's own error codes stand beside its route, in `Blueprint.fails`. All that follows from what
kind of call it is, is derived here, so that no route repeats it (contract §1).
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

import marshmallow as ma
from apispec import APISpec, BasePlugin
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Flask, current_app
from flask_smorest import Api
from werkzeug.routing import Rule

from incident_service.api import fields
from incident_service.api.blueprint import Blueprint, who_may
from incident_service.api.codes import CODES, type_of
from incident_service.api.glossary import describe

Object = dict[str, Any]
"""A JSON object of the description."""

_EXTENSION = "incident_service.description"

_INFO = """\
A self-hosted incident and on-call service.

* **Keys.** `Authorization: Bearer scl_live_…`. A key belongs to one organization, and another
  organization's things are as if they did not exist. It acts with the role `org:admin` or
  `org:member`; each call says what a member may do.
* **Answers** are `{"data": …}`. Later versions may add fields to them: pass over those that you do
  not know.
* **Errors**, every one, have the body `Error`. Programs go by `code`, people by `message`; with
  `requestId`, the logs tell more. A path that is none is `404` `not_found`; a method that a path
  does not take is `405` `method_not_allowed`, with `Allow`.
* **Instants** are RFC 3339 with an offset; those of the service's own are UTC with milliseconds.
* **Text** is kept exactly as sent, and its length counts Unicode characters. NUL and lone
  surrogates are refused everywhere.
* **Unknown** fields and query parameters are refused, each named. `null` for an optional field is
  the same as leaving it out, except in a `PATCH`, where it clears the field.
* **Sizes.** A body may have 1 MiB.
"""

_WHO = {
    "members": "",
    "own user": "A member may do this for the user whom its key acts for, an admin for any.",
    "admins": "Needs a key with the role `org:admin`.",
}

# Which calls can fail how. The names are those of the shared responses.
_SHARED: dict[str, tuple[str, ...]] = {
    "InvalidRequest": ("validation_error", "invalid_request"),
    "InvalidBody": ("validation_error", "invalid_request", "invalid_json"),
    "NotAuthorized": ("not_authorized",),
    "Forbidden": ("forbidden",),
    "NotFound": ("not_found",),
    "MethodNotAllowed": ("method_not_allowed",),
    "PayloadTooLarge": ("payload_too_large",),
    "UriTooLong": ("uri_too_long",),
    "UnsupportedMediaType": ("unsupported_media_type",),
    "RateLimited": ("rate_limited",),
    "HeadersTooLarge": ("headers_too_large",),
    "ServerError": ("server_error",),
    "Unavailable": ("busy", "storage_full", "not_ready"),
}
_OF_EVERY_CALL = (*_SHARED["InvalidRequest"], "uri_too_long", "headers_too_large", "server_error")
_OF_CALLS_WITH_A_BODY = ("invalid_json", "payload_too_large", "unsupported_media_type")
_OF_CALLS_WITH_A_KEY = ("not_authorized", "rate_limited", *_SHARED["Unavailable"])

_HEADERS: dict[str, Object] = {
    "X-Request-Id": {
        "description": "The id by which the logs know the request.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "Location": {
        "description": "The path of what was made.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Allow": {
        "description": "The methods that the path takes.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "The scheme of authentication.",
        "required": True,
        "schema": {"type": "string", "enum": ["Bearer"]},
    },
}
_HEADERS_OF_STATUS = {
    201: ("Location",),
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

_REQUEST_ID: Object = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "The id by which the logs are to know the request; kept if it is a UUID.",
    "schema": {"type": "string"},
}

_ERROR: Object = {
    "type": "object",
    "description": "What every error is.",
    "required": ["statusCode", "type", "code", "message", "requestId"],
    "properties": {
        "statusCode": {"type": "integer", "description": "The status of the answer."},
        "type": {"type": "string", "description": "The kind of error."},
        "code": {"type": "string", "description": "The error, for programs."},
        "message": {
            "type": "string",
            "description": "The error, for people; it names the field or the id at fault.",
        },
        "requestId": {
            "type": "string",
            "format": "uuid",
            "description": "The id by which the logs know the request.",
        },
        "errors": {
            "type": "object",
            "description": "With `validation_error` alone: what is wrong, by the names of fields.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


def install(app: Flask, blueprints: Iterable[Blueprint]) -> None:
    """Put the blueprints into the application, and describe them."""
    app.config.update(API_TITLE="incident-service", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    contract = _Contract(app)
    marshmallow = MarshmallowPlugin(_schema_name)
    api = _Api(
        app,
        spec_kwargs={
            "marshmallow_plugin": marshmallow,
            "extra_plugins": [contract],
            "info": {"description": _INFO},
            "servers": [{"url": "/", "description": "The service that serves this document."}],
        },
    )
    assert marshmallow.converter is not None  # the API has given it one
    marshmallow.converter.add_attribute_function(_field_properties)  # type: ignore[no-untyped-call]
    for name, schema in _PATH_PARAMETERS.items():
        api.register_converter(app.url_map.converters[name], lambda _, schema=schema: dict(schema))
    for blueprint in blueprints:
        api.register_blueprint(blueprint)
    app.extensions[_EXTENSION] = api.spec


def document(app: Flask | None = None) -> Object:
    """Return the whole description of the application's API; of the one at hand, unless given."""
    spec: APISpec = (app or current_app).extensions[_EXTENSION]
    described = copy.deepcopy(spec.to_dict())
    _link(described["paths"])
    return described


class _Api(Api):  # type: ignore[misc]  # flask-smorest has no types
    """Leaves errors to `errors.py`, and their description to `_Contract`."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        pass

    def _register_etag_headers(self) -> None:
        pass

    def _register_pagination_header(self) -> None:
        pass


def _schema_name(schema: Any) -> str:
    """Return the name of a schema in the description; a body to `PATCH` has its own."""
    name = resolver(schema)
    return f"{name}Changes" if getattr(schema, "partial", False) else name


_PATH_PARAMETERS: dict[str, Object] = {
    "uuid_text": {"type": "string", "format": "uuid"},
    "user_id": {"type": "string", "minLength": 1, "maxLength": 255},
}

# By the type of a field; the first that fits.
_FIELD_TYPES: tuple[tuple[type[ma.fields.Field[Any]], Object], ...] = (
    (fields.UUID, {"format": "uuid"}),
    (fields.Instant, {"format": "date-time"}),
    (fields.QueryInstant, {"format": "date-time"}),
    (
        fields.QueryDay,
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "string", "format": "date"},
            ]
        },
    ),
    (fields.QueryInteger, {"type": "integer"}),
    (fields.UTCInstant, {"type": "string", "format": "date-time"}),
)


def _field_properties(_converter: Any, field: ma.fields.Field[Any], ret: Object) -> Object:
    """Return what apispec cannot know of a field: its format, and what it is."""
    found = next((dict(more) for type_, more in _FIELD_TYPES if isinstance(field, type_)), {})
    if "anyOf" in found:
        del ret["type"]
    if found.get("type") == "integer" and "default" in ret:
        found["default"] = int(ret["default"])
    if field.allow_none and "type" in found:
        found["type"] = [found["type"], "null"]
    if isinstance(field.parent, ma.Schema) and "description" not in ret:
        schemas = (cls.__name__.removesuffix("Schema") for cls in type(field.parent).__mro__)
        sentence = describe(schemas, field.data_key or field.name or "")
        if sentence is not None:
            found["description"] = sentence
    return found


class _Contract(BasePlugin):
    """Completes schemas, paths and operations as apispec comes by them."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def init_spec(self, spec: APISpec) -> None:
        """Add what the operations share."""
        components = spec.components
        components.security_scheme(
            "apiKey",
            {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, `scl_live_…`, made by `POST /v1/api-keys` or by "
                "`incident-service create-key`.",
            },
        )
        components.schema("Error", _ERROR)
        components.parameter("X-Request-Id", "header", _REQUEST_ID)
        for name, header in _HEADERS.items():
            components.header(name, header)
        for code in CODES:
            components.example(code, _example(code))
        for name, codes in _SHARED.items():
            components.response(name, _error_response(codes))

    def schema_helper(self, name: str, definition: Object, **options: Any) -> Object:
        """Return what a component's schema is for, and the rules between its fields."""
        schema = options.get("schema")
        if schema is None:
            return {}
        cls = schema if isinstance(schema, type) else type(schema)
        found: Object = {"description": _paragraphs(cls.__doc__)} if cls.__doc__ else {}
        if not getattr(schema, "partial", False):
            found.update(getattr(cls, "RULES", {}))
        return found

    def path_helper(
        self,
        path: str | None = None,
        operations: dict[str, Object] | None = None,
        parameters: list[Object] | None = None,
        **_: Any,
    ) -> str:
        """Return the path with its parameters spelled as on the wire, and describe these."""
        assert path is not None
        for parameter in parameters or ():
            name = parameter["name"]
            parameter["name"] = fields.camel_case(name)
            parameter["description"] = f"The id of the {_noun_before(name, path)}."
        return re.sub(r"{(\w+)}", lambda match: f"{{{fields.camel_case(match[1])}}}", path)

    def operation_helper(
        self,
        path: str | None = None,
        operations: dict[str, Object] | None = None,
        rule: Rule | None = None,
        **_: Any,
    ) -> None:
        """Give each operation its name, its security, and every error that it can have."""
        assert rule is not None
        view = self._app.view_functions[rule.endpoint]
        blueprint = self._app.blueprints[rule.endpoint.rpartition(".")[0]]
        is_public = cast(Blueprint, blueprint).is_public
        for method, operation in (operations or {}).items():
            who = "members" if is_public else who_may(view, method.upper())
            operation["operationId"] = view.__name__
            operation["security"] = [] if is_public else [{"apiKey": []}]
            operation["summary"] = operation["summary"].rstrip(".")
            more = _paragraphs(operation.pop("description", ""), _WHO[who])
            if more:
                operation["description"] = more
            operation.setdefault("parameters", []).append("X-Request-Id")
            responses = operation["responses"]
            responses.pop(400, None)  # flask-smorest's own
            for status, response in responses.items():
                response.setdefault("headers", {}).update(_header_references(int(status)))
            responses.update(_errors(_codes_of(view, rule, operation, who, is_public)))


def _codes_of(
    view: Callable[..., Any], rule: Rule, operation: Object, who: str, is_public: bool
) -> set[str]:
    """Return every error code that a call can answer with (contract §1)."""
    codes = {*_OF_EVERY_CALL, *getattr(view, "error_codes", ())}
    if "requestBody" in operation:
        codes.update(_OF_CALLS_WITH_A_BODY)
    if not is_public:
        codes.update(_OF_CALLS_WITH_A_KEY)
    if who != "members":
        codes.add("forbidden")
    if rule.arguments:
        codes.add("not_found")
    return codes


def _errors(codes: set[str]) -> dict[str, Object]:
    """Return the responses, by status, that can carry these error codes."""
    by_status: dict[int, list[str]] = {}
    for code, (status, _) in CODES.items():
        if code in codes:
            by_status.setdefault(status, []).append(code)
    shared = {codes: name for name, codes in _SHARED.items()}
    return {
        str(status): {"$ref": f"#/components/responses/{shared[tuple(found)]}"}
        if tuple(found) in shared
        else _error_response(found)
        for status, found in sorted(by_status.items())
    }


def _error_response(codes: Iterable[str]) -> Object:
    """Return the response to errors of one status; its examples are named as their codes."""
    codes = tuple(codes)
    status, _ = CODES[codes[0]]
    return {
        "description": "\n".join(f"* `{code}`: {CODES[code][1]}" for code in codes),
        "headers": _header_references(status),
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def _header_references(status: int) -> dict[str, Object]:
    names = ("X-Request-Id", *_HEADERS_OF_STATUS.get(status, ()))
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example(code: str) -> Object:
    status, sentence = CODES[code]
    value = {
        "statusCode": status,
        "type": type_of(code),
        "code": code,
        "message": sentence,
        "requestId": "550e8400-e29b-41d4-a716-446655440000",
    }
    if code == "validation_error":
        fault = "Longer than maximum length 100."
        value |= {"message": f"title: {fault}", "errors": {"title": [fault]}}
    return {"summary": sentence, "value": value}


def _link(paths: dict[str, dict[str, Any]]) -> None:
    """Lead from what makes a thing to every call below its path that needs no further id."""
    for path, item in paths.items():
        made = item.get("post", {}).get("responses", {}).get("201")
        if made is None:
            continue
        outer = re.findall(r"{(\w+)}", path)
        inner = re.compile(re.escape(path) + r"/{(\w+)}(?:/[^{}]+)?")
        links = made.setdefault("links", {})
        for below, other in paths.items():
            match = inner.fullmatch(below)
            if match is None:
                continue
            ids = {name: f"$request.path.{name}" for name in outer}
            ids[match[1]] = "$response.body#/data/id"
            for method, operation in other.items():
                if method != "parameters":
                    name = operation["operationId"]
                    links[name] = {"operationId": name, "parameters": ids}


_NOUNS = {"working hour": "set of working hours", "api key": "API key"}


def _noun_before(parameter: str, path: str) -> str:
    """Return what a path's parameter names: `escalation policy` for `…/policies/{id}`."""
    segment = path.partition(f"/{{{parameter}}}")[0].rpartition("/")[2]
    noun = re.sub("ie$", "y", segment.removesuffix("s")).replace("-", " ")
    return _NOUNS.get(noun, noun)


def _paragraphs(*texts: str) -> str:
    """Return all paragraphs of some texts, as of docstrings, one a line."""
    paragraphs = (" ".join(part.split()) for text in texts for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(filter(None, paragraphs))
