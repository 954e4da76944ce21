"""Turns Markdown into HTML that a strict `Content-Security-Policy` lets through.

Whatever the text, the HTML has the elements and attributes of prose alone: it runs nothing, loads
nothing, and its links lead to other sites only by http, https and mailto.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup, escape

from incident_service.web.links import linked
from incident_service.web.markdown_parser import OPTIONS, Lead, TooIntricate, parse

REL = "nofollow noopener noreferrer"
"""Another site learns nothing of where a link to it was."""

PREFIX = "text-"
"""What the anchors of a text's headings begin with, so that no id of the page is one of them."""

TOO_INTRICATE = "This text has too much markup to lay out, so it is shown as it was written."

_NO_HEADING = "section"
"""The anchor of a heading that has no letters."""


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


def render(text: str, *, lead: Lead, prefix: str = PREFIX, below: int = 1) -> Document:
    """Return the text as HTML; if it is too intricate to lay out, as it was written.

    `lead` gives the address for each link that names no scheme. `prefix` is what anchors begin
    with. `below` is by how many levels headings sink, to stand below others of the page.
    """
    try:
        tokens = parse(text, lead)
    except TooIntricate:
        plain = Markup('<p class="notice">{}</p>\n<pre class="written" tabindex="0">{}</pre>\n')
        return Document(plain.format(TOO_INTRICATE, text), [])
    headings = []
    anchors = _Anchors(prefix)
    for index, token in enumerate(tokens):
        _align_by_class(token)
        if token.type.startswith("heading_"):
            token.tag = f"h{min(int(token.tag[1:]) + below, 6)}"
        if token.type == "heading_open":
            title = "".join(child.content for child in tokens[index + 1].children or ())
            heading = Heading(int(token.tag[1:]), anchors.take(title), title)
            token.attrSet("id", heading.anchor)
            headings.append(heading)
        _mark_links(token.children or ())
    return Document(Markup(_RENDERER.render(tokens, OPTIONS, {})), headings)


def prose(text: str) -> Markup:
    """Return a text that people wrote as HTML: it stands below the page's heading."""
    return render(text, lead=lambda href: None).html


def anchor(text: str) -> str:
    """Return the anchor of a heading, as GitHub spells it."""
    return re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")


class _Anchors:
    """Gives each heading of a text an anchor of its own, as GitHub does: `a`, `a-1`, `a-2`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._uses: dict[str, int] = {}

    def take(self, title: str) -> str:
        first = name = anchor(title) or _NO_HEADING
        while name in self._uses:
            name = f"{first}-{self._uses[first]}"
            self._uses[first] += 1
        self._uses[name] = 1
        return self._prefix + name


class _Renderer(RendererHTML):
    """Lets what is wide scroll or break. What scrolls takes the focus, for the keyboard's sake."""

    def text(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        token = tokens[idx]
        return str(escape(token.content) if token.meta.get("in_link") else linked(token.content))

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f"<code>{escape(tokens[idx].content).replace('_', Markup('_<wbr>'))}</code>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return f'<pre tabindex="0"><code>{escape(tokens[idx].content)}</code></pre>\n'

    code_block = fence

    def list_item_open(
        self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any
    ) -> str:
        is_done = tokens[idx].meta.get("checked")
        box = "" if is_done is None else "☑ " if is_done else "☐ "
        return self.renderToken(tokens, idx, options, env) + box

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return '<div class="table" tabindex="0">\n<table>\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "</table>\n</div>\n"


_RENDERER = _Renderer()


def _align_by_class(token: Token) -> None:
    """Replace the style by which a table's cell is aligned: the policy allows no style."""
    style = token.attrs.pop("style", None)
    if style is not None:
        token.attrSet("class", str(style).replace("text-align:", "align-"))


def _mark_links(tokens: Sequence[Token]) -> None:
    """Say of links to other sites what they are, and of texts whether they are within a link."""
    is_in_link = False
    for token in tokens:
        if token.type == "link_open":
            if re.match(r"[a-z]+:|//", str(token.attrs["href"]), re.IGNORECASE):
                token.attrSet("rel", REL)
            is_in_link = True
        elif token.type == "link_close":
            is_in_link = False
        elif is_in_link:
            token.meta["in_link"] = True
