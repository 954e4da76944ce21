"""Searching incidents by words: what is SQLite's own about it, all in one place.

`incident_words` is a full-text index (FTS5), which triggers keep in step with `incidents`. With
PostgreSQL, `CONDITION` is a condition on a `tsvector`, and the only part is all that there is.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from incident_service.database import word_index
from incident_service.database.file import Connection
from incident_service.store import Row
from incident_service.words import words

CONDITION = """+incident.sequential_id IN (  -- a + keeps what fits out of the order
    SELECT rowid - :q_base FROM incident_words WHERE incident_words MATCH :q)"""
"""Whether the incident, of a part that `parts` gave, has all the words."""

SOURCE = """incident_words CROSS JOIN incidents AS incident
    ON incident.sequential_id = incident_words.rowid - :q_base
    AND incident_words MATCH :q
    AND incident_words.rowid > :q_base + :after AND incident_words.rowid < :q_base + :before"""
"""The incidents that have all the words, newest first by `ORDER`."""

ORDER = "incident_words.rowid"
"""What puts `SOURCE` in the order of numbers."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the index: incidents numbered `after < sequential_id < before`."""

    values: Row | None
    """What `CONDITION` and `SOURCE` take; `None` if no incident has all the words."""
    after: int
    before: int


def parts(db: Connection, org_id: str, text: str, *, after: int, before: int) -> Iterator[Part]:
    """Yield the parts, newest first: together all incidents `after < sequential_id < before`."""
    organization: Row = db.execute(
        "SELECT number, last_incident_number FROM organizations WHERE id = :org_id",
        {"org_id": org_id},
    ).fetchone()
    number, last = organization["number"], organization["last_incident_number"]
    bits, before = word_index.BLOCK_BITS, min(before, last + 1)
    asked = sorted(_telling(words(text)), key=len, reverse=True)  # long ones are rare
    for block in range((before - 1) >> bits, ((after + 1) >> bits) - 1, -1):
        key, first = word_index.key(number, block), block << bits
        missing = next((word for word in asked if not _occurs(db, key, word)), None)
        if missing is not None:  # perhaps in the next block too: it is looked for first there
            asked.remove(missing)
            asked.insert(0, missing)
        yield Part(
            None if missing else {"q": _match(key, asked), "q_base": number << 32},
            after=max(after, first - 1),
            before=min(before, first + (1 << bits)),
        )


def _telling(asked: Sequence[str]) -> list[str]:
    """Return the words that begin no other one: what has the longer word has them too.

    So no word of the index is read for two of them, and a search takes no longer than to read all
    words of its parts.
    """
    ordered = sorted(asked)
    return [
        word
        for word, following in itertools.zip_longest(ordered, ordered[1:], fillvalue="")
        if not following.startswith(word)
    ]


def _occurs(db: Connection, key: str, word: str) -> bool:
    found = db.execute(
        "SELECT 1 FROM incident_words WHERE incident_words MATCH :q LIMIT 1",
        {"q": _match(key, [word])},
    ).fetchone()
    return found is not None


def _match(key: str, asked: Sequence[str]) -> str:
    return " AND ".join(f'"{key}{word}"*' for word in asked)
