"""Turns the web addresses in a text into links."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from markupsafe import Markup, escape

_URL = re.compile(
    # Ends before a space, a quote, a control character or one that changes the text's direction.
    r"(?<![^\W_])https?://[^\s<>\"'`\\^{|}\x00-\x20\x7f-\x9f"
    r"\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+",
    re.IGNORECASE,
)
_AFTER = frozenset(".,;:!?*_~…。、，")
"""At the end of an address, these belong to the sentence around it."""

_BRACKETS = {")": "(", "]": "["}

_LINK = Markup('<a href="{}" rel="nofollow noopener noreferrer" dir="ltr">{}</a>')


def linked(text: str) -> Markup:
    """Return the text as HTML: each http or https address is a link, everything else is escaped."""
    parts, end = [], 0
    for match in _URL.finditer(text):
        url = _trimmed(match[0])
        if _has_host(url):
            parts += [escape(text[end : match.start()]), _LINK.format(url, url)]
            end = match.start() + len(url)
    return Markup("").join([*parts, escape(text[end:])])


def _trimmed(url: str) -> str:
    """Return the address without the punctuation of the sentence around it."""
    unopened = {last: url.count(last) - url.count(first) for last, first in _BRACKETS.items()}
    end = len(url)
    while end and (url[end - 1] in _AFTER or unopened.get(url[end - 1], 0) > 0):
        end -= 1
        if url[end] in unopened:
            unopened[url[end]] -= 1
    return url[:end]


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).hostname)
    except ValueError:
        return False
