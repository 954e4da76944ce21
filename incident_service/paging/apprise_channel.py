"""Sends messages by Apprise, with each service's own markup, length, priority and buttons (§8)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from apprise import Apprise, NotifyBase, NotifyFormat, NotifyType, OverflowMode

from incident_service.paging import apprise_urls, wording
from incident_service.paging.page import Message, Outcome, Page
from incident_service.paging.wording import CHAT, COMMONMARK, PLAIN, Markup
from incident_service.severity import SEVERITIES


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _utf8(text: str) -> int:
    return len(text.encode())


def _json(text: str) -> int:
    return len(json.dumps(text))


@dataclass(frozen=True, slots=True)
class Manner:
    """How one service wants its messages.

    `markup` is for the body, `title_markup` for the title. Without `has_title`, the headline is
    part of the body. `limit` is the largest `size` of the body, if Apprise states a wrong one.
    `urgency` is the argument that sets the priority, with its values from critical to low.
    """

    markup: Markup = PLAIN
    title_markup: Markup = PLAIN
    has_title: bool = True
    is_brief: bool = False
    limit: int | None = None
    size: Callable[[str], int] = _utf16
    urgency: tuple[str, tuple[str, str, str, str]] | None = None
    links: Mapping[str, str] = field(default_factory=dict)
    """Arguments that take the link; `{}` is its place."""
    always: Mapping[str, str] = field(default_factory=dict)
    """Arguments that keep the service from reading a mild page as the end of an alert."""
    format: NotifyFormat = NotifyFormat.TEXT


_MAIL = Manner(markup=wording.MAIL, title_markup=wording.MAIL)
_LONG_SMS = Manner(is_brief=True, limit=450)
"""These services send a longer text in parts (3 of 153 characters)."""
_TITLED_CHAT = Manner(markup=CHAT, title_markup=CHAT)
_CHAT = Manner(markup=CHAT, has_title=False)
_FIVE = ("2", "1", "0", "-1")  # of -2 to 2

_MANNERS: dict[str, Manner] = {
    **dict.fromkeys(
        ["mailto", "mailgun", "sendgrid", "postmark", "ses", "sparkpost", "smtp2go"], _MAIL
    ),
    **dict.fromkeys(
        [
            "46elks",
            "bulksms",
            "bulkvs",
            "clickatell",
            "clicksend",
            "d7sms",
            "infobip",
            "msgbird",
            "vonage",
            "ringc",
            "seven",
            "sinch",
            "sns",
            "telnyx",
            "twilio",
        ],
        _LONG_SMS,
    ),
    "voipms": Manner(is_brief=True, limit=160),
    "whatsapp": Manner(is_brief=True, limit=1024),
    "signal": _CHAT,
    "threema": Manner(has_title=False, size=_utf8),
    "slack": _TITLED_CHAT,
    "flock": _TITLED_CHAT,
    "discord": Manner(markup=COMMONMARK, has_title=False),
    "guilded": Manner(markup=COMMONMARK, has_title=False),
    "mmost": Manner(markup=wording.MATTERMOST, has_title=False),
    "rocket": Manner(markup=wording.ROCKET_CHAT, has_title=False),
    "nctalk": Manner(markup=COMMONMARK, has_title=False),
    "workflow": Manner(markup=COMMONMARK, title_markup=COMMONMARK),
    "twist": Manner(markup=COMMONMARK, size=_utf8),
    "tgram": Manner(markup=wording.TELEGRAM, has_title=False, format=NotifyFormat.HTML),
    "gchat": _CHAT,
    "line": _CHAT,
    "webex": Manner(markup=CHAT, has_title=False, size=_utf8),
    "wecombot": Manner(markup=CHAT, has_title=False, size=_utf8),
    "dingtalk": Manner(markup=CHAT, has_title=False, size=_utf8),
    "feishu": Manner(markup=CHAT, has_title=False, size=_utf8),
    "lark": Manner(markup=CHAT, has_title=False, size=_utf8),
    "matrix": Manner(markup=CHAT, has_title=False, size=_utf8),
    "zulip": _TITLED_CHAT,
    # Its server takes 4,096 bytes. If the JSON is longer, Apprise attaches it as a file.
    "ntfy": Manner(
        limit=4000,
        size=_json,
        urgency=("priority", ("5", "4", "3", "2")),
        links={"click": "{}", "actions": "http, Acknowledge, {}, method=POST, clear=true"},
    ),
    "gotify": Manner(urgency=("priority", ("10", "8", "5", "3"))),
    "pover": Manner(urgency=("priority", _FIVE), links={"url": "{}", "url_title": "Acknowledge"}),
    "prowl": Manner(urgency=("priority", _FIVE), size=_utf8),
    "join": Manner(urgency=("priority", _FIVE), size=_utf8),
    "simplepush": Manner(urgency=("priority", ("5", "4", "3", "2"))),
    # Apprise names these the wrong way round: its "low" is 1, which is sent as P1.
    "opsgenie": Manner(urgency=("priority", ("1", "2", "3", "4")), always={"action": "new"}),
    "splunk": Manner(urgency=("action", ("critical", "critical", "warning", "warning"))),
    "pagerduty": Manner(
        has_title=False,
        urgency=("severity", ("critical", "error", "warning", "info")),
        links={"click": "{}"},
    ),
    "pagertree": Manner(urgency=("urgency", ("critical", "high", "medium", "low"))),
    "ilert": Manner(
        markup=COMMONMARK,
        urgency=("priority", ("high", "high", "low", "low")),
        links={"click": "{}"},
    ),
    "squadcast": Manner(markup=COMMONMARK, urgency=("priority", ("P1", "P2", "P3", "P4"))),
    "goalert": Manner(markup=COMMONMARK),
}
"""By one scheme of each service."""

_TYPES = {
    "critical": NotifyType.FAILURE,
    "high": NotifyType.FAILURE,
    "medium": NotifyType.WARNING,
    "low": NotifyType.INFO,
}


def manner(plugin: object) -> Manner:
    """Return how a service (an Apprise plug-in or its instance) wants its messages."""
    known = (name for name in apprise_urls.plugin_schemes(plugin) if name in _MANNERS)
    return _MANNERS.get(next(known, ""), Manner())


def send(message: Message, url: str, *, connect_timeout: float, read_timeout: float) -> Outcome:
    """Try once to send the message; time-outs are in seconds, for each request to the service."""
    try:
        service = apprise_urls.service(
            url,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            arguments=lambda plugin: _arguments(message, manner(plugin)),
        )
    except apprise_urls.Unusable:
        return Outcome(False, "not a URL that Apprise can use", permanent=True)
    how = manner(service)
    # With these, Apprise does not convert or split a text that already fits.
    service.notify_format = how.format
    service.overflow_mode = OverflowMode.UPSTREAM
    title, body = compose(message, service)
    messenger = Apprise(asset=apprise_urls.asset())
    messenger.add(service)
    is_delivered = messenger.notify(
        body,
        title=title,
        notify_type=_TYPES[message.urgency],
        body_format=how.format,
    )
    if is_delivered:
        return Outcome(True)
    scheme = url.partition("://")[0].lower()
    known = apprise_urls.plugin_schemes(service)
    return Outcome(False, f"{scheme if scheme in known else known[0]} did not take the message")


def compose(message: Message, service: NotifyBase) -> tuple[str, str]:
    """Return the title, which may be empty, and the body, as the service takes them."""
    how = manner(service)
    limit = how.limit or int(service.body_maxlen)
    if how.is_brief:
        return "", wording.brief(message, fits=lambda text: how.size(text) <= limit)
    title = how.title_markup.text(wording.headline(message))
    longest = int(service.title_maxlen) if how.has_title else 0
    is_whole = longest > 0 and _utf16(title) <= longest
    if not is_whole and longest > 0:
        title = wording.shortened(wording.headline(message), longest // 2)
        title = how.title_markup.text(title)
    # One limit may hold for both, or Apprise may count the title as part of the body.
    room = limit - (how.size(title) + 2 if longest > 0 and how.size is _json else 0)
    body = wording.text(
        message, fits=lambda text: how.size(text) <= room, markup=how.markup, titled=is_whole
    )
    return (title if longest > 0 else ""), body


def _arguments(message: Message, how: Manner) -> dict[str, str]:
    """Return what the message adds to a URL that does not set it: priority and acknowledge link."""
    arguments = dict(how.always)
    if how.urgency is not None:
        name, values = how.urgency
        arguments[name] = values[SEVERITIES.index(message.urgency)]
    url = message.acknowledge_url if isinstance(message, Page) and message.notice is None else ""
    # A service would quote other characters again, or read them as its own syntax.
    if re.fullmatch(r"https?://[\w.~:/-]+", url, re.ASCII):
        links = {name: text.format(url) for name, text in how.links.items()}
        arguments.update(links)
    return arguments
