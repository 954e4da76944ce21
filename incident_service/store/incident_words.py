"""Searching incidents by words: what is each engine's own about it, all in one place.

With SQLite, `incident_words` is a full-text index (FTS5), which triggers keep in step with
`incidents`. With PostgreSQL it is a table of `tsvector`, and `keep` fills it.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from incident_service.database import word_index
from incident_service.database.engine import Connection
from incident_service.store import Row, insert_into
from incident_service.words import words


@dataclass(frozen=True, slots=True)
class Search:
    """How statements find what has the words; all take the values of a `Part`."""

    condition: str
    """Whether the incident, of a part that `parts` gave, has all the words."""
    source: str | None = None
    """The incidents that have all the words, newest first by `order`."""
    order: str = ""
    """What puts `source` in the order of numbers."""


IN_FILE = Search(
    condition="""+incident.sequential_id IN (  -- a + keeps what fits out of the order
        SELECT rowid - :q_base FROM incident_words WHERE incident_words MATCH :q)""",
    source="""incident_words CROSS JOIN incidents AS incident
        ON incident.sequential_id = incident_words.rowid - :q_base
        AND incident_words MATCH :q
        AND incident_words.rowid > :q_base + :after AND incident_words.rowid < :q_base + :before""",
    order="incident_words.rowid",
)

ON_SERVER = Search(
    condition="""incident.sequential_id IN (
        SELECT sequential_id FROM incident_words
        WHERE org_id = :org_id AND words @@ CAST(:q AS tsquery))"""
)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the index: incidents numbered `after < sequential_id < before`."""

    values: Row | None
    """What a `Search` takes; `None` if no incident has all the words."""
    after: int
    before: int


def search(db: Connection) -> Search:
    """Return how the engine searches."""
    return IN_FILE if _is_file(db) else ON_SERVER


def keep(db: Connection, incident: Row, organization: int) -> None:
    """Index an incident; `organization` is the number of its organization."""
    if _is_file(db):
        return
    number, title, description = (
        incident[column] for column in ("sequential_id", "title", "description")
    )
    row = {
        "org_id": incident["org_id"],
        "sequential_id": number,
        "words": word_index.index_words(organization, number, title, description),
    }
    insert = insert_into(
        "incident_words", row, words="array_to_tsvector(string_to_array(:words, ' '))"
    )
    db.executemany(
        f"{insert} ON CONFLICT (org_id, sequential_id) DO UPDATE SET words = excluded.words", (row,)
    )


def keep_again(db: Connection, org_id: str, id: str) -> None:
    """Index an incident that has another title or description."""
    if _is_file(db):
        return
    incident: Row = db.execute(
        """
        SELECT incident.*, organization.number AS organization FROM incidents AS incident
        JOIN organizations AS organization ON organization.id = incident.org_id
        WHERE incident.org_id = :org_id AND incident.id = :id
        """,
        {"org_id": org_id, "id": id},
    ).fetchone()
    keep(db, incident, incident["organization"])


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
        missing = next((word for word in asked if not _occurs(db, org_id, key, word)), None)
        if missing is not None:  # perhaps in the next block too: it is looked for first there
            asked.remove(missing)
            asked.insert(0, missing)
        yield Part(
            None if missing else _values(db, key, asked, number),
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


def _occurs(db: Connection, org_id: str, key: str, word: str) -> bool:
    if _is_file(db):
        query = "SELECT 1 FROM incident_words WHERE incident_words MATCH :q LIMIT 1"
        values = {"q": _match(key, [word])}
    else:
        query = """
            SELECT 1 FROM incident_words
            WHERE org_id = :org_id AND words @@ CAST(:q AS tsquery) LIMIT 1
            """
        values = {"q": _ts_query(key, [word]), "org_id": org_id}
    return db.execute(query, values).fetchone() is not None


def _values(db: Connection, key: str, asked: Sequence[str], number: int) -> Row:
    if _is_file(db):
        return {"q": _match(key, asked), "q_base": number << 32}
    return {"q": _ts_query(key, asked)}


def _match(key: str, asked: Sequence[str]) -> str:
    return " AND ".join(f'"{key}{word}"*' for word in asked)


def _ts_query(key: str, asked: Sequence[str]) -> str:
    return " & ".join(f"'{key}{word}':*" for word in asked)


def _is_file(db: Connection) -> bool:
    return isinstance(db, sqlite3.Connection)
