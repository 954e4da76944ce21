"""What search takes as the words of a text (contract §3)."""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.database.word_index import index_words, key
from incident_service.words import MAX_LENGTH, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("!? -- 🔥❤️", []),
        ("Payment service: payment FAILED", ["payment", "service", "failed"]),
        ("db-7.eu_west/5xx, 12%", ["db", "7", "eu", "west", "5xx", "12"]),
        ("don't", ["don", "t"]),
        ("Café, cafe\u0301, CAFÉ", ["cafe"]),
        ("Straße STRASSE", ["strasse"]),
        ("İstanbul ISTANBUL", ["istanbul"]),
        ("Ελλάδα ΕΛΛΆΔΑ", ["ελλαδα"]),
        ("Ёлка ёлка", ["елка"]),
        ("ﬁre ＦＩＲＥ", ["fire"]),
        ("so\u00adft", ["soft"]),
        ("支払サーバー", ["支", "払", "サーハー"]),
        ("ระบบชำระเงิน", [unicodedata.normalize("NFKD", "ระบบชำระเงิน")]),
        ("स्थिति", ["स्थिति"]),
        ("x" * 65, ["x" * 64]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text())
def test_letter_case_does_not_matter(text: str) -> None:
    assert words(text.casefold()) == words(text)


@given(st.text())
def test_words_are_words(text: str) -> None:
    found = words(text)
    assert words(" ".join(found)) == found
    assert all(1 <= len(word) <= MAX_LENGTH for word in found)


@given(st.text(), st.text())
def test_the_index_cuts_no_word_and_no_two_words_meet_in_it(title: str, description: str) -> None:
    """SQLite takes what the service calls a word as one word."""
    indexed = index_words(7, 10_000, title, description)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE texts USING fts5 (words, tokenize = 'ascii')")
        db.execute("CREATE VIRTUAL TABLE terms USING fts5vocab ('texts', 'row')")
        db.execute("INSERT INTO texts VALUES (?)", (indexed,))
        terms = {term for (term,) in db.execute("SELECT term FROM terms")}
    assert terms == {key(7, 1) + word for word in words(f"{title} {description}")}
