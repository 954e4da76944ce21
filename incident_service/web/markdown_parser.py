"""Reads Markdown within a bounded amount of work, whatever the text.

Some short texts keep the library busy for minutes: thousands of brackets, quotes within quotes,
tables of empty cells. So each step that it takes is counted, and it gives up after `MOST_WORK`.
Link reference definitions are not read: each may search the rest of the text for its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from markdown_it import MarkdownIt, rules_block, rules_inline
from markdown_it.helpers import parseLinkDestination, parseLinkLabel, parseLinkTitle
from markdown_it.parser_block import ParserBlock, RuleFuncBlockType
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

MOST_WORK = 60_000
"""How many steps a text may take: about half a second, or little more than a second if it is all
links or cells of a table. A text of 100,000 characters takes 20,000 steps if it is prose, and
fewer than this if every sentence has markup."""

MOST_LEVELS = 20
"""How deep blocks may be in each other; a list counts twice, for itself and its item."""

LONGEST_TARGET = 2000
"""How many characters the address of a link or its title can have."""

_OUTWARD = re.compile(r"https?:|mailto:", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n]*")

Lead = Callable[[str], str | None]
"""Gives the address for a link that names no scheme, or none if it is not to be a link."""


class TooIntricate(Exception):
    """The text would take too much work, or is nested too deep."""


class _Work:
    """Counts the steps that a text takes."""

    def __init__(self) -> None:
        self.done = 0

    def add(self, steps: int) -> None:
        self.done += steps
        if self.done > MOST_WORK:
            raise TooIntricate


def parse(text: str, lead: Lead) -> list[Token]:
    """Return the tokens of a text. Raises `TooIntricate`."""
    return _PARSER.parse(text, {"work": _Work(), "lead": lead})


def steps(text: str) -> int:
    """Return how many steps a text takes, up to the one after `MOST_WORK`."""
    env: dict[str, Any] = {"work": _Work(), "lead": str}
    try:
        _PARSER.parse(text, env)
    except TooIntricate:
        return MOST_WORK + 1
    done: int = env["work"].done
    return done


class _Blocks(ParserBlock):
    """Refuses what is nested deeper than the library would show."""

    def tokenize(self, state: StateBlock, startLine: int, endLine: int) -> None:
        if state.level >= MOST_LEVELS:
            raise TooIntricate
        super().tokenize(state, startLine, endLine)


class _Inlines(ParserInline):
    """Counts the steps by which the end of a link's text is sought, and what is made."""

    def skipToken(self, state: StateInline) -> None:
        state.env["work"].add(1)
        super().skipToken(state)

    def tokenize(self, state: StateInline) -> None:
        before = len(state.tokens)
        super().tokenize(state)
        state.env["work"].add(len(state.tokens) - before)


class _Parser(MarkdownIt):
    """With tables, task lists and strike-through. Raw HTML is text; an image is a link to it."""

    def __init__(self) -> None:
        super().__init__("js-default", {"tasklists": True, "maxNesting": MOST_LEVELS})
        self.block, self.inline = _Blocks(), _Inlines()
        self.disable(["reference", "html_block", "html_inline", "image"])
        for rule in self.block.ruler.__rules__:
            self.block.ruler.at(rule.name, _counted(rule.fn), {"alt": rule.alt})
        self.inline.ruler.at("text", _text)
        self.inline.ruler.at("link", _link)

    def validateLink(self, url: str) -> bool:
        """Return whether a link may lead there; it names a scheme."""
        return bool(_OUTWARD.match(url))


def _counted(rule: RuleFuncBlockType) -> RuleFuncBlockType:
    """Let a rule for blocks count each time that it is tried, and the cells of tables."""

    def try_it(state: StateBlock, startLine: int, endLine: int, silent: bool) -> bool:
        before = len(state.tokens)
        is_it = rule(state, startLine, endLine, silent)
        cells = (len(state.tokens) - before) // 3 if rule is rules_block.table else 0
        state.env["work"].add(1 + cells)
        return is_it

    return try_it


def _text(state: StateInline, silent: bool) -> bool:
    """Take the text up to the next special character. It is the first rule: it counts the steps."""
    state.env["work"].add(1)
    return rules_inline.text(state, silent)


def _link(state: StateInline, silent: bool) -> bool:
    """Take a link, `[text](address "title")`, or an image, which becomes a link to it."""
    is_image = state.src.startswith("![", state.pos, state.posMax)
    opens = state.pos + is_image
    if state.src[opens] != "[":
        return False
    closes = parseLinkLabel(state, opens, not is_image)
    if closes < 0:
        return False
    href, end = _target(state, closes + 1)
    if not href:
        return False
    if not silent:
        _push_link(state, href, opens + 1, closes, is_image)
    state.pos = end
    return True


def _push_link(state: StateInline, href: str, start: int, end: int, is_image: bool) -> None:
    """Add a link, the text of which is between two places. What is within a link is its text."""
    label = state.src[start:end]
    if state.linkLevel:
        state.append_pending(label)
        return
    state.push("link_open", "a", 1).attrs = {"href": href}
    if is_image or not label.strip():
        state.push("text", "", 0).content = label if label.strip() else href
    else:
        maximum, state.pos, state.posMax = state.posMax, start, end
        state.linkLevel += 1
        state.md.inline.tokenize(state)
        state.linkLevel -= 1
        state.posMax = maximum
    state.push("link_close", "a", -1)


def _target(state: StateInline, pos: int) -> tuple[str, int]:
    """Return where the link leads whose `(` is at a place, and the place behind it."""
    nothing = "", pos
    if pos >= state.posMax or state.src[pos] != "(":
        return nothing
    pos = _behind_spaces(state, pos + 1)
    found = parseLinkDestination(state.src, pos, min(state.posMax, pos + LONGEST_TARGET))
    state.env["work"].add((found.pos - pos if found.ok else LONGEST_TARGET) // 20)
    href = _address(state, found.str) if found.ok else ""
    if not href:
        return nothing
    pos = _behind_spaces(state, found.pos)
    if pos > found.pos and pos < state.posMax and state.src[pos] in "\"'(":
        title = parseLinkTitle(state.src, pos, min(state.posMax, pos + LONGEST_TARGET))
        state.env["work"].add((title.pos - pos if title.ok else LONGEST_TARGET) // 20)
        if not title.ok:
            return nothing
        pos = _behind_spaces(state, title.pos)
    is_closed = pos < state.posMax and state.src[pos] == ")"
    return (href, pos + 1) if is_closed else nothing


def _behind_spaces(state: StateInline, pos: int) -> int:
    found = _SPACES.match(state.src, pos, min(state.posMax, pos + LONGEST_TARGET))
    return found.end() if found else pos


def _address(state: StateInline, written: str) -> str:
    """Return the address that a link's text has; none if it must not lead there."""
    href = state.md.normalizeLink(written)
    if _SCHEME.match(href):
        return href if state.md.validateLink(href) else ""
    return state.env["lead"](href) or ""


_PARSER = _Parser()
OPTIONS = _PARSER.options
