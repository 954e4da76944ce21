"""What each field is, in a sentence: the string that stands below it in its schema."""

from __future__ import annotations

import ast
import functools
import inspect
import sys

import marshmallow as ma

from incident_service.http.schemas import SHARED


def sentence_of(field: ma.fields.Field[object]) -> str | None:
    """Return the sentence of a schema's field; `None` if it has none.

    It stands in the field's schema, in one that this is built on, or in `SHARED`.
    """
    for schema in type(field.parent).__mro__:
        sentence = _sentences(schema.__module__).get(f"{schema.__name__}.{field.name}")
        if sentence is not None:
            return sentence
    return SHARED.get(field.name or "")


@functools.cache
def _sentences(module: str) -> dict[str, str]:
    """Return the sentences of a module's fields, by the names of schema and field.

    Python forgets a string that is no docstring of its own, so they are read from the source.
    """
    if not module.startswith("incident_service."):
        return {}
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {
        f"{schema.name}.{field.targets[0].id}": " ".join(below.value.value.split())
        for schema in tree.body
        if isinstance(schema, ast.ClassDef)
        for field, below in zip(schema.body, schema.body[1:], strict=False)
        if isinstance(field, ast.Assign)
        and isinstance(field.targets[0], ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }
