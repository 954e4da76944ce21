"""Markdown as HTML that can neither run nor load anything (contract §11)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_service.web.console.markdown import Heading, render

OURS = (
    "h[1-6]|p|a|em|strong|s|code|pre|div|table|thead|tbody|tr|t[hd]|ul|ol|li|blockquote|hr|w?br|img"
)


def test_headings_have_the_anchors_that_github_gives_them() -> None:
    document = render("## Back up, and *restore*\n\n### `POST /v1/incidents`\n")
    assert document.headings == [
        Heading(2, "back-up-and-restore", "Back up, and restore"),
        Heading(3, "post-v1incidents", "POST /v1/incidents"),
    ]
    assert '<h2 id="back-up-and-restore">Back up, and <em>restore</em></h2>' in document.html


def test_headings_sink_below_those_of_the_page() -> None:
    document = render("# One\n\n###### Six\n", prefix="guide.", below=1)
    assert document.html == '<h2 id="guide.one">One</h2>\n<h6 id="guide.six">Six</h6>\n'


def test_columns_are_aligned_by_a_class() -> None:
    html = render("| a | b | c |\n| --- | --: | :-: |\n| 1 | 2 | 3 |\n").html
    assert re.findall("<td[^>]*>", html) == [
        "<td>",
        '<td class="align-right">',
        '<td class="align-center">',
    ]
    assert "style" not in html


def test_long_names_may_break_after_an_underscore() -> None:
    assert render("`A_<B>`").html == "<p><code>A_<wbr>&lt;B&gt;</code></p>\n"


def test_links_stay_here_or_tell_nothing_elsewhere() -> None:
    html = render(
        "[a](b.md#c) [d](https://example.com/) [e](//example.com) <mailto:a@example.com>",
        link=lambda href: href.upper(),
    ).html
    told = ' rel="noopener noreferrer"'
    assert re.findall("<a([^>]*)>", html) == [
        ' href="B.MD#C"',
        f' href="https://example.com/"{told}',
        f' href="//example.com"{told}',
        f' href="mailto:a@example.com"{told}',
    ]


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "a <img src=x onerror=alert(1)> b",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt&colon;alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        '```"><script>\nx</script>\n```',
        "```\n</code></pre><script>\n```",
        "    </code></pre><script>",
        '# "><script>',
        '| "><script> |\n| --- |\n| "><script> |',
    ],
)
def test_a_text_stays_text(text: str) -> None:
    html = render(text).html
    assert not re.search(r"<(script|img)|href=\"(javascript|data):", html, re.IGNORECASE)


@given(st.text(alphabet="<>\"'&`|-:#*_[]()!~\\ \n\tax1:/.", max_size=200))
def test_no_text_becomes_an_element_of_its_own(text: str) -> None:
    html = render(text).html
    assert "<" not in re.sub(rf"</?(?:{OURS})(?: [a-z]+=\"[^\"<>]*\")*>", "", html)
    assert not re.search(r"<[^>]* (style|on\w+)=", html)
