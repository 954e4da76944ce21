"""Markdown as HTML that can neither run nor load anything (contract §11, §12)."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.web.markdown import PREFIX, REL, TOO_INTRICATE, Heading, prose, render
from incident_service.web.markdown_parser import MOST_WORK, steps

ALLOWED = {
    **{f"h{level}": {"id"} for level in range(1, 7)},
    **{tag: set() for tag in ("p", "em", "strong", "s", "code", "blockquote", "hr", "br", "wbr")},
    **{tag: set() for tag in ("table", "thead", "tbody", "tr")},
    "a": {"href", "rel", "dir"},
    "pre": {"tabindex", "class"},
    "div": {"class", "tabindex"},
    "th": {"class"},
    "td": {"class"},
    "ul": {"class"},
    "ol": {"start", "class"},
    "li": {"class"},
}
"""The elements of prose, and their attributes."""

ALPHABET = "<>\"'&`|-:#*_[]()!~\\^= \n\tax1/.é\u00a0\u202e"

PIECES = st.sampled_from(
    (
        *("[a](", "https://a.b/", "![", "](", "javascript:", "<b>", "> ", "- ", "- [x] ", "1. "),
        *("```\n", "|a|b|\n|-|-|\n", "**", "_", "~~", "`", "\n\n", "\\", "# a\n", "&lt;"),
        *("<!--", "\t", "x"),
    )
)

TEXTS = st.one_of(
    st.text(alphabet=ALPHABET, max_size=200),
    st.text(max_size=100),
    st.lists(PIECES, max_size=60).map("".join),
)

HOSTILE = {
    "brackets": "[",
    "brackets and parentheses": "[](",
    "half links": "[a](b",
    "links with a title that never ends": '[a](b "c',
    "links with parentheses that never end": "[a]((((((((",
    "half images": "![",
    "nested links": "[[a](b)](c)",
    "emphasis": "**a *b_ __",
    "stars": "*a",
    "both kinds of emphasis": "*_",
    "code": "`a`` ",
    "strike-through": "~~a~ ",
    "half tags": "<a@",
    "quotes": ">",
    "quotes in lines": "> > a\n",
    "lists": "- ",
    "lists in lists": "- - - a\n",
    "ordered lists": "1. a\n",
    "lines": "a\n",
    "underlines": "a\n-\n",
    "headings": "# a\n",
    "definitions": "[a]: b 'c\n",
    "definitions of many lines": "[a\n]: b\n\n",
    "columns": "|a",
    "tables": "|a|b|\n|-|-|\n|c\n\n",
    "fences": "```\n",
    "escapes": "\\[",
    "entities": "&amp;",
    "backslashes": "\\",
}
"""What texts that are slow to read are made of."""


class _Shown(HTMLParser):
    """Reads the elements of HTML, their attributes, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.depth: list[str] = []
        self.words = ""
        self.feed(str(html))  # a plain text: what is read is not to be escaped
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("br", "hr", "wbr"):
            self.depth.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.depth.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_pi(self, data: str) -> None:
        raise AssertionError(data)


def guide(text: str, prefix: str = "", below: int = 0) -> str:
    return str(render(text, lead=str, prefix=prefix, below=below).html)


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    text = "## Back up, and *restore*\n\n### `POST /v1/incidents`\n"
    document = render(text, lead=str, prefix="", below=0)
    assert document.headings == [
        Heading(2, "back-up-and-restore", "Back up, and restore"),
        Heading(3, "post-v1incidents", "POST /v1/incidents"),
    ]
    assert '<h2 id="back-up-and-restore">Back up, and <em>restore</em></h2>' in document.html


def test_headings_sink_below_those_of_the_page() -> None:
    html = guide("# One\n\n###### Six\n", prefix="guide.", below=1)
    assert html == '<h2 id="guide.one">One</h2>\n<h6 id="guide.six">Six</h6>\n'


def test_no_two_headings_have_one_anchor() -> None:
    shown = _Shown(prose("# A\n# A-1\n# A\n# A\n# !\n# !\n"))
    assert [attributes["id"] for _, attributes in shown.elements] == [
        "text-a",
        "text-a-1",
        "text-a-2",
        "text-a-3",
        "text-section",
        "text-section-1",
    ]


def test_columns_are_aligned_by_a_class() -> None:
    html = prose("| a | b | c |\n| --- | --: | :-: |\n| 1 | 2 | 3 |\n")
    assert re.findall("<td[^>]*>", html) == [
        "<td>",
        '<td class="align-right">',
        '<td class="align-center">',
    ]
    assert "style" not in html


def test_long_names_may_break_after_an_underscore() -> None:
    assert prose("`A_<B>`") == "<p><code>A_<wbr>&lt;B&gt;</code></p>\n"


def test_a_list_of_tasks_says_what_is_done() -> None:
    shown = _Shown(prose("- [x] Roll back\n- [ ] Write a test\n"))
    assert shown.words.split("\n")[1:3] == ["☑ Roll back", "☐ Write a test"]


def test_a_guide_leads_to_its_neighbours_and_tells_other_sites_nothing() -> None:
    html = guide("[a](b.md#c) [d](https://example.com/) <mailto:a@example.com>")
    assert re.findall("<a([^>]*)>", html) == [
        ' href="b.md#c"',
        f' href="https://example.com/" rel="{REL}"',
        f' href="mailto:a@example.com" rel="{REL}"',
    ]


@pytest.mark.parametrize(
    ("text", "links", "words"),
    [
        ("[a *b*](https://a.b/c)", ["https://a.b/c"], "a b"),
        ('[a](https://a.b "title")', ["https://a.b"], "a"),
        ("[a](<https://a.b/c d> 'title')", ["https://a.b/c%20d"], "a"),
        ("![alt](https://a.b/c.png)", ["https://a.b/c.png"], "alt"),
        ("![](https://a.b/c.png)", ["https://a.b/c.png"], "https://a.b/c.png"),
        ("[](https://a.b)", ["https://a.b"], "https://a.b"),
        ("[![alt](https://a.b)](https://c.d)", ["https://c.d"], "alt"),
        ("![a [b](https://c.d)](https://e.f)", ["https://e.f"], "a [b](https://c.d)"),
        ("see https://a.b/c_d_e.", ["https://a.b/c_d_e"], "see https://a.b/c_d_e."),
        ("[https://a.b](https://c.d)", ["https://c.d"], "https://a.b"),
        ("<https://a.b>", ["https://a.b"], "https://a.b"),
        ("`https://a.b`", [], "https://a.b"),
        ("[a](/incidents/1)", [], "[a](/incidents/1)"),
        ("[a](//a.b)", [], "[a](//a.b)"),
        ("[a](ftp://a.b)", [], "[a](ftp://a.b)"),
        ("[a](javascript:alert(1))", [], "[a](javascript:alert(1))"),
        ("<tel:123>", [], "<tel:123>"),
        ("[a]\n\n[a]: https://a.b", ["https://a.b"], "[a]\n[a]: https://a.b"),
        ("wow! [a](b", [], "wow! [a](b"),
    ],
)
def test_what_people_write_links_to_other_sites_alone(
    text: str, links: list[str], words: str
) -> None:
    shown = _Shown(prose(text))
    found = [attributes for tag, attributes in shown.elements if tag == "a"]
    assert [attributes["href"] for attributes in found] == links
    assert {attributes["rel"] for attributes in found} <= {REL}
    assert shown.words.strip() == words


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt&colon;alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        '[a](https://a.b/"onclick="alert(1))',
        '```"><script>\nx</script>\n```',
        "```\n</code></pre><script>\n```",
        "    </code></pre><script>",
        '# "><script>',
        '| "><script> |\n| --- |\n| "><script> |',
    ],
)
def test_a_text_stays_text(text: str) -> None:
    assert_is_prose(prose(text))
    assert_is_prose(guide(text))


@given(TEXTS)
def test_whatever_the_text_it_has_the_elements_of_prose_alone(text: str) -> None:
    assert_is_prose(prose(text))
    assert_is_prose(guide(text))


def assert_is_prose(html: str) -> None:
    shown = _Shown(html)
    assert shown.depth == []
    ids = []
    for tag, attributes in shown.elements:
        assert set(attributes) <= ALLOWED[tag], tag
        ids += [attributes["id"]] if "id" in attributes else []
        scheme = re.match(r"\s*([^/?#]*?):", attributes.get("href", ""))
        assert scheme is None or scheme[1].lower() in ("http", "https", "mailto")
    assert len(ids) == len(set(ids))


@given(TEXTS)
def test_no_anchor_is_one_of_the_page(text: str) -> None:
    found = [attributes.get("id", PREFIX) for _, attributes in _Shown(prose(text)).elements]
    assert all(id.startswith(PREFIX) for id in found)
    assert "<h1" not in prose(text)


def test_what_is_too_intricate_is_shown_as_it_was_written() -> None:
    text = "[<b>" * 25_000
    shown = _Shown(prose(text))
    assert shown.words == f"{TOO_INTRICATE}\n{text}\n"
    assert shown.elements == [
        ("p", {"class": "notice"}),
        ("pre", {"class": "written", "tabindex": "0"}),
    ]


@pytest.mark.parametrize("text", [">" * 30 + " a", "- " * 30 + "a"])
def test_nothing_of_what_is_nested_too_deep_is_lost(text: str) -> None:
    assert _Shown(prose(text)).words == f"{TOO_INTRICATE}\n{text}\n"


PROSE = """\
## What happened

The payment service answered **12 %** of requests with `503`, see [the graph](https://a.b/c?d=e)
and [the change](https://a.b/f). We rolled it back, and *nobody* lost an order.

- [x] Roll back (Ada)
- [ ] Alert on the length of the queue
  - before it is too late

| when | what |
| --- | --- |
| 10:00 | deployed |

> It was the **cache**.

"""


def test_the_longest_text_is_laid_out_even_if_it_is_full_of_markup() -> None:
    text = PROSE * (100_000 // len(PROSE))
    assert TOO_INTRICATE not in prose(text)


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_reading_takes_as_many_steps_as_a_text_is_long_or_stops(part: str) -> None:
    """Twice the text takes little more than twice the steps, until it is too much."""
    short, long = (steps((part * length)[:length]) for length in (1500, 3000))
    assert long <= 2.5 * short + 100 or steps((part * 30_000)[:30_000]) > MOST_WORK


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_a_rule_does_no_more_than_was_counted(part: str) -> None:
    """The library's own calls are in proportion to the steps: nothing slow hides within one."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    text = (part * 4000)[:4000]
    sys.setprofile(count)
    try:
        prose(text)
    finally:
        sys.setprofile(None)
    assert calls < 60 * (steps(text) + len(text))
