"""Takes texts, maps and links out of JSON that may have any shape, and never fails (§10)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from incident_service.alerts.incoming import MAX_ATTRIBUTES, MAX_HREF, Link
from incident_service.errors import Unreadable

MAX_DEPTH = 8
"""How deep a map is taken apart; what is deeper stays one text, as JSON."""

_TAG = re.compile(r"([^:=]+)[:=](.+)", re.DOTALL)


def object_at(where: str, value: Any) -> Mapping[str, Any]:
    """Return the value. Raises `Unreadable` if it is not an object."""
    if not isinstance(value, dict):
        raise Unreadable(f"{where}: Not an object.")
    return value


def part(value: Any, name: str) -> Mapping[str, Any]:
    """Return the object that has the name in the value, or an empty one."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def items(value: Any, name: str) -> list[Any]:
    """Return the list that has the name in the value, or an empty one."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def text_at(value: Any, *names: str) -> str:
    """Return the first text that has one of the names in the value, or an empty one."""
    if isinstance(value, dict):
        for name in names:
            text = as_text(value.get(name))
            if text:
                return text
    return ""


def as_text(value: Any) -> str:
    """Return any JSON value as a text: empty for null and white space, JSON for an object."""
    if isinstance(value, str):
        return value if value.strip() else ""
    if value is None or value == [] or value == {}:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(filter(None, map(as_text, value)))
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):  # what an expression made, or too deep
        return "…"


def one_line(text: str) -> str:
    """Return the text as a title: one line, single spaces."""
    return " ".join(text.split())


def flat(*maps: Mapping[str, Any]) -> dict[str, str]:
    """Return the maps as one of texts, as many as an alert keeps.

    What is inside another is named by its way: `host.name`. The first of equal names counts, and
    what has no text is left out.
    """
    attributes: dict[str, str] = {}
    for each in maps:
        for name, text in _leaves(each, "", 0):
            if len(attributes) == MAX_ATTRIBUTES:
                return attributes
            attributes.setdefault(name, text)
    return attributes


def _leaves(value: Mapping[str, Any], before: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, item in value.items():
        way = before + str(name)
        if isinstance(item, dict) and depth < MAX_DEPTH:
            yield from _leaves(item, way + ".", depth + 1)
        elif way.strip() and (text := as_text(item)):
            yield way, text


def tags(values: Iterable[Any]) -> dict[str, str]:
    """Return the tags `name:value` or `name=value` as a map, and all of them under `tags`."""
    texts = [text.strip() for text in map(as_text, values) if text]
    pairs = [match.groups() for match in map(_TAG.fullmatch, texts) if match]
    return {**{name.strip(): value for name, value in reversed(pairs)}, "tags": ", ".join(texts)}


def links(*pairs: tuple[str, Any]) -> list[Link]:
    """Return what can be followed of pairs of text and address, each address once."""
    found: dict[str, str] = {}
    for text, value in pairs:
        href = as_text(value).strip()
        if is_address(href):
            found.setdefault(href, one_line(text) or href)
    return [Link(text, href) for href, text in found.items()]


def is_address(text: str) -> bool:
    """Whether the text is the address of a page, and no script or file."""
    scheme, _, rest = text.partition("://")
    return (
        scheme.lower() in ("http", "https")
        and rest[:1] not in ("", "/")
        and len(text) <= MAX_HREF
        and not any(character.isspace() for character in text)
    )


def digest(where: str, *values: Any) -> str:
    """Return a key made of the values: the same for the same, in whatever order an object is.

    Raises `Unreadable` if they are nested too deep.
    """
    try:
        text = json.dumps(values, sort_keys=True)
    except RecursionError:
        raise Unreadable(f"{where}: Nested too deep.") from None
    return hashlib.sha256(text.encode()).hexdigest()
