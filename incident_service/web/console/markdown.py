"""Turns Markdown into HTML that a strict `Content-Security-Policy` lets through."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
"""How a link begins that leads to another host, or to another program."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading, and the anchor by which a link leads to it."""

    level: int
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """The HTML of a text, and its headings in order."""

    html: Markup
    headings: list[Heading]


class _Renderer(RendererHTML):
    """Lets what is wide scroll or break. What scrolls takes the focus, for the keyboard's sake."""

    def code_inline(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f"<code>{escape(tokens[idx].content).replace('_', Markup('_<wbr>'))}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return f'<pre tabindex="0"><code>{escape(tokens[idx].content)}</code></pre>\n'

    code_block = fence

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return '<div class="table" tabindex="0">\n<table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        return "</table>\n</div>\n"


_PARSER = MarkdownIt("js-default", renderer_cls=_Renderer)
"""With tables, without raw HTML: it is shown as text."""


def render(
    text: str, *, link: Callable[[str], str] = str, prefix: str = "", below: int = 0
) -> Document:
    """Return the text as HTML.

    `link` gives the address for each link that stays on this host. `prefix` is what anchors begin
    with. `below` is by how many levels headings sink, to stand below others of the page.
    """
    env: dict[str, Any] = {}
    tokens = _PARSER.parse(text, env)
    headings = []
    for index, token in enumerate(tokens):
        _align_by_class(token)
        if token.type.startswith("heading_"):
            token.tag = f"h{min(int(token.tag[1:]) + below, 6)}"
        if token.type == "heading_open":
            heading = _heading(int(token.tag[1:]), tokens[index + 1], prefix)
            token.attrSet("id", heading.anchor)
            headings.append(heading)
        for child in token.children or ():
            if child.type == "link_open":
                _lead(child, link)
    html = _PARSER.renderer.render(tokens, _PARSER.options, env)
    return Document(Markup(html), headings)


def anchor(text: str) -> str:
    """Return the anchor of a heading, as GitHub spells it."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")


def _heading(level: int, inline: Token, prefix: str) -> Heading:
    text = "".join(child.content for child in inline.children or ())
    return Heading(level, prefix + anchor(text), text)


def _align_by_class(token: Token) -> None:
    """Replace the style by which a table's cell is aligned: the policy allows no style."""
    style = token.attrs.pop("style", None)
    if style is not None:
        token.attrSet("class", str(style).replace("text-align:", "align-"))


def _lead(token: Token, link: Callable[[str], str]) -> None:
    """Lead a link to where it belongs; another host learns nothing of where it was."""
    href = str(token.attrs["href"])
    if _ELSEWHERE.match(href):
        token.attrSet("rel", "noopener noreferrer")
    else:
        token.attrSet("href", link(href))
