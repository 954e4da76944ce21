"""How `incident_words` is laid out: what `schema.sql` and the search in `store/` agree on.

The words of an organization's incidents are indexed by blocks of consecutive numbers: each word
begins with a key of its organization and block. So a search reads the newest block first, and
nothing of other organizations; and how long it takes for one block is bounded.
"""

from __future__ import annotations

import sqlite3

from incident_service.words import words

BLOCK_BITS = 13
"""A block has 2 ** 13 incidents."""

_KEY = "{:06x}{:04x}"
"""The schema's prefix indexes are for words of one and two characters after these ten."""


def key(organization: int, block: int) -> str:
    """Return what the words of a block begin with; `organization` is its number."""
    return _KEY.format(organization, block)


def index_words(organization: int, number: int, title: str, description: str | None) -> str:
    """Return the words of an incident as they are indexed; `number` is its `sequential_id`."""
    of_block = key(organization, number >> BLOCK_BITS)
    return " ".join(of_block + word for word in words(f"{title}\n{description or ''}"))


def register(connection: sqlite3.Connection) -> None:
    """Let the schema's triggers call `index_words`."""
    connection.create_function("index_words", 4, index_words, deterministic=True)
