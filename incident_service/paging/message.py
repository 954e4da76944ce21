"""The text of a page, in the length and markup that a service takes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from incident_service.paging.page import Page

MAX_DESCRIPTION = 1000
"""The most characters of an incident's description in a message."""

SMS_LENGTH = 160
"""Characters that fit in one text message."""

Fits = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Markup:
    """How a service wants text escaped, and the acknowledge link written."""

    text: Callable[[str], str]
    link: Callable[[str], str] = "Acknowledge: {}".format


_ADDRESS = re.compile(
    r"(https?://[^\s<>\"'`\\^{|}*\[\]\x00-\x20\x7f-\x9f"
    r"\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+)",
    re.IGNORECASE,
)


def _around_addresses(change: Callable[[str], str], text: str) -> str:
    """Return the text, changed except for its web addresses, which must still lead somewhere."""
    parts = _ADDRESS.split(text)
    parts[::2] = map(change, parts[::2])
    # Chats look for mentions in addresses too. Escaped, an address leads to the same place.
    parts[1::2] = (re.sub(r"(?i)@(?=everyone|here|channel|all)", "%40", a) for a in parts[1::2])
    return "".join(parts)


def _guarded(text: str) -> str:
    """Return the text with an invisible space in whatever a chat would read as mention or emoji."""

    def guarded(text: str) -> str:
        text = re.sub(r"(?<!\w)@(?=\S)", "@\u200b", text)  # @here, @**all**
        text = re.sub(r"<(?=[!@#]|at\b|users/)", "<\u200b", text)  # <!channel>, <at id=all>
        # :smile:, but not 08:23:11 and fe80::1:2
        return re.sub(r"(?i):(?=[\w+-]+:)(?!(?<=[\da-f:]:)[\da-f]{1,4}:)", ":\u200b", text)

    return _around_addresses(guarded, text)


def _markdown(escaped: str) -> Markup:
    """Return the kind of Markdown in which a backslash escapes each character of `escaped`."""
    special = re.compile(f"[{re.escape(escaped)}]")

    def line(text: str) -> str:
        body = text.lstrip(" \t")
        indent = "\N{NO-BREAK SPACE}" * (len(text) - len(body))
        body = _around_addresses(lambda part: special.sub(r"\\\g<0>", part), body)
        body = re.sub(r"^(?=[#>+=-])", r"\\", body)  # a heading, a quote, a list
        return indent + re.sub(r"^(\d+)(?=[.)])", r"\1\\", body)

    def text(text: str) -> str:
        # Markdown joins lines, unless two spaces end the first one.
        return "  \n".join(map(line, _guarded(text).split("\n"))).replace("  \n  \n", "\n\n")

    return Markup(text, "[Acknowledge]({})".format)


PLAIN = Markup(lambda text: text)
CHAT = Markup(_guarded)
"""Plain text, without mentions and emoji."""
COMMONMARK = _markdown("\\`*_[]<>~|&")
MATTERMOST = _markdown("\\`*_[]~|")
ROCKET_CHAT = _markdown("`*_~")
TELEGRAM = Markup(lambda text: html.escape(_guarded(text), quote=False))
MAIL = Markup(lambda text: text.replace("=?", "=\u200b?").replace("{{", "{\u200b{"))
"""For mail services. Some fill in `{{templates}}`; `=?` begins an encoded word in a subject."""


def headline(page: Page) -> str:
    """Return the page's subject in one line."""
    return " ".join(f"[{page.severity}] #{page.number} {page.title}".split())


def text(
    page: Page, *, fits: Fits | None = None, markup: Markup = PLAIN, titled: bool = True
) -> str:
    """Return the page's body, which begins with the headline unless the message is `titled`.

    To make it fit, the description is cut first, then the components, and the title last.
    """

    def render(page: Page) -> str:
        return "\n\n".join(_paragraphs(page, markup, titled))

    return _cut(page, render, fits or (lambda _: True), fits or (lambda _: True))


def brief(page: Page, *, fits: Fits, markup: Markup = PLAIN) -> str:
    """Return the page in one line for a text message of `SMS_LENGTH`, if the title fits into it.

    The link comes early, because services cut a message at its end. `fits` says whether the
    service takes the line at all.
    """

    def render(page: Page) -> str:
        if page.notice is not None:
            return " ".join((_line(f"#{page.number}: {page.title}.", markup), page.notice))
        to = "owner" if page.layer is None else f"layer {page.layer}"
        if page.last_resort:
            to = "last resort"
        parts = [
            _line(f"{page.severity} #{page.number}, {to}: {page.title}", markup),
            page.acknowledge_url,
            _line(", ".join(page.components), markup),
            _line(page.description or "", markup),
        ]
        return " ".join(part for part in parts if part)

    return _cut(page, render, lambda line: len(line) <= SMS_LENGTH and fits(line), fits)


def shortened(text: str, length: int, ending: str = "…") -> str:
    """Return the text, cut to at most `length` characters."""
    if len(text) <= length:
        return text
    return text[: max(0, length - len(ending))].rstrip() + ending


def _line(text: str, markup: Markup) -> str:
    return markup.text(" ".join(text.split()))


def _reason(page: Page) -> str:
    """Return why the user is paged."""
    if page.last_resort:
        return "Nobody else could be paged."
    return "You own this incident." if page.layer is None else f"Escalation layer {page.layer}."


def _paragraphs(page: Page, markup: Markup, titled: bool) -> list[str]:
    paragraphs = [] if titled else [headline(page)]
    if page.notice is not None:
        paragraphs.append(page.notice)
    else:
        paragraphs.append(_reason(page))
        if page.components:
            paragraphs.append(f"Components: {', '.join(page.components)}")
        paragraphs.append((page.description or "").strip())
    written = [markup.text(paragraph) for paragraph in paragraphs if paragraph]
    if page.notice is None and page.acknowledge_url:
        written.append(markup.link(page.acknowledge_url))
    return written


def _cut(page: Page, render: Callable[[Page], str], aim: Fits, fits: Fits) -> str:
    """Render the page, cut until it meets `aim`; the title is cut only until it `fits`."""
    page = _with_description(page, MAX_DESCRIPTION)
    steps: list[tuple[Callable[[Page, int], Page], int, Fits]] = [
        (_with_description, len(page.description or ""), aim),
        (_with_components, len(page.components), aim),
        (_with_title, len(page.title), fits),
    ]
    for shorten, length, goal in steps:
        if goal(render(page)):
            break
        low, high = 0, length  # look for the most that fits; use 0 even if it does not fit
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if goal(render(shorten(page, middle))) else (low, middle - 1)
        page = shorten(page, low)
    return render(page)


def _with_description(page: Page, length: int) -> Page:
    description = shortened(page.description or "", length + 1) if length else ""
    return replace(page, description=description)


def _with_components(page: Page, count: int) -> Page:
    left = len(page.components) - count
    if left == 0:
        return page
    more = (f"{left} more",) if count else ()
    return replace(page, components=page.components[:count] + more)


def _with_title(page: Page, length: int) -> Page:
    return replace(page, title=shortened(page.title, length, "..."))
