"""The types of the fields in schemas (contract §1)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import marshmallow as ma
from marshmallow import fields, validate

from incident_service.clock import LAST, format_instant, parse_instant, time_zones
from incident_service.http.schemas import Schema
from incident_service.ids import canonical_uuid
from incident_service.names import camel_case
from incident_service.words import words

_MILLISECOND = timedelta(milliseconds=1)


class Text(fields.String):
    """Text of a length in Unicode characters, kept exactly as sent.

    If it may not be empty, it may not be only white space either.
    """

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        # Two validators, because the message of each names the limit that was passed.
        limits = [validate.Length(max=maximum)]
        if minimum > 0:
            limits.append(validate.Length(min=minimum))
            options["metadata"] = {"pattern": r"\S", **options.get("metadata", {})}
        super().__init__(validate=limits, **options)
        self._is_blank_refused = minimum > 0

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if self._is_blank_refused and text and not text.strip():
            raise ma.ValidationError("Only white space.")
        return text


class Words(Text):
    """Text to search for."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text and not words(text):
            raise ma.ValidationError("Has no letter or digit to search for.")
        return text


class List(fields.List[Any]):
    """A list of a length; its items are looked at only if there are not too many.

    With `unique`, it may not contain duplicates.
    """

    def __init__(
        self, item: Any, minimum: int, maximum: int, *, unique: bool = False, **options: Any
    ) -> None:
        # For the API's description, and for the lower limit.
        limits = [validate.Length(max=maximum)]
        if minimum > 0:
            limits.append(validate.Length(min=minimum))
        if unique:
            options["metadata"] = {"uniqueItems": True, **options.get("metadata", {})}
        super().__init__(item, validate=limits, **options)
        self._is_not_too_long = limits[0]
        self._is_unique = unique

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, list):
            self._is_not_too_long(value)
        items = super()._deserialize(value, *args, **kwargs)
        if self._is_unique and len(set(items)) < len(items):
            raise ma.ValidationError("Contains duplicates.")
        return items


class Rows(fields.List[Any]):
    """Many rows in an answer, of a schema whose fields all show their values unchanged.

    It takes much less time than dumping each field of each row.
    """

    def __init__(self, schema: type[Schema], **options: Any) -> None:
        super().__init__(fields.Nested(schema), **options)

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        schema: ma.Schema = self.inner.schema  # type: ignore[attr-defined]  # of a Nested
        names = [(field.data_key, name) for name, field in schema.fields.items()]
        return [{wire: row[name] for wire, name in names} for row in value]


MAX_BY_UUID = 200
MAX_BY_WORD = 100


class ByKey(fields.Dict):
    """Up to `maximum` values, each by a key of its own; their order is kept."""

    maximum: ClassVar[int]

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, Mapping) and len(value) > self.maximum:
            raise ma.ValidationError(f"More than {self.maximum}.")
        try:
            values = super()._deserialize(value, *args, **kwargs)  # type: ignore[no-untyped-call]
        except ma.ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            # marshmallow tells keys from values; clients need not.
            raise ma.ValidationError(
                {id: [*itertools.chain(*sides.values())] for id, sides in error.messages.items()}
            ) from None
        if len(values) < len(value):
            raise ma.ValidationError("Contains duplicates.")
        return values


class ByUUID(ByKey):
    """Up to `MAX_BY_UUID` values by UUID, each in any letter case."""

    maximum = MAX_BY_UUID

    def __init__(self, values: Any, **options: Any) -> None:
        super().__init__(keys=UUID(), values=values, **options)


class ByWord(ByKey):
    """Up to `MAX_BY_WORD` values by a word, whose letter case does not tell it from another."""

    maximum = MAX_BY_WORD

    def __init__(self, values: Any, **options: Any) -> None:
        super().__init__(keys=Text(1, 255), values=values, **options)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        values = super()._deserialize(value, *args, **kwargs)
        if len({word.casefold() for word in values}) < len(values):
            raise ma.ValidationError("Contains duplicates.")
        return values


class UUID(fields.String):
    """A UUID in canonical form; any letter case in, lower case out."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return canonical_uuid(super()._deserialize(value, *args, **kwargs))
        except ma.ValidationError:
            raise
        except ValueError as error:
            raise ma.ValidationError(str(error)) from None


class Instant(fields.String):
    """An RFC 3339 instant, kept in the spelling in which it was sent (contract §1)."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        _parse_instant(text)
        return text


class Boolean(fields.Boolean):
    """True or false, and nothing that only looks like it."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value

    def _serialize(self, value: Any, *_: Any, **__: Any) -> bool:
        return bool(value)  # a row has 0 or 1


class QueryInstant(fields.String):
    """An RFC 3339 instant in a query, as a `datetime`."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        return _parse_query_instant(super()._deserialize(value, *args, **kwargs))


class QueryDay(fields.String):
    """An RFC 3339 instant in a query, or a date: its first millisecond in UTC, or its last.

    Becomes a `datetime` of whole milliseconds; a finer `from` is rounded up, a finer `to` down.
    """

    def __init__(self, *, end: bool, **options: Any) -> None:
        super().__init__(**options)
        self._end = end

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            text += "T23:59:59.999Z" if self._end else "T00:00:00Z"
        instant = _parse_query_instant(text)
        excess = timedelta(microseconds=instant.microsecond % 1000)
        if excess and not self._end and instant < LAST - _MILLISECOND:
            instant += _MILLISECOND
        return instant - excess


class QueryInteger(fields.String):
    """A whole number in a query."""

    def __init__(self, minimum: int, maximum: int, **options: Any) -> None:
        super().__init__(metadata={"minimum": minimum, "maximum": maximum}, **options)
        self._range = validate.Range(minimum, maximum)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if not re.fullmatch(r"-?[0-9]{1,18}", text):
            raise ma.ValidationError("Not a whole number.")
        return self._range(int(text))


class QueryBoolean(fields.String):
    """`true` or `false` in a query."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        text = super()._deserialize(value, *args, **kwargs)
        if text not in ("true", "false"):
            raise ma.ValidationError("Must be true or false.")
        return text == "true"


class UTCInstant(fields.Field[datetime]):
    """An instant that the service made, in UTC with milliseconds."""

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return None if value is None else format_instant(value)


def check_order(values: Mapping[str, Any], first: str, second: str) -> None:
    """Raise `ValidationError` if both instants are given and the second is not after the first."""
    begin, end = values.get(first), values.get(second)
    if begin is not None and end is not None and _as_instant(end) <= _as_instant(begin):
        name = camel_case(second)
        raise ma.ValidationError(f"Must be after {camel_case(first)}.", name)


def _as_instant(value: str | datetime) -> datetime:
    return value if isinstance(value, datetime) else parse_instant(value)


def _parse_instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise ma.ValidationError(str(error)) from None


def _parse_query_instant(text: str) -> datetime:
    try:
        return parse_instant(text)
    except ValueError as error:
        hint = " (A + in a query is written %2B.)" if " " in text else ""
        raise ma.ValidationError(f"{error}{hint}") from None


class TimeZone(fields.String):
    """The IANA name of a time zone."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        name = super()._deserialize(value, *args, **kwargs)
        if name not in time_zones():
            raise ma.ValidationError("Not an IANA time zone.")
        return name


class WallTime(fields.String):
    """A time of day, `HH:MM`."""

    def __init__(self, **options: Any) -> None:
        pattern = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]"
        super().__init__(
            validate=validate.Regexp(rf"{pattern}\Z", error="Not a time HH:MM."),
            metadata={"pattern": f"{pattern}$"},  # JSON Schema's regular expressions have no \Z
            **options,
        )
