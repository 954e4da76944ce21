"""Reading bodies and queries by their schemas, strictly (contract §1)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import flask
import marshmallow as ma
from flask import g
from webargs.flaskparser import FlaskParser

from incident_service.errors import ValidationFailed
from incident_service.http.body import NO_TEXT, is_clean, printable, read_json


class Parser(FlaskParser):
    """Reads a request strictly: only JSON, nothing unknown, nothing twice."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 (webargs' own type)
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
        "querystring": ma.RAISE,
    }

    def load_json(self, req: flask.Request, schema: ma.Schema) -> Any:
        """Return the body. Raises what `read_json` raises."""
        return read_json(req, or_nothing=getattr(schema, "MAY_BE_MISSING", False))

    def load_querystring(self, req: flask.Request, schema: ma.Schema) -> Any:
        """Return the query's values, and note that the call reads the query.

        Raises `ValidationFailed` if a parameter is given more than once.
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
        (messages,) = error.messages.values()
        raise ValidationFailed(
            {printable(str(name)): list(_sentences(nested)) for name, nested in messages.items()}
        )


def _sentences(messages: Any, place: str = "") -> Iterator[str]:
    """Yield the sentences of marshmallow's nested messages, each after the path to its place."""
    if isinstance(messages, dict):
        for step, nested in messages.items():
            deeper = f"[{step}]" if isinstance(step, int) else f".{printable(str(step))}"
            yield from _sentences(nested, place + deeper)
    else:
        for sentence in messages:
            yield f"{place}: {sentence}" if place else sentence
