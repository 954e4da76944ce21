"""What the schemas of all resources are built on (contract §1)."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

import marshmallow as ma

from incident_service.names import camel_case

SHARED = {
    "id": "Given by the service; ids made later sort later.",
    "org_id": "The organization that it belongs to.",
    "created_by": "Who made it: the id of a user, of a key that acts for itself, or of an "
    "integration.",
    "created_at": "When it was made.",
    "updated_at": "When it last changed.",
    "limit": "The most entries that this part of the list may have.",
    "cursor": "Where this part of the list begins: the `nextCursor` of the part before.",
    "next_cursor": "Where the next part of the list begins; null at the end of the list.",
}
"""What a field of this name is, in every schema that does not say otherwise."""


class _Named(ma.Schema):
    """A schema that is camelCase on the wire and snake_case in the code.

    The string below a field says what the field is, in the API's description.
    """

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        """Name the field on the wire."""
        field_obj.data_key = field_obj.data_key or camel_case(field_name)


class Schema(_Named):
    """A part of an answer: every field is always there, and later versions may add fields."""

    class Meta:
        """Lets the API's description allow other fields."""

        unknown = ma.EXCLUDE

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        """Require the field, in the API's description."""
        super().on_bind_field(field_name, field_obj)
        field_obj.required = True

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """As marshmallow's without its hooks, but quicker: texts of a row go out as they are."""
        if self.many if many is None else many:
            return [self._dump(one) for one in obj]
        return self._dump(obj)

    def _dump(self, obj: Any) -> dict[str, Any]:
        answer = {}
        value_of = obj.get if isinstance(obj, dict) else functools.partial(getattr, obj)
        for wire, name, field, is_text in self._shown:
            value = value_of(name, ma.missing)
            if value is ma.missing:
                value = field.serialize(name, obj, accessor=self.get_attribute)
                if value is ma.missing:
                    continue
            elif not is_text or not (value is None or type(value) is str):
                value = field._serialize(value, name, obj)
            answer[wire] = value
        return answer

    @functools.cached_property
    def _shown(self) -> list[tuple[str, str, ma.fields.Field[Any], bool]]:
        """Each field: its name on the wire, its name, the field, and whether it is plain text."""
        return [
            (
                str(field.data_key),
                field.attribute or name,
                field,
                type(field)._serialize is ma.fields.String._serialize,
            )
            for name, field in self.dump_fields.items()
        ]


class QuerySchema(_Named):
    """The parameters of a query."""


class RequestSchema(_Named):
    """A body in which `null` for an optional field is the same as leaving it out.

    With `partial=True` it is the body of a `PATCH`: nothing is required, and `null` clears an
    optional field.
    """

    RULES: ClassVar[dict[str, Any]] = {}
    """What else a body that is not partial must satisfy, in JSON Schema, for the description."""

    def on_bind_field(self, field_name: str, field_obj: ma.fields.Field[Any]) -> None:
        """Let optional fields be null."""
        super().on_bind_field(field_name, field_obj)
        field_obj.allow_none = field_obj.allow_none or not field_obj.required

    @ma.pre_load
    def _leave_out_null(self, data: Any, **_: Any) -> Any:
        if self.partial or not isinstance(data, Mapping):
            return data
        optional = self._optional
        return {
            name: value for name, value in data.items() if value is not None or name not in optional
        }

    @functools.cached_property
    def _optional(self) -> set[str | None]:
        """The names on the wire of the fields that may be left out."""
        return {field.data_key for field in self.fields.values() if not field.required}

    def handle_error(self, error: ma.ValidationError, data: Any, **_: Any) -> None:
        """Name the body itself if it is not an object."""
        if isinstance(error.messages, dict) and "_schema" in error.messages:
            error.messages["body"] = error.messages.pop("_schema")
