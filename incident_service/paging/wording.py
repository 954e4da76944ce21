"""The text of a message, in the length and markup that a service takes."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from incident_service.clock import parse_instant
from incident_service.paging.event_wording import shift_sentence, what_happened, with_text_shown
from incident_service.paging.page import (
    AlertMessage,
    EventMessage,
    Invitation,
    Message,
    Page,
    ShiftMessage,
    SignInLink,
)

MAX_DESCRIPTION = 1000
"""The most characters of a description in a message."""

MAX_HEADLINE = 200
"""The most characters of a title in a headline. Alerts may have longer ones, incidents do not."""

MAX_TOOL_IN_BRIEF = 40
"""The most characters of an integration's name in one line."""

MAX_NAME = 100
"""The most characters of a name in an invitation, which goes to people who did not ask for it."""

SMS_LENGTH = 160
"""Characters that fit in one text message."""

Fits = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Markup:
    """How a service wants text escaped, and a link written: its escaped label and its address."""

    text: Callable[[str], str]
    link: Callable[[str, str], str] = "{}: {}".format


_ADDRESS = re.compile(
    r"(https?://[^\s<>\"'`\\^{|}*\[\]\x00-\x20\x7f-\x9f"
    r"\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]+)",
    re.IGNORECASE,
)

_MENTION = re.compile(r"@(?=everyone|here|channel|all)", re.IGNORECASE)


def _around_addresses(change: Callable[[str], str], text: str) -> str:
    """Return the text, changed except for its web addresses, which must still lead somewhere."""
    parts = _ADDRESS.split(text)
    parts[::2] = map(change, parts[::2])
    # Chats look for mentions in addresses too. Escaped, an address leads to the same place.
    parts[1::2] = (_MENTION.sub("%40", address) for address in parts[1::2])
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

    def link(label: str, address: str) -> str:
        if set("[]") & set(label) or set("()") & set(address):  # these may end it too early
            return f"{label}: {address}"
        return f"[{label}]({address})"

    return Markup(text, link)


PLAIN = Markup(lambda text: text)
CHAT = Markup(_guarded)
"""Plain text, without mentions and emoji."""
COMMONMARK = _markdown("\\`*_[]<>~|&")
MATTERMOST = _markdown("\\`*_[]~|")
ROCKET_CHAT = _markdown("`*_~")
TELEGRAM = Markup(
    lambda text: html.escape(_guarded(text), quote=False),
    lambda label, address: f"{label}: {html.escape(address, quote=False)}",
)
MAIL = Markup(lambda text: text.replace("=?", "=\u200b?").replace("{{", "{\u200b{"))
"""For mail services. Some fill in `{{templates}}`; `=?` begins an encoded word in a subject."""


def headline(message: Message) -> str:
    """Return the message's subject in one line."""
    title = shortened(message.title, MAX_HEADLINE)
    if isinstance(message, ShiftMessage):
        return " ".join(f"On call: {title}".split())
    number = f"#{message.number} " if isinstance(message, Page | EventMessage) else ""
    return " ".join(f"[{message.severity}] {number}{title}".split())


def text(
    message: Message, *, fits: Fits | None = None, markup: Markup = PLAIN, titled: bool = True
) -> str:
    """Return the message's body, which begins with the headline unless the message is `titled`.

    To make it fit, the description is cut first, then components or links, and the title last.
    """

    def render(message: Message) -> str:
        paragraphs = [] if titled else [markup.text(headline(message))]
        return "\n\n".join(paragraphs + _paragraphs(message, markup))

    return _cut(message, render, fits or (lambda _: True), fits or (lambda _: True))


def brief(message: Message, *, fits: Fits, markup: Markup = PLAIN) -> str:
    """Return the message in one line for a text message of `SMS_LENGTH`, if the title fits into it.

    Links come early, because services cut a message at its end. `fits` says whether the service
    takes the line at all.
    """

    def render(message: Message) -> str:
        return " ".join(part for part in _brief_parts(message, markup) if part)

    return _cut(message, render, lambda line: len(line) <= SMS_LENGTH and fits(line), fits)


def invitation(message: Invitation) -> tuple[str, str]:
    """Return the subject and the body of the mail of an invitation."""
    organization = _name(message.organization)
    invites = f"{_name(message.inviter)} invites you" if message.inviter else "You are invited"
    end = parse_instant(message.expires_at)
    paragraphs = [
        f"{invites} to join {organization} on incident-service, where incidents are handled and "
        "people are on call.",
        f"To accept, open this link:\n{message.url}",
        f"It works once, until {end.day} {end:%B %Y}, {end:%H:%M} UTC: 7 days from the invitation. "
        "Keep it to yourself.",
        "If you do not know what this is about, leave it: nothing happens then.",
    ]
    return f"{invites} to join {organization}", "\n\n".join(paragraphs)


def sign_in_link(message: SignInLink) -> tuple[str, str]:
    """Return the subject and the body of the mail with a link that signs its user in."""
    organization = _name(message.organization)
    end = parse_instant(message.expires_at)
    paragraphs = [
        f"Open this link to sign in to {organization} on incident-service:\n{message.url}",
        f"It works once, until {end:%H:%M} UTC: 15 minutes from when it was asked for. Keep it to "
        "yourself.",
        "If you did not ask for it, leave it: nobody is signed in without this link.",
    ]
    return f"Sign in to {organization}", "\n\n".join(paragraphs)


def _name(text: str) -> str:
    """Return a name that somebody chose as a part of a sentence, too short to say much itself."""
    return shortened(" ".join(text.split()), MAX_NAME)


def shortened(text: str, length: int, ending: str = "…") -> str:
    """Return the text, cut to at most `length` characters."""
    if len(text) <= length:
        return text
    return text[: max(0, length - len(ending))].rstrip() + ending


def _line(text: str, markup: Markup) -> str:
    return markup.text(" ".join(text.split()))


def _brief_parts(message: Message, markup: Markup) -> list[str]:
    description = _line(message.description or "", markup)
    if isinstance(message, ShiftMessage):
        return [_line(f"{message.title}: {shift_sentence(message)}", markup)]
    if isinstance(message, EventMessage):
        title = f"{message.severity} #{message.number}: {message.title}."
        return [_line(title, markup), _line(what_happened(message), markup), description]
    if isinstance(message, AlertMessage):
        tool = shortened(message.integration, MAX_TOOL_IN_BRIEF)
        from_tool = f"{message.severity}, {tool}: {message.title}"
        return [_line(from_tool, markup), *(link.href for link in message.links), description]
    assert isinstance(message, Page)
    if message.notice is not None:
        return [_line(f"#{message.number}: {message.title}.", markup), message.notice]
    to = "owner" if message.layer is None else f"layer {message.layer}"
    if message.asks_for_help:
        to = "asked to help"
    elif message.last_resort:
        to = "last resort"
    return [
        _line(f"{message.severity} #{message.number}, {to}: {message.title}", markup),
        message.acknowledge_url,
        _line(", ".join(message.components), markup),
        description,
    ]


def _paragraphs(message: Message, markup: Markup) -> list[str]:
    """Return the body's paragraphs, without the headline."""
    description = markup.text((message.description or "").strip())
    if isinstance(message, ShiftMessage):
        return [markup.text(shift_sentence(message))]
    if isinstance(message, EventMessage):
        written = [markup.text(what_happened(message)), _components(message, markup), description]
        return [paragraph for paragraph in written if paragraph]
    if isinstance(message, AlertMessage):
        links = "\n".join(_link(link.text, link.href, markup) for link in message.links)
        title = markup.text(message.title) if len(message.title) > MAX_HEADLINE else ""
        written = [markup.text(f"Alert from {message.integration}."), title, description, links]
        return [paragraph for paragraph in written if paragraph]
    assert isinstance(message, Page)
    if message.notice is not None:
        return [markup.text(message.notice)]
    written = [markup.text(_reason(message)), _components(message, markup), description]
    if message.acknowledge_url:
        written.append(markup.link("Acknowledge", message.acknowledge_url))
    return [paragraph for paragraph in written if paragraph]


def _components(message: Page | EventMessage, markup: Markup) -> str:
    names = ", ".join(message.components)
    return markup.text(f"Components: {names}") if names else ""


def _reason(page: Page) -> str:
    """Return why the user is paged."""
    if page.asks_for_help:
        return "You are asked to help."
    if page.last_resort:
        return "Nobody else could be paged."
    return "You own this incident." if page.layer is None else f"Escalation layer {page.layer}."


def _link(label: str, address: str, markup: Markup) -> str:
    """Return the link of a tool; what is no web address of the usual form is text as any other."""
    label = " ".join(label.split()) or "Link"
    if _ADDRESS.fullmatch(address) and not _MENTION.search(address):
        return markup.link(markup.text(label), address)
    return markup.text(f"{label}: {address}")


def _cut(message: Message, render: Callable[[Message], str], aim: Fits, fits: Fits) -> str:
    """Render the message, cut until it meets `aim`; the title is cut only until it `fits`."""
    if isinstance(message, EventMessage):
        message = with_text_shown(message)
    message = _with_description(message, MAX_DESCRIPTION)
    steps: list[tuple[Callable[[Message, int], Message], int, Fits]] = [
        (_with_description, len(message.description or ""), aim),
        (_with_details, _details(message), aim),
        (_with_title, len(message.title), fits),
    ]
    for shorten, length, goal in steps:
        if goal(render(message)):
            break
        low, high = 0, length  # look for the most that fits; use 0 even if it does not fit
        while low < high:
            middle = (low + high + 1) // 2
            is_short = goal(render(shorten(message, middle)))
            low, high = (middle, high) if is_short else (low, middle - 1)
        message = shorten(message, low)
    return render(message)


def _with_description(message: Message, length: int) -> Message:
    description = shortened(message.description or "", length + 1) if length else ""
    return replace(message, description=description)


def _details(message: Message) -> int:
    """Return how many components or links the message has."""
    return len(getattr(message, "components", ())) + len(getattr(message, "links", ()))


def _with_details(message: Message, count: int) -> Message:
    """Return the message with only so many of its components or links."""
    if isinstance(message, AlertMessage):
        return replace(message, links=message.links[:count])
    if not isinstance(message, Page | EventMessage):
        return message
    left = len(message.components) - count
    if left == 0:
        return message
    more = (f"{left} more",) if count else ()
    return replace(message, components=message.components[:count] + more)


def _with_title(message: Message, length: int) -> Message:
    return replace(message, title=shortened(message.title, length, "..."))
