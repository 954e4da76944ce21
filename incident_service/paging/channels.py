"""Picks the way a message leaves: by mail, by the service's own webhook or by Apprise."""

from __future__ import annotations

import logging
from datetime import datetime

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.config import WEBHOOK_SCHEMES, Settings
from incident_service.paging import acknowledge_links, apprise_channel, apprise_urls, mail, webhook
from incident_service.paging.page import (
    EventMessage,
    Mail,
    Message,
    Outcome,
    Page,
    UserMessage,
    Who,
)
from incident_service.store import Row

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 10.0
MAIL_TIMEOUT = 10.0
"""Seconds."""

_log = logging.getLogger(__name__)


def send(message: Message | Mail, url: str | None, settings: Settings, *, now: datetime) -> Outcome:
    """Send the message to a contact method's URL, or by mail if there is none. Never raises."""
    try:
        if isinstance(message, Mail) or url is None:
            assert isinstance(message, UserMessage | Mail)
            return mail.send(message, settings.mail_server, now=now, timeout=MAIL_TIMEOUT)
        if _is_own_webhook(url):
            return webhook.send(
                message,
                url,
                settings.webhook_secret,
                now=now,
                connect_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
            )
        return apprise_channel.send(
            message, url, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT
        )
    except Exception as error:
        # The error's text may contain the URL, which is a secret.
        _log.error("message %s could not be sent: %s", message.id, type(error).__name__)
        return Outcome(False, f"failed with {type(error).__name__}")


def test_page(user: Row, *, now: datetime, base_url: str) -> Page:
    """Return a page to the user about a made-up incident, as long as a page can be.

    If a service refuses long messages, it shows here and not when it matters. The link is as long
    as a real one, but leads nowhere.
    """
    return Page(
        id=ids.new_id(),
        org_id=user["org_id"],
        incident_id=ids.new_id(),
        number=9_999_999,
        title="Test: this is what a page looks like at its greatest length, and nothing is wrong"
        ", nothing at all...",
        description=("Nothing is wrong. Somebody tests how you can be reached. " * 200)[:10_000],
        severity="critical",
        status="investigating",
        opened_at=format_instant(now),
        user_id=user["id"],
        user_email=user["email"],
        layer=10,
        acknowledge_url=f"{base_url}/a/{'0' * acknowledge_links.LENGTH}",
        components=tuple(f"Test component {n} {'x' * 100}"[:100] for n in range(1, 51)),
    )


def test_event(subscription: Row, *, now: datetime, base_url: str) -> EventMessage:
    """Return a message to the subscription about the incident of `test_page`."""
    at = format_instant(now)
    page = test_page({**subscription, "email": ""}, now=now, base_url=base_url)
    return EventMessage(
        id=page.id,
        org_id=page.org_id,
        title=page.title,
        description=page.description,
        severity=page.severity,
        subscription_id=subscription["id"],
        event="incident_opened",
        at=at,
        actor=Who(subscription["id"], "a test"),
        incident_id=page.incident_id,
        number=page.number,
        status=page.status,
        opened_at=at,
        components=page.components,
    )


def _is_own_webhook(url: str) -> bool:
    scheme = url.partition("://")[0].lower()
    return scheme in WEBHOOK_SCHEMES and not apprise_urls.native_schemes(url)
