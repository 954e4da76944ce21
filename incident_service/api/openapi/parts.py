"""What all calls share in the API's description: its introduction, headers and errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from incident_service.http.error_codes import CODES, type_of

Object = dict[str, Any]
"""A JSON object of the description."""

INTRODUCTION = """\
A self-hosted incident and on-call service.

* **Keys.** `Authorization: Bearer scl_live_…`. A key belongs to one organization, and another
  organization's things do not exist for it. It acts with the role `org:admin` or
  `org:member`; each call says what a member may do.
* **Answers** are `{"data": …}`. Later versions may add fields: ignore those that you do not know.
* **Errors** all have the body `Error`. `code` is for programs, `message` for people; `requestId`
  finds the request in the logs. An unknown path is `404` `not_found`; a method that the path does
  not take is `405` `method_not_allowed`, with `Allow`. A client that prefers HTML gets a page.
* **Instants** are RFC 3339 with an offset. Those that the service makes are UTC with milliseconds.
* **Text** is kept exactly as sent, and its length counts Unicode characters. NUL and lone
  surrogates are refused everywhere.
* **Unknown** fields and query parameters are refused, each named. `null` for an optional field is
  the same as leaving it out, except in a `PATCH`, where it clears the field.
* **Size.** A body may have at most 1 MiB.
* **Tools** that speak PagerDuty's Events API v2 or Opsgenie's alert API send to `/v2/enqueue` and
  `/v2/alerts`, with the token of an integration as their key. Those calls are as their own
  documentation says.
"""

# The codes of each shared response.
RESPONSES: dict[str, tuple[str, ...]] = {
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

HEADERS: dict[str, Object] = {
    "X-Request-Id": {
        "description": "The id of the request in the logs.",
        "required": True,
        "schema": {"type": "string", "format": "uuid"},
    },
    "Location": {
        "description": "The path of what was created.",
        "required": True,
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Allow": {
        "description": "The methods that the path takes.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "How many seconds to wait before trying again.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {
        "description": "The scheme of authentication.",
        "required": True,
        "schema": {"type": "string", "enum": ["Bearer"]},
    },
    "ETag": {
        "description": "Changes when the answer does.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Cache-Control": {
        "description": "How long to keep the answer.",
        "required": True,
        "schema": {"type": "string"},
    },
}
_HEADERS_OF_STATUS = {
    201: ("Location",),
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

REQUEST_ID: Object = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "The id of the request in the logs; ignored if it is not a UUID.",
    "schema": {"type": "string"},
}

IF_NONE_MATCH: Object = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` that the client has; `304` says that it is still current.",
    "schema": {"type": "string"},
}

_STATUSES = [status for status, _ in CODES.values()]

ERROR: Object = {
    "type": "object",
    "description": "The body of every error.",
    "required": ["statusCode", "type", "code", "message", "requestId"],
    "properties": {
        "statusCode": {
            "type": "integer",
            "minimum": min(_STATUSES),
            "maximum": max(_STATUSES),
            "description": "The status of the answer.",
        },
        "type": {
            "$ref": "#/components/schemas/ErrorType",
            "description": "The kind of error.",
        },
        "code": {"type": "string", "description": "Which error it is, for programs."},
        "message": {
            "type": "string",
            "description": "What is wrong, for people. It names the field or the id at fault.",
        },
        "requestId": {
            "type": "string",
            "format": "uuid",
            "description": "The id of the request in the logs.",
        },
        "errors": {
            "type": "object",
            "description": "Only with `validation_error`: what is wrong, by field.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}


def responses_to(codes: set[str]) -> dict[str, Object]:
    """Return the responses, by status, that can carry these error codes."""
    by_status: dict[int, list[str]] = {}
    for code, (status, _) in CODES.items():
        if code in codes:
            by_status.setdefault(status, []).append(code)
    shared = {codes: name for name, codes in RESPONSES.items()}
    return {
        str(status): {"$ref": f"#/components/responses/{shared[tuple(alike)]}"}
        if tuple(alike) in shared
        else error_response(alike)
        for status, alike in sorted(by_status.items())
    }


def error_response(codes: Iterable[str]) -> Object:
    """Return the response to errors of one status; its examples are named as their codes."""
    codes = tuple(codes)
    status, _ = CODES[codes[0]]
    return {
        "description": "\n".join(f"* `{code}`: {CODES[code][1]}" for code in codes),
        "headers": header_references(status),
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }


def header_references(status: int, *, is_kept: bool = False) -> dict[str, Object]:
    """Return the headers that every answer of the status has; `is_kept`: clients may keep it."""
    names = ["X-Request-Id", *_HEADERS_OF_STATUS.get(status, ())]
    if is_kept:
        names += ["ETag", "Cache-Control"]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def example(code: str) -> Object:
    """Return an example of the error with the code."""
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
