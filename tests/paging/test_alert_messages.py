"""Messages about alerts, by every way in which a message leaves (contract §10)."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from apprise import NotifyBase

from incident_service.config import ALLOWED_SCHEMES, Settings
from incident_service.paging import apprise_channel, apprise_urls, channels, wording
from incident_service.paging.page import AlertMessage, Link, Outcome
from tests.helpers.apprise_services import NEEDS_MORE, documented
from tests.helpers.example_message import GRAPH, MESSAGE, RUNBOOK
from tests.helpers.receivers import Receiver, receiving, taking_mail

NOW = datetime(2025, 4, 7, 8, 23, 11, tzinfo=UTC)

LONGEST = dataclasses.replace(
    MESSAGE,
    title="x" * 1024,
    description="y " * 5000,
    integration="z" * 255,
    links=tuple(Link("l" * 255, f"https://example.com/{n:02}{'p' * 1978}") for n in range(20)),
)

SCHEMES = sorted(ALLOWED_SCHEMES - {"https"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def service(scheme: str) -> NotifyBase:
    urls = (url for url in documented(scheme) if not any(re.match(f, url) for f in NEEDS_MORE))
    return apprise_urls.service(next(urls), connect_timeout=1, read_timeout=1)


def test_the_webhook_says_all(receiver: Receiver) -> None:
    sent = channels.send(MESSAGE, receiver.url("http"), Settings(), now=NOW)
    assert sent == Outcome(True)
    [(_, _, body)] = receiver.got
    assert json.loads(body) == {
        "version": 1,
        "type": "alert",
        "id": MESSAGE.id,
        "sentAt": "2025-04-07T08:23:11.000Z",
        "alert": {
            "id": MESSAGE.alert_id,
            "orgId": "org_1",
            "integration": {"id": MESSAGE.integration_id, "name": "Prometheus"},
            "title": MESSAGE.title,
            "description": MESSAGE.description,
            "severity": "high",
            "component": "Payments API",
            "attributes": {"host": "db-1", "severity": "warning"},
            "links": [{"text": "Graph", "href": GRAPH}, {"text": "Runbook", "href": RUNBOOK}],
            "firstAt": "2025-04-07T08:23:10.000Z",
        },
        "user": {"id": "user_1"},
    }


def test_the_text_says_each_thing_once() -> None:
    assert wording.headline(MESSAGE) == "[high] Disk *is* <almost> full"
    assert wording.text(MESSAGE) == (
        f"Alert from Prometheus.\n\nOn db-1: 95 %.\n\nGraph: {GRAPH}\nRunbook: {RUNBOOK}"
    )
    alone = dataclasses.replace(MESSAGE, description=None, links=())
    assert wording.text(alone, titled=False) == (
        "[high] Disk *is* <almost> full\n\nAlert from Prometheus."
    )


def test_a_title_too_long_for_a_headline_is_whole_in_the_text() -> None:
    assert len(wording.headline(LONGEST)) < 220
    assert LONGEST.title in wording.text(LONGEST)


def test_a_mail(receiver: Receiver) -> None:
    with taking_mail() as (box, port):
        settings = Settings(smtp_url=f"smtp://127.0.0.1:{port}?from=oncall@example.org")
        for message in (MESSAGE, LONGEST):
            assert channels.send(message, None, settings, now=NOW) == Outcome(True)
    contents = [envelope.content for envelope in box.got]
    assert isinstance(contents[0], bytes)
    mail = message_from_bytes(contents[0], policy=policy.default)
    assert (mail["Subject"], mail["Importance"]) == ("[high] Disk *is* <almost> full", "high")
    text = mail.get_content().replace("\r\n", "\n")
    assert text.strip() == wording.text(MESSAGE)
    assert "cknowledge" not in text
    assert isinstance(contents[1], bytes)
    assert max(map(len, contents[1].splitlines())) < 998


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_sent_fits(scheme: str) -> None:
    to = service(scheme)
    how = apprise_channel.manner(to)
    for message in (LONGEST, dataclasses.replace(LONGEST, title="🔥*_<&@" * 170, links=())):
        heading, body = apprise_channel.compose(message, to)
        assert how.size(body) <= (how.limit or to.body_maxlen)
        assert len(heading.encode("utf-16-le")) // 2 <= to.title_maxlen
        assert "high" in heading + body


@pytest.mark.parametrize("scheme", SCHEMES)
def test_title_severity_integration_and_links_are_in_it(scheme: str) -> None:
    to = service(scheme)
    how = apprise_channel.manner(to)
    heading, body = apprise_channel.compose(MESSAGE, to)
    shown = html.unescape(f"{heading} {body}").replace("\\", "").replace("\u200b", "")
    assert "Disk *is* <almost> full" in shown
    assert "high" in shown
    assert "Prometheus" in shown
    if how.is_brief:
        assert len(body) <= wording.SMS_LENGTH
    else:
        assert GRAPH in html.unescape(body)
        assert RUNBOOK in html.unescape(body)
    assert "cknowledge" not in shown


@pytest.mark.parametrize(
    ("severity", "priority"), [("critical", 10), ("high", 8), ("medium", 5), ("low", 3)]
)
def test_the_priority_follows_the_severity(
    severity: str, priority: int, receiver: Receiver
) -> None:
    message = dataclasses.replace(MESSAGE, severity=severity)
    host = receiver.url("gotify", "").removesuffix("/")
    settings = Settings(delivery_networks="any")
    assert channels.send(message, f"{host}/Aa.s3cret12345", settings, now=NOW).delivered
    [(_, _, body)] = receiver.got
    assert json.loads(body)["priority"] == priority


def test_there_is_nothing_to_acknowledge(receiver: Receiver) -> None:
    assert channels.send(MESSAGE, receiver.url("ntfy", "/oncall"), Settings(), now=NOW).delivered
    [(_, headers, _)] = receiver.got
    assert "X-Actions" not in headers


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("https://example.com/@everyone/x", "Look: https://example.com/%40everyone/x"),
        ("javascript:alert(1)", "Look: javascript:alert(1)"),
        ("https://example.com/a b", "Look: https://example.com/a b"),
        ("https://example.com/a_b*c", r"Look: https://example.com/a_b\*c"),
        ("https://example.com/a_b", "[Look](https://example.com/a_b)"),
        ("https://example.com/a(b", "Look: https://example.com/a(b"),
    ],
)
def test_a_link_that_could_be_more_than_a_link_is_text(href: str, expected: str) -> None:
    message = dataclasses.replace(MESSAGE, description=None, links=(Link("Look", href),))
    text = wording.text(message, markup=wording.COMMONMARK)
    assert text.rpartition("\n")[2] == expected


def test_a_link_without_a_text_has_one() -> None:
    message = dataclasses.replace(MESSAGE, links=(Link(" ", GRAPH),))
    assert wording.text(message).endswith(f"\n\nLink: {GRAPH}")
    assert f"[Link]({GRAPH})" in wording.text(message, markup=wording.COMMONMARK)


def test_what_a_tool_says_mentions_nobody_and_shows_as_itself() -> None:
    message: AlertMessage = dataclasses.replace(
        MESSAGE, title="@here <!channel>", integration="*bold*", links=(Link("[a](b)", GRAPH),)
    )
    text = wording.text(message, markup=wording.COMMONMARK, titled=False)
    assert "@here" not in text and "<!channel>" not in text
    assert r"Alert from \*bold\*." in text
    assert rf"\[a\](b): {GRAPH}" in text


def test_every_part_gives_way_before_the_title() -> None:
    def cut(limit: int) -> str:
        return wording.text(MESSAGE, fits=lambda text: len(text) <= limit, titled=False)

    whole = cut(10_000)
    assert MESSAGE.description is not None and MESSAGE.description in whole
    without = cut(len(whole) - len(MESSAGE.description))
    assert GRAPH in without and RUNBOOK in without and MESSAGE.description not in without
    assert (GRAPH in cut(200), RUNBOOK in cut(200)) == (True, False)
    assert cut(60) == "[high] Disk *is* <almost> full\n\nAlert from Prometheus."
