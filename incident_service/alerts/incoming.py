"""An alert as a tool sent it: what each format yields, and what intake takes (contract §10)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Action = Literal["fire", "resolve", "acknowledge"]
"""What a tool says of an alert."""

Status = Literal["firing", "resolved"]

STATUSES: tuple[Status, ...] = get_args(Status)
"""What an alert is, once it is taken in."""

MAX_KEY = 512
MAX_TITLE = 1024
MAX_DESCRIPTION = 10_000
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_NAME = 255
MAX_ATTRIBUTE = 1000
MAX_LINKS = 20
MAX_LINK_TEXT = 255
MAX_HREF = 2000


@dataclass(frozen=True, slots=True)
class Link:
    """A link that a tool sent with an alert."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class IncomingAlert:
    """What a tool says of one alert. `severity` is the tool's own word, or `None`.

    `title` is empty if the tool gave none. All texts are clean, and as long as the limits allow:
    make one with `incoming_alert`.
    """

    action: Action
    dedup_key: str
    group_key: str
    title: str
    severity: str | None
    description: str | None
    attributes: Mapping[str, str]
    links: tuple[Link, ...]


def incoming_alert(
    action: Action,
    dedup_key: str,
    group_key: str,
    *,
    title: str = "",
    severity: str | None = None,
    description: str | None = None,
    attributes: Mapping[str, str] | None = None,
    links: Iterable[Link] = (),
) -> IncomingAlert:
    """Return an alert whose texts are clean and cut to the limits.

    A key that is too long becomes its SHA-256, so that different keys stay different. An empty
    group key is the dedup key. Raises `ValueError` if that is empty: then all alerts would be one.
    """
    if not dedup_key:
        raise ValueError("An alert has a dedup key.")
    shortened = {
        cut(name, MAX_ATTRIBUTE_NAME): cut(value, MAX_ATTRIBUTE)
        for name, value in list((attributes or {}).items())[:MAX_ATTRIBUTES]
    }
    return IncomingAlert(
        action=action,
        dedup_key=key(dedup_key),
        group_key=key(group_key or dedup_key),
        title=cut(title, MAX_TITLE),
        severity=None if severity is None else clean(severity),
        description=cut(description, MAX_DESCRIPTION) if description else None,
        attributes=shortened,
        links=tuple(
            Link(cut(link.text, MAX_LINK_TEXT), clean(link.href))
            for link in list(links)[:MAX_LINKS]
            if len(link.href) <= MAX_HREF
        ),
    )


def key(text: str) -> str:
    """Return the text as a key, or the SHA-256 of one that is too long."""
    text = clean(text)
    if len(text) <= MAX_KEY:
        return text
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def clean(text: str) -> str:
    """Return the text with U+FFFD in place of what cannot be stored: NUL and lone surrogates."""
    text = text.replace("\0", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cut(text: str, length: int) -> str:
    """Return the clean text, cut to at most `length` characters."""
    text = clean(text)
    return text if len(text) <= length else text[: length - 1] + "…"
