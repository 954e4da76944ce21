"""The text that a new post-mortem starts from: a template with its placeholders filled. Pure."""

from __future__ import annotations

import re

from incident_service.incidents.timeline import Timeline

DEFAULT = """\
# Incident {{number}}: {{title}}

{{summary}}

## What happened

In a few sentences, for somebody who was not there.

## Impact

Who noticed, what did they notice, and for how long?

## Causes

What made it possible, and what set it off? Systems and circumstances, not people.

## What went well

## What went badly

## What we will change

| what | who | until when |
| --- | --- | --- |
| | | |

## Timeline

{{timeline}}
"""
"""What comes with the service."""

PLACEHOLDERS = {
    "number": "the incident's number",
    "title": "its title",
    "summary": "its severity, when it was opened, acknowledged and resolved, owner and components",
    "timeline": "what happened, in order",
}
"""What a template may name in double braces; anything else in braces stays as it is."""

_PLACEHOLDER = re.compile(r"\{\{ ?(" + "|".join(PLACEHOLDERS) + r") ?\}\}")


def fill(template: str, told: Timeline, *, at_most: int) -> str:
    """Return the template with each placeholder replaced, cut to `at_most` characters."""
    values = {
        "number": str(told.number),
        "title": told.title,
        "summary": told.summary,
        "timeline": told.events,
    }
    filled, length = [], 0
    for n, part in enumerate(_PLACEHOLDER.split(template)):  # texts and names by turns
        text = values[part] if n % 2 else part
        filled.append(text)
        length += len(text)
        if length >= at_most:
            break
    return "".join(filled)[:at_most]
