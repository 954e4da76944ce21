"""What a page says to a person, at the length and in the markup that a service takes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from incident_service.paging.page import Page

MAX_DESCRIPTION = 1000
"""Characters of an incident's description in a message to people."""

SMS_LENGTH = 160
"""Characters of a message to a telephone that is not sent in parts."""

Fits = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Markup:
    """How text is written so that it shows as itself, and how one acknowledges by link."""

    text: Callable[[str], str]
    link: Callable[[str], str] = "Acknowledge: {}".format


_ADDRESS = re.compile(
    r"(https?://[^\s<>\"'`\\^{|}*\[\]\x00-\x20\x7f-\x9f"
    r"\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+)",
    re.IGNORECASE,
)


def _around_addresses(change: Callable[[str], str], text: str) -> str:
    """Return the text, changed but for the web addresses in it: a changed one leads nowhere."""
    parts = _ADDRESS.split(text)
    parts[::2] = map(change, parts[::2])
    # Chats look for these in addresses too. Escaped, they lead to the same place.
    parts[1::2] = (re.sub(r"(?i)@(?=everyone|here|channel|all)", "%40", a) for a in parts[1::2])
    return "".join(parts)


def _guarded(text: str) -> str:
    """Return the text with an invisible space in what chats take for a mention or an emoji."""

    def guarded(text: str) -> str:
        text = re.sub(r"(?<!\w)@(?=\S)", "@\u200b", text)  # @here, @**all**
        text = re.sub(r"<(?=[!@#]|at\b|users/)", "<\u200b", text)  # <!channel>, <at id=all>
        # :smile:, but not 08:23:11 and fe80::1:2
        return re.sub(r"(?i):(?=[\w+-]+:)(?!(?<=[\da-f:]:)[\da-f]{1,4}:)", ":\u200b", text)

    return _around_addresses(guarded, text)


def _markdown(escaped: str) -> Markup:
    """Return Markdown of the kind in which a backslash takes the sense of each of `escaped`."""
    special = re.compile(f"[{re.escape(escaped)}]")

    def line(text: str) -> str:
        body = text.lstrip(" \t")
        indent = "\N{NO-BREAK SPACE}" * (len(text) - len(body))
        body = _around_addresses(lambda part: special.sub(r"\\\g<0>", part), body)
        body = re.sub(r"^(?=[#>+=-])", r"\\", body)  # a heading, a quote, a list
        return indent + re.sub(r"^(\d+)(?=[.)])", r"\1\\", body)

    def text(text: str) -> str:
        # Two spaces end a line where Markdown would join it to the next.
        return "  \n".join(map(line, _guarded(text).split("\n"))).replace("  \n  \n", "\n\n")

    return Markup(text, "[Acknowledge]({})".format)


PLAIN = Markup(lambda text: text)
CHAT = Markup(_guarded)
"""Text that shows as it is, apart from mentions and emoji."""
COMMONMARK = _markdown("\\`*_[]<>~|&")
MATTERMOST = _markdown("\\`*_[]~|")
ROCKET_CHAT = _markdown("`*_~")
TELEGRAM = Markup(lambda text: html.escape(_guarded(text), quote=False))
MAIL = Markup(lambda text: text.replace("=?", "=\u200b?").replace("{{", "{\u200b{"))
"""For mail services, some of which fill in templates; `=?` begins an encoded word in a subject."""


def headline(page: Page) -> str:
    """Return what the page is about, in one line."""
    return " ".join(f"[{page.severity}] #{page.number} {page.title}".split())


def text(
    page: Page, *, fits: Fits | None = None, markup: Markup = PLAIN, titled: bool = True
) -> str:
    """Return all that the page says below its headline, or below nothing if it is not `titled`.

    The description is cut until it `fits`, then the components are, and the title last of all.
    """

    def render(page: Page) -> str:
        return "\n\n".join(_paragraphs(page, markup, titled))

    return _cut(page, render, fits or (lambda _: True), fits or (lambda _: True))


def brief(page: Page, *, fits: Fits, markup: Markup = PLAIN) -> str:
    """Return the page in one line for a telephone: `SMS_LENGTH` if the title leaves that room.

    The link comes early, because services that cut a message cut its end. `fits` says whether the
    service takes it at all.
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
    """Return the text in at most `length` characters."""
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
    """Return the page as rendered, cut until it meets `aim`; its title, until it `fits`."""
    page = _with_description(page, MAX_DESCRIPTION)
    steps: list[tuple[Callable[[Page, int], Page], int, Fits]] = [
        (_with_description, len(page.description or ""), aim),
        (_with_components, len(page.components), aim),
        (_with_title, len(page.title), fits),
    ]
    for shorten, length, goal in steps:
        if goal(render(page)):
            break
        low, high = 0, length  # the most that fits; 0 is tried even if it does not
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
