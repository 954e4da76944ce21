"""Reading bodies and queries by their schemas, strictly (contract §1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NoReturn

import marshmallow as ma
from flask import g, request

from incident_service.errors import ValidationFailed
from incident_service.http.body import NO_TEXT, is_clean, printable, read_json


def load(schema: ma.Schema, location: Literal["json", "query"]) -> Any:
    """Return what the request's body or query says, by the schema.

    Raises `ValidationFailed`, and what `read_json` raises.
    """
    try:
        return schema.load(_body(schema) if location == "json" else _query())
    except ma.ValidationError as error:
        refuse(error)


def _body(schema: ma.Schema) -> Any:
    return read_json(request, or_nothing=getattr(schema, "MAY_BE_MISSING", False))


def _query() -> dict[str, str]:
    """Return the query's values, and note that the call reads the query.

    Raises `ValidationFailed` if a parameter is given more than once.
    """
    g.query_was_read = True
    if not request.query_string:
        return {}
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise ValidationFailed({printable(name): ["Given more than once."] for name in repeated})
    unclean = [name for name, value in request.args.items() if not is_clean(name + value)]
    if unclean:
        raise ValidationFailed({printable(name): [NO_TEXT] for name in unclean})
    return request.args.to_dict()


def refuse(error: ma.ValidationError) -> NoReturn:
    """Raise `ValidationFailed` with a list of sentences for each field."""
    assert isinstance(error.messages, dict)  # what `load` raises has them by field
    raise ValidationFailed(
        {printable(str(name)): list(_sentences(nested)) for name, nested in error.messages.items()}
    ) from None


def _sentences(messages: Any, place: str = "") -> Iterator[str]:
    """Yield the sentences of marshmallow's nested messages, each after the path to its place."""
    if isinstance(messages, dict):
        for step, nested in messages.items():
            deeper = f"[{step}]" if isinstance(step, int) else f".{printable(str(step))}"
            yield from _sentences(nested, place + deeper)
    else:
        for sentence in messages:
            yield f"{place}: {sentence}" if place else sentence
