"""Finding incidents by words of their titles and descriptions (contract §3)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incident_service import quickstart
from incident_service.database import word_index
from incident_service.store import incident_words, incidents
from tests.helpers.world import World


def post(world: World, title: str, description: str | None = None, **fields: Any) -> Any:
    answer = world.post(world.body(title=title, description=description, **fields))
    assert answer.status_code == 201, answer.json
    return answer.json["data"]


def found(world: World, q: str, **query: str) -> list[int]:
    """Return the numbers of the incidents found, from page to page."""
    return [number for page in pages(world, q, **query) for number in page]


def pages(world: World, q: str, **query: str) -> Iterator[list[int]]:
    while True:
        answer = world.call("GET", "incidents", q=q, **query)
        assert answer.status_code == 200, answer.json
        yield [incident["sequentialId"] for incident in answer.json["data"]["incidents"]]
        if answer.json["data"]["nextCursor"] is None:
            return
        query["cursor"] = answer.json["data"]["nextCursor"]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the index have a block for every two incidents."""
    monkeypatch.setattr(word_index, "BLOCK_BITS", 1)


def test_every_word_must_occur_or_begin_one(world: World) -> None:
    post(world, "Checkout is slow", "Errors above 5 % at db-eu-west-1.")
    post(world, "Checkout fails")
    assert found(world, "checkout") == [2, 1]
    assert found(world, "check") == [2, 1]
    assert found(world, "c") == [2, 1]
    assert found(world, "slow check err") == [1]
    assert found(world, "west 5") == [1]
    assert found(world, "checkout slowly") == []
    assert found(world, "heckout") == []


@pytest.mark.parametrize("q", ["CAFÉ", "cafe", "Cafe\u0301", "ca", "  café!  ", '"café"', "café*"])
def test_letter_case_accents_and_punctuation_do_not_matter(world: World, q: str) -> None:
    post(world, "Café-Bestellung langsam")
    assert found(world, q) == [1]


@pytest.mark.parametrize(
    ("title", "q"),
    [
        ("Склад недоступен", "склад НЕДОСТ"),
        ("データベース障害", "障害"),
        ("支払いサーバーが停止", "サーバ"),
        ("ระบบชำระเงินล่ม", "ระบบ"),
        ("결제 서비스 장애", "서비스"),
        ("भुगतान सेवा धीमी है", "सेवा"),
        ("الدفع معطّل", "معطل"),
    ],
)
def test_other_scripts(world: World, title: str, q: str) -> None:
    post(world, title)
    assert found(world, q) == found(world, title) == [1]


@pytest.mark.parametrize("q", ["checkout", "zeppelin"], ids=["of many", "of few"])
@pytest.mark.parametrize(
    "names",
    [
        ("status",), ("open",), ("severity",), ("ownerId",), ("componentId",), ("from",), ("to",),
        ("from", "to"), ("open", "severity"), ("status", "ownerId", "componentId"),
        ("severity", "ownerId", "componentId", "from", "to"), ("resolved",), ("provisional",),
    ],
    ids="+".join,
)  # fmt: skip
def test_with_every_other_filter(
    world: World, small_blocks: None, q: str, names: tuple[str, ...]
) -> None:
    ben = world.make("users", email="ben@example.com")["id"]
    made = [
        post(
            world,
            f"Checkout {'zeppelin' if number % 6 == 1 else ''} {number}",
            severity=("high", "low")[number % 2],
            ownerId=(ben, world.made.user_id)[number // 2 % 2],
            componentIds=[world.made.component_id] if number % 4 < 2 else [],
        )
        for number in range(12)
    ]
    for incident in made[::3]:
        world.call("POST", f"incidents/{incident['id']}/resolve")
    values = {
        "status": ("status", "investigating"),
        "open": ("status", "open"),
        "resolved": ("status", "resolved"),
        "severity": ("severity", "low"),
        "ownerId": ("ownerId", ben),
        "componentId": ("componentId", world.made.component_id),
        "from": ("from", made[2]["createdAt"]),
        "to": ("to", made[9]["createdAt"]),
        "provisional": ("provisional", "true"),
    }
    query = dict(values[name] for name in names)
    listed = world.call("GET", "incidents", limit="100", **query).json["data"]["incidents"]
    expected = [each["sequentialId"] for each in listed if q in each["title"].casefold().split()]
    assert found(world, q, limit="2", **query) == expected


def test_pages_neither_skip_nor_repeat(world: World, small_blocks: None) -> None:
    for number in range(1, 8):
        post(world, f"Checkout {number}")
    walk = pages(world, "check", limit="3")
    assert next(walk) == [7, 6, 5]
    post(world, "Checkout 8")
    assert list(walk) == [[4, 3, 2], [1]]


def test_a_search_that_takes_long_says_how_far_it_came(
    world: World, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(7):
        post(world, f"Checkout is {('even', 'odd')[n % 2]}")
    monkeypatch.setattr(incidents, "SEARCH_SECONDS", 0)
    # Blocks are 6 and 7, 4 and 5, 2 and 3, and 1.
    assert list(pages(world, "checkout")) == [[7, 6], [5, 4], [3, 2], [1]]
    assert list(pages(world, "checkout", limit="1")) == [[n] for n in range(7, 0, -1)]
    assert list(pages(world, "odd")) == [[6], [4], [2], []]
    assert list(pages(world, "even odd")) == [[]] * 4
    assert list(pages(world, "zeppelin")) == [[]] * 4
    assert list(pages(world, "odd", status="resolved")) == [[]] * 4


def test_words_that_begin_others_are_not_searched_for(world: World) -> None:
    post(world, "Errors at checkout", "Erroneous")
    assert found(world, "e er err erro error c ch") == [1]
    assert found(world, "e er err erro error c ch x") == []
    with world.database.read() as db:
        (part,) = incident_words.parts(
            db, world.made.org_id, "e er err erro error c ch", after=0, before=9
        )
    assert part.values is not None
    assert part.values["q"].count("*") == 2


def test_an_edit_brings_its_words_and_takes_the_old_ones(world: World) -> None:
    path = f"incidents/{post(world, 'Checkout slow', 'Since noon')['id']}"
    assert world.call("PATCH", path, {"title": "Login slow"}).status_code == 200
    assert (found(world, "checkout"), found(world, "login slow noon")) == ([], [1])
    assert world.call("PATCH", path, {"description": None}).status_code == 200
    assert (found(world, "noon"), found(world, "login")) == ([], [1])


def test_an_edit_that_fails_changes_no_words(world: World) -> None:
    post(world, "Checkout slow")
    with pytest.raises(ZeroDivisionError):
        world.database.write(
            None, lambda db, **_: (db.execute("UPDATE incidents SET title = 'Login'"), 1 // 0)
        )
    assert (found(world, "checkout"), found(world, "login")) == ([1], [])


def test_nothing_of_another_organization_is_found(
    world: World, other_org: quickstart.Provisioned
) -> None:
    post(world, "Checkout slow")
    answer = world.call("GET", "incidents", q="checkout", key=other_org.key)
    assert answer.json["data"] == {"incidents": [], "nextCursor": None}


@pytest.mark.parametrize(
    "q",
    [
        '"', '""', "'", "');--", "a OR b", "NOT a", "AND", "NEAR(a b, 3)", "title:x", "words:x",
        "-a", "^a", "a*", "*", "a + b", "{a b}", "%", "_", "\\", "🔥", "ա", "ﷺ", "ß", "\u0301",
        "\u200d", "\uffff", "a\tb\nc", "x" * 200, "a " * 100, " ".join(f"{n}" for n in range(50)),
        "0000010000checkout", "𝔠𝔥𝔢𝔠𝔨",
    ],
)  # fmt: skip
def test_an_ugly_query_is_answered(world: World, q: str) -> None:
    post(world, "Nothing that matters")
    answer = world.call("GET", "incidents", q=q)
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        assert answer.json["data"] == {"incidents": [], "nextCursor": None}


@pytest.mark.parametrize(
    ("q", "message"),
    [
        ("", "Shorter than minimum length 1."),
        ("  ", "Only white space."),
        ("?! 🔥", "Has no letter or digit to search for."),
        ("word " * 41, "Longer than maximum length 200."),
    ],
)
def test_what_cannot_be_searched_for(world: World, q: str, message: str) -> None:
    answer = world.call("GET", "incidents", q=q)
    assert (answer.status_code, answer.json["code"]) == (400, "validation_error")
    assert answer.json["errors"] == {"q": [message]}


WORDS = ("a", "ab", "abc", "Äbc", "abcd", "b", "bé", "bc", "BCD", "Ωμέγα", "омега", "1", "12", "é1")
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)


def folded(text: str) -> set[str]:
    plain = (c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return set("".join(plain).split())


def words_of(row: dict[str, Any]) -> set[str]:
    return folded(f"{row['title']} {row['description'] or ''}")


@given(data=st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_search_finds_what_a_plain_comparison_finds(
    world: World, small_blocks: None, data: st.DataObject
) -> None:
    """Each example adds to what the ones before have left in the file."""
    for _ in range(data.draw(st.integers(1, 5))):
        post(world, " ".join(data.draw(texts)), data.draw(st.none() | texts.map(" ".join)))
    incidents = world.rows("SELECT * FROM incidents ORDER BY sequential_id DESC")
    for q in data.draw(st.lists(texts.map(" ".join), min_size=5, max_size=10)):
        expected = [
            row["sequential_id"]
            for row in incidents
            if all(any(word.startswith(asked) for word in words_of(row)) for asked in folded(q))
        ]
        assert found(world, q, limit="3") == expected
