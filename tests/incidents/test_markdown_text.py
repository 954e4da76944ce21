"""Texts of people and tools in Markdown: they are read as text alone (contract §12)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from incident_service.incidents import markdown_text

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
"""Reads more than the console does: HTML too."""

TEXTS = st.text(
    st.sampled_from("#>+-=*_`~[]()!<&|\\:;.^$\"'/@{}0123ab \t\n\r\u2028\u202e\xa0")
    | st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    max_size=60,
)

SMUGGLED = [
    "[x](https://evil.example)",
    "![x](https://evil.example/pixel.png)",
    "<img src=x onerror=alert(1)>",
    "<https://evil.example>",
    "[x]: https://evil.example\n[x]",
    "a | b\n--- | ---\n1 | 2",
    "a|b\n:-:",
    "```\ncode\n```",
    "    code",
    "title\n===",
    "1. one\n2) two",
    "&lt;b&gt; &#35;",
    "\u202e   # heading",
    "a\n---\n* * *",
]


def words(text: str) -> list[str]:
    return re.sub("[\u202a-\u202e\u2066-\u2069]", "", text).split()


def parsed(markdown: str) -> tuple[list[str], str]:
    """Return which blocks Markdown makes, and its text; fail if it has more than text in it."""
    tokens: Any = PARSER.parse(markdown)
    said = []
    for token in tokens:
        for child in token.children or ():
            assert child.type in ("text", "softbreak", "hardbreak"), (child.type, markdown)
            said.append(child.content or "\n")
        said.append("\n")
    return [token.type for token in tokens if token.type.endswith("_open")], "".join(said)


@given(TEXTS)
@example("a_b _c_ __d__ e_")
def test_a_line_is_text_alone(text: str) -> None:
    blocks, said = parsed(f"- x {markdown_text.line(text)} y\n- z")
    assert blocks == ["bullet_list_open", *["list_item_open", "paragraph_open"] * 2]
    assert said.split() == ["x", *words(text), "y", "z"]


@given(TEXTS)
@example("a ##")
@example("- a")
def test_a_line_may_be_a_heading_or_a_paragraph(text: str) -> None:
    for before, block in (("# ", "heading_open"), ("", "paragraph_open")):
        blocks, said = parsed(f"{before}{markdown_text.line(text)}")
        assert said.split() == words(text)
        assert set(blocks) <= {block}


@given(TEXTS)
def test_a_quote_is_text_alone_and_stays_below_its_item(text: str) -> None:
    quoted = markdown_text.quote(text, "  ")
    blocks, said = parsed(f"- x\n\n{quoted}\n- y")
    assert said.split() == ["x", *words(text), "y"]
    assert blocks.count("list_item_open") == 2
    assert blocks.count("bullet_list_open") == 1
    kinds = {"bullet_list_open", "list_item_open", "paragraph_open", "blockquote_open"}
    assert set(blocks) <= kinds
    assert blocks.count("blockquote_open") == bool(words(text))


@pytest.mark.parametrize("text", SMUGGLED)
def test_nothing_is_smuggled_in(text: str) -> None:
    assert parsed(f"- x\n\n{markdown_text.quote(text, '  ')}\n")[1].split() == ["x", *words(text)]
    assert parsed(f"- x {markdown_text.line(text)}\n")[1].split() == ["x", *words(text)]


def test_a_quote_keeps_lines_paragraphs_and_how_far_they_are_indented() -> None:
    quoted = markdown_text.quote("one\n  two\r\n\n\nthree\n")
    assert quoted == "> one  \n> \xa0\xa0two\n>\n>\n> three"


def test_what_needs_no_escape_has_none() -> None:
    text = "High p99_latency_ms at 5.2% (AT & T): 1,000 requests/s - see #42!"
    assert markdown_text.line(text) == text
