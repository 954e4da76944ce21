"""Reading the body of a request: JSON, strictly (contract §1)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NoReturn

import flask
from flask import g

from incident_service.errors import (
    InvalidRequest,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
)

MAX_BODY_BYTES = 1024 * 1024

NO_TEXT = "Contains a NUL or a lone surrogate."


def read_json(req: flask.Request, *, or_nothing: bool = False) -> Any:
    """Return the request's body, parsed once for each request.

    `or_nothing`: whether an empty body is an empty object.

    Raises `UnsupportedMediaType`, `InvalidRequest` `invalid_json`, and `ValidationFailed` if a text
    in it contains a NUL or a lone surrogate.
    """
    if "json_body" in g:
        return g.json_body
    raw = read_body(req)
    if or_nothing and not raw:
        body: Any = {}
    elif req.mimetype != "application/json":
        raise UnsupportedMediaType("The body must be application/json.")
    else:
        body = _parse_json(raw)
    g.json_body = body
    return body


def read_body(req: flask.Request) -> bytes:
    """Return the request's body. Raises `PayloadTooLarge`, and `InvalidRequest` if it is cut.

    Straight from the server, which ends it where the body ends: Werkzeug's way reads it in parts.
    """
    if (req.content_length or 0) > MAX_BODY_BYTES:
        raise PayloadTooLarge("The body is larger than 1 MiB.")
    try:
        raw: bytes = req.environ["wsgi.input"].read(MAX_BODY_BYTES + 1)
    except Exception:  # whatever the server raises for bad or missing chunks
        message = "The body is incomplete."
        raise InvalidRequest(message, code="invalid_request") from None
    if len(raw) > MAX_BODY_BYTES:
        raise PayloadTooLarge("The body is larger than 1 MiB.")
    return raw


def _parse_json(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8")
        body = json.loads(text, parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise InvalidRequest("The body is not UTF-8.", code="invalid_json") from None
    except RecursionError:
        raise InvalidRequest("The body is nested too deep.", code="invalid_json") from None
    except ValueError as error:
        raise InvalidRequest(f"The body is not JSON: {error}.", code="invalid_json") from None
    if "\\u" in text:  # only an escape can bring in a NUL or a lone surrogate
        bad = next((_steps(way) for way, value in _texts(body) if not is_clean(value)), None)
        if bad is not None:
            name, *rest = bad or ["body"]
            way = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in rest)
            raise ValidationFailed(
                {printable(str(name)): [f"{printable(way)}: {NO_TEXT}" if way else NO_TEXT]}
            )
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


Way = tuple["Way", str | int] | None
"""The way to a place in a JSON value: the way to what it is in, and its name or number there."""


def _texts(body: Any) -> Iterator[tuple[Way, str]]:
    """Yield every text of a JSON value, names of fields included, with the way to it."""
    pending: list[tuple[Way, Any]] = [(None, body)]
    while pending:
        way, value = pending.pop()
        if isinstance(value, str):
            yield way, value
        elif isinstance(value, list):
            pending.extend(
                ((way, n), item)
                for n, item in enumerate(value)
                if isinstance(item, str | list | dict)
            )
        elif isinstance(value, dict):
            for name, item in value.items():
                yield (way, name), name
                pending.append(((way, name), item))


def _steps(way: Way) -> list[str | int]:
    steps: list[str | int] = []
    while way is not None:
        way, step = way
        steps.append(step)
    return steps[::-1]


def is_clean(text: str) -> bool:
    """Whether the text contains no NUL and no lone surrogate."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def printable(text: str) -> str:
    """Return the text with a lone surrogate spelled out, so that an answer can carry it."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
