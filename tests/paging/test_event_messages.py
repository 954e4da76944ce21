"""Messages to subscriptions, by every way in which a message leaves (contract §8)."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from apprise import NotifyBase

from incident_service.config import ALLOWED_SCHEMES, Settings
from incident_service.paging import apprise_channel, apprise_urls, channels, wording
from incident_service.paging.page import EventMessage, Outcome, SubscriptionMessage
from tests.helpers.apprise_services import NEEDS_MORE, documented
from tests.helpers.example_event import EVENT, SHIFT, UPDATE
from tests.helpers.receivers import Receiver, receiving

NOW = datetime(2025, 4, 7, 8, 23, 11, tzinfo=UTC)

LONGEST = dataclasses.replace(
    EVENT,
    event="status_changed",
    before="investigating",
    after="identified",
    title="🔥*_<&@" * 14,
    update=UPDATE._replace(body="y " * 25_000),
    components=("c" * 100,) * 50,
)

SCHEMES = sorted(ALLOWED_SCHEMES - {"https"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def service(scheme: str) -> NotifyBase:
    urls = (url for url in documented(scheme) if not any(re.match(f, url) for f in NEEDS_MORE))
    return apprise_urls.service(next(urls), connect_timeout=1, read_timeout=1)


def posted(message: SubscriptionMessage, receiver: Receiver) -> dict[str, Any]:
    assert channels.send(message, receiver.url("http"), Settings(), now=NOW) == Outcome(True)
    body: dict[str, Any] = json.loads(receiver.got[-1][2])
    return body


def test_the_webhook_says_all_of_an_incident(receiver: Receiver) -> None:
    incident = {
        "id": EVENT.incident_id,
        "orgId": "org_1",
        "number": 42,
        "title": EVENT.title,
        "description": "On db-1: 95 %.",
        "severity": "high",
        "status": "investigating",
        "createdAt": "2025-04-07T08:23:10.000Z",
        "components": ["Payments API", "Checkout"],
    }
    opened = {
        "version": 1,
        "type": "event",
        "id": EVENT.id,
        "sentAt": "2025-04-07T08:23:11.000Z",
        "event": "incident_opened",
        "at": "2025-04-07T08:23:10.000Z",
        "subscription": {"id": EVENT.subscription_id},
        "actor": {"id": "user_1", "name": "Ada Lovelace"},
        "incident": incident,
        "statusChange": None,
        "update": None,
    }
    assert posted(EVENT, receiver) == opened
    moved = dataclasses.replace(
        EVENT, event="status_changed", before="investigating", after="identified", update=UPDATE
    )
    assert posted(moved, receiver) == {
        **opened,
        "event": "status_changed",
        "statusChange": {"before": "investigating", "after": "identified"},
        "update": {"id": UPDATE.id, "visibility": "internal", "body": "It is the disk."},
    }


def test_the_webhook_says_all_of_a_shift(receiver: Receiver) -> None:
    said = {
        "version": 1,
        "type": "event",
        "id": SHIFT.id,
        "sentAt": "2025-04-07T08:23:11.000Z",
        "event": "shift_changed",
        "at": "2025-04-07T07:00:00.000Z",
        "subscription": {"id": SHIFT.subscription_id},
        "schedule": {
            "id": SHIFT.schedule_id,
            "orgId": "org_1",
            "name": "Payments",
            "timezone": "Europe/Berlin",
        },
        "before": {"id": "user_2", "name": "Ben"},
        "after": {"id": "user_1", "name": "Ada Lovelace"},
        "until": "2025-04-14T07:00:00.000Z",
    }
    assert posted(SHIFT, receiver) == said
    nobody = dataclasses.replace(SHIFT, after=None, until=None)
    assert posted(nobody, receiver) == {**said, "after": None, "until": None}


BY_ADA: list[tuple[dict[str, Any], str]] = [
    (
        {},
        "Opened by Ada Lovelace.\n\nComponents: Payments API, Checkout\n\nOn db-1: 95 %.",
    ),
    ({"event": "incident_acknowledged"}, "Acknowledged by Ada Lovelace."),
    ({"event": "incident_resolved"}, "Resolved by Ada Lovelace."),
    (
        {"event": "incident_resolved", "update": UPDATE},
        "Resolved by Ada Lovelace, with an internal update:\n\nIt is the disk.",
    ),
    (
        {"event": "status_changed", "before": "investigating", "after": "identified"},
        "Status changed to identified by Ada Lovelace.",
    ),
    (
        {"event": "status_changed", "before": "resolved", "after": "investigating"},
        "Reopened by Ada Lovelace.",
    ),
    (
        {"event": "update_posted", "update": UPDATE._replace(visibility="public")},
        "Public update by Ada Lovelace:\n\nIt is the disk.",
    ),
]


@pytest.mark.parametrize(("changes", "expected"), BY_ADA, ids=[text[:24] for _, text in BY_ADA])
def test_the_text_says_each_thing_once(changes: dict[str, Any], expected: str) -> None:
    message: EventMessage = dataclasses.replace(EVENT, **changes)
    assert wording.headline(message) == "[high] #42 Disk *is* <almost> full"
    assert wording.text(message) == expected
    brief = wording.brief(message, fits=lambda text: True)
    assert brief.startswith("high #42: Disk *is* <almost> full. ")
    assert expected.partition("\n")[0] in brief


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {},
            "Ada Lovelace is on call now, until 2025-04-14 09:00 (Europe/Berlin). Before: Ben.",
        ),
        ({"until": None}, "Ada Lovelace is on call now. Before: Ben."),
        ({"until": "9999-12-31T23:59:59.999Z"}, "Ada Lovelace is on call now. Before: Ben."),
        ({"after": None, "until": None}, "Nobody is on call now. Before: Ben."),
        ({"before": None, "until": None}, "Ada Lovelace is on call now. Nobody was before."),
    ],
)
def test_the_text_of_a_shift(changes: dict[str, Any], expected: str) -> None:
    message = dataclasses.replace(SHIFT, **changes)
    assert wording.headline(message) == "On call: Payments"
    assert wording.text(message) == expected
    assert wording.brief(message, fits=lambda text: True) == f"Payments: {expected}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_is_sent_fits_and_says_what_it_is_about(scheme: str) -> None:
    to = service(scheme)
    how = apprise_channel.manner(to)
    for message in (LONGEST, EVENT, SHIFT):
        heading, body = apprise_channel.compose(message, to)
        assert how.size(body) <= (how.limit or to.body_maxlen)
        assert len(heading.encode("utf-16-le")) // 2 <= to.title_maxlen
        shown = html.unescape(f"{heading} {body}").replace("\\", "").replace("\u200b", "")
        assert "Ada Lovelace" in shown
        assert ("#42" in shown and "high" in shown) or message is SHIFT
        assert "cknowledge" not in shown


@pytest.mark.parametrize("message", [EVENT, SHIFT], ids=["incident", "shift"])
def test_it_wakes_nobody(message: SubscriptionMessage, receiver: Receiver) -> None:
    host = receiver.url("gotify", "").removesuffix("/")
    url = f"{host}/Aa.s3cret12345"
    assert channels.send(message, url, Settings(delivery_networks="any"), now=NOW).delivered
    assert json.loads(receiver.got[-1][2])["priority"] == 3
    assert channels.send(message, receiver.url("ntfy", "/oncall"), Settings(), now=NOW).delivered
    assert "X-Actions" not in receiver.got[-1][1]


def test_what_people_write_mentions_nobody() -> None:
    message = dataclasses.replace(
        EVENT,
        event="update_posted",
        update=UPDATE._replace(body="@here <!channel> *bold*"),
        actor=EVENT.actor._replace(name="[a](b)"),
    )
    text = wording.text(message, markup=wording.COMMONMARK, titled=False)
    assert "@here" not in text and "<!channel>" not in text
    assert r"\[a\](b)" in text
