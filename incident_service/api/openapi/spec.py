"""The API's description in OpenAPI 3.1: what flask-smorest binds, completed (contract §9)."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterable
from typing import Any

import marshmallow as ma
from apispec.ext.marshmallow import MarshmallowPlugin, resolver
from flask import Flask, current_app, request
from flask_smorest import Api

from incident_service.api.openapi.calls import Contract
from incident_service.api.openapi.enums import name_of
from incident_service.api.openapi.parts import INTRODUCTION, Object
from incident_service.api.openapi.sentences import sentence_of
from incident_service.http import fields
from incident_service.http.blueprint import Blueprint

_BLUEPRINTS = "incident_service.described_blueprints"
_TEXT = "incident_service.description_text"

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
    (fields.QueryBoolean, {"type": "boolean"}),
    (fields.UTCInstant, {"type": "string", "format": "date-time"}),
    (fields.ByUUID, {"propertyNames": {"format": "uuid"}, "maxProperties": fields.MAX_BY_UUID}),
    (
        fields.ByWord,
        {
            "propertyNames": {"minLength": 1, "maxLength": 255},
            "maxProperties": fields.MAX_BY_WORD,
        },
    ),
    (fields.TimeZone, {"format": "iana-time-zone"}),
)


def install(app: Flask, blueprints: Iterable[Blueprint]) -> None:
    """Put the blueprints into the application. They are described once somebody asks."""
    kept = tuple(blueprints)
    for blueprint in kept:
        app.register_blueprint(blueprint)
    app.extensions[_BLUEPRINTS] = kept


def document(app: Flask | None = None) -> Object:
    """Return the whole description of the API of `app`, which is the current one if not given."""
    described = copy.deepcopy(_described(app or current_app._get_current_object()))  # type: ignore[attr-defined]
    _link(described["paths"])
    return described


@functools.lru_cache(maxsize=1)
def _described(app: Flask) -> Object:
    """Return what the application's blueprints say. It takes a while, so a start does not."""
    app.config.update(API_TITLE="incident-service", API_VERSION="v1", OPENAPI_VERSION="3.1.0")
    marshmallow = MarshmallowPlugin(_schema_name)
    api = _Api(
        app,
        spec_kwargs={
            "marshmallow_plugin": marshmallow,
            "extra_plugins": [Contract(app)],
            "info": {"description": INTRODUCTION},
            "servers": [{"url": "/", "description": "The service that serves this document."}],
        },
    )
    assert marshmallow.converter is not None  # the API has given it one
    marshmallow.converter.add_attribute_function(_field_properties)  # type: ignore[no-untyped-call]
    for name, schema in _PATH_PARAMETERS.items():
        api.register_converter(app.url_map.converters[name], lambda _, schema=schema: dict(schema))
    for blueprint in app.extensions[_BLUEPRINTS]:
        api.describe(blueprint)
    described: Object = api.spec.to_dict()
    return described


def document_text() -> str:
    """Return the description of the current application as JSON; it is made once."""
    extensions = current_app.extensions
    if _TEXT not in extensions:
        described = document()
        described["servers"][0]["url"] = request.script_root or "/"
        extensions[_TEXT] = current_app.json.dumps(described) + "\n"
    text: str = extensions[_TEXT]
    return text


class _Api(Api):  # type: ignore[misc]  # flask-smorest has no types
    """Leaves errors to `error_responses`, and their description to `Contract`."""

    DEFAULT_ERROR_RESPONSE_NAME = None

    def describe(self, blueprint: Blueprint) -> None:
        """As flask-smorest's `register_blueprint`, of a blueprint that the application has."""
        blueprint.register_views_in_doc(
            self, self._app, self.spec, name=blueprint.name, parameters=None
        )
        self.spec.tag({"name": blueprint.name, "description": blueprint.description})

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


def _field_properties(_converter: Any, field: ma.fields.Field[Any], ret: Object) -> Object:
    """Return what apispec cannot know about a field: its format, and its sentence."""
    properties = next((dict(more) for type_, more in _FIELD_TYPES if isinstance(field, type_)), {})
    if "anyOf" in ret:
        properties = {}
    if "anyOf" in ret or "anyOf" in properties:
        ret.pop("type", None)
    if properties.get("type") == "integer" and "default" in ret:
        properties["default"] = int(ret["default"])
    if properties.get("type") == "boolean" and "default" in ret:
        properties["default"] = ret["default"] in (True, "True")
    if "enum" in ret:
        properties |= _named(ret.pop("enum"), ret)
    if field.allow_none and "type" in properties:
        properties["type"] = [properties["type"], "null"]
    if isinstance(field.parent, ma.Schema) and "description" not in ret:
        sentence = sentence_of(field)
        if sentence is not None:
            properties["description"] = sentence
    return properties


def _named(values: list[str | None], ret: Object) -> Object:
    """Return a reference to the enumeration of these values; it replaces the `type` in `ret`."""
    ret.pop("type")
    name = name_of([value for value in values if value is not None])
    reference: Object = {"$ref": f"#/components/schemas/{name}"}
    return {"anyOf": [reference, {"type": "null"}]} if None in values else reference


def _link(paths: dict[str, dict[str, Any]]) -> None:
    """Link what creates a thing to every call below its path that needs no other id."""
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
