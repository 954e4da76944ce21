"""What follows, in the API's description, from the kind of a call: its errors, first of all.

A call names only its own error codes, with `Blueprint.error_codes`; all others are derived here
(contract §1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

from apispec import APISpec, BasePlugin
from flask import Flask
from werkzeug.routing import Rule

from incident_service.api.openapi.enums import ENUMS
from incident_service.api.openapi.examples import example_of
from incident_service.api.openapi.parts import (
    ERROR,
    HEADERS,
    IF_NONE_MATCH,
    REQUEST_ID,
    RESPONSES,
    Object,
    error_response,
    example,
    header_references,
    responses_to,
)
from incident_service.http.acting import required_role
from incident_service.http.blueprint import Blueprint
from incident_service.http.error_codes import CODES
from incident_service.http.middleware import NEVER_LIMITED, OF_TOOLS
from incident_service.names import camel_case

_WHO = {
    "members": "",
    "own user": "A member may do this for the user that its key acts for, an admin for any user.",
    "admins": "Needs a key with the role `org:admin`.",
}

_OF_EVERY_CALL = (*RESPONSES["InvalidRequest"], "uri_too_long", "headers_too_large", "server_error")
_OF_CALLS_WITH_A_BODY = ("invalid_json", "payload_too_large", "unsupported_media_type")
_OF_CALLS_WITH_A_KEY = ("not_authorized", *RESPONSES["Unavailable"])


class Contract(BasePlugin):
    """Completes schemas, paths and operations when apispec registers them."""

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
        components.security_scheme(
            "integrationToken",
            {
                "type": "http",
                "scheme": "bearer",
                "description": "The token of an integration.",
            },
        )
        components.security_scheme(
            "metricsToken",
            {
                "type": "http",
                "scheme": "bearer",
                "description": "The token of `/metrics`, if the operator has set one.",
            },
        )
        components.schema("Error", ERROR)
        for name, (values, sentence) in ENUMS.items():
            enum = {"type": "string", "enum": list(values), "description": sentence}
            components.schema(name, enum)
        for parameter in (REQUEST_ID, IF_NONE_MATCH):
            components.parameter(parameter["name"], "header", parameter)
        for name, header in HEADERS.items():
            components.header(name, header)
        for code in CODES:
            components.example(code, example(code))
        for name, codes in RESPONSES.items():
            components.response(name, error_response(codes))

    def schema_helper(self, name: str, definition: Object, **options: Any) -> Object:
        """Return what a schema is for, and the rules between its fields."""
        schema = options.get("schema")
        if schema is None:
            return {}
        cls = schema if isinstance(schema, type) else type(schema)
        described: Object = {"description": _paragraphs(cls.__doc__)} if cls.__doc__ else {}
        if not getattr(schema, "partial", False):
            described.update(getattr(cls, "RULES", {}))
        return described

    def path_helper(
        self,
        path: str | None = None,
        operations: dict[str, Object] | None = None,
        parameters: list[Object] | None = None,
        **_: Any,
    ) -> str:
        """Return the path with its parameters named as on the wire, and describe the parameters."""
        assert path is not None
        for parameter in parameters or ():
            name = parameter["name"]
            parameter["name"] = camel_case(name)
            noun = _noun_before(name, path)
            also = ", or its number" if noun == "incident" else ""
            of_a_kind = {
                "token": "The token of the integration.",
                "number": f"The number of the {noun}.",
            }
            parameter["description"] = of_a_kind.get(name, f"The id of the {noun}{also}.")
        return re.sub(r"{(\w+)}", lambda match: f"{{{camel_case(match[1])}}}", path)

    def operation_helper(
        self,
        path: str | None = None,
        operations: dict[str, Object] | None = None,
        rule: Rule | None = None,
        **_: Any,
    ) -> None:
        """Give each operation its name, its security, and every error that it can answer with."""
        assert rule is not None
        view = self._app.view_functions[rule.endpoint]
        blueprint = self._app.blueprints[rule.endpoint.rpartition(".")[0]]
        is_public = cast(Blueprint, blueprint).is_public
        for method, operation in (operations or {}).items():
            who = "members" if is_public else required_role(view, method.upper())
            operation["operationId"] = view.__name__
            operation.setdefault("security", [] if is_public else [{"apiKey": []}])
            operation["summary"] = operation["summary"].rstrip(".")
            more = _paragraphs(operation.pop("description", ""), _WHO[who])
            if more:
                operation["description"] = more
            if "requestBody" in operation and "example" not in _json_body(operation):
                body = _json_body(operation)
                body["example"] = example_of(body["schema"]["$ref"].rpartition("/")[2])
            responses = operation["responses"]
            responses.pop(400, None)  # flask-smorest's own
            is_kept = 304 in responses
            parameters = operation.setdefault("parameters", [])
            parameters += ["X-Request-Id", *(["If-None-Match"] if is_kept else [])]
            for status, response in responses.items():
                headers = header_references(int(status), is_kept=is_kept)
                response.setdefault("headers", {}).update(headers)
            responses.update(responses_to(_codes_of(view, rule, operation, who, is_public)))


def _json_body(operation: Object) -> Object:
    body: Object = operation["requestBody"]["content"]["application/json"]
    return body


def _codes_of(
    view: Callable[..., Any], rule: Rule, operation: Object, who: str, is_public: bool
) -> set[str]:
    """Return every error code that a call can answer with (contract §1)."""
    codes = {*_OF_EVERY_CALL, *getattr(view, "error_codes", ())}
    if rule.rule.startswith(OF_TOOLS):  # these calls name the others themselves
        return codes
    if "requestBody" in operation:
        codes.update(_OF_CALLS_WITH_A_BODY)
    if rule.rule not in NEVER_LIMITED:
        codes.add("rate_limited")
    if not is_public:
        codes.update(_OF_CALLS_WITH_A_KEY)
    if who != "members":
        codes.add("forbidden")
    if rule.arguments:
        codes.add("not_found")
    return codes


_NOUNS = {"working hour": "set of working hours", "api key": "API key"}


def _noun_before(parameter: str, path: str) -> str:
    """Return what a parameter of a path is the id of: `status page` for `/status-pages/{id}`."""
    segment = path.partition(f"/{{{parameter}}}")[0].rpartition("/")[2]
    noun = re.sub("ie$", "y", segment.removesuffix("s")).replace("-", " ")
    return _NOUNS.get(noun, noun)


def _paragraphs(*texts: str) -> str:
    """Return the paragraphs of some texts, each on one line, with an empty line between them."""
    paragraphs = (" ".join(part.split()) for text in texts for part in re.split(r"\n\s*\n", text))
    return "\n\n".join(filter(None, paragraphs))
