"""Channels: the ways on which a page leaves, mail, the service's own webhook and Apprise."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

import requests
from apprise import Apprise, NotifyFormat, NotifyType

from incident_service import ids
from incident_service.clock import format_instant
from incident_service.config import WEBHOOK_SCHEMES, MailServer, Settings
from incident_service.paging import apprise_urls
from incident_service.paging.page import Outcome, Page
from incident_service.store import Row

CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 10.0
MAIL_TIMEOUT = 10.0
"""Seconds."""

SIGNATURE_HEADER = "X-Incident-Service-Signature"

MAX_DESCRIPTION = 1000
"""Characters of an incident's description in a message to people."""

_PASSING_STATUSES = frozenset({408, 425, 429})

_log = logging.getLogger(__name__)


def send(page: Page, url: str | None, settings: Settings, *, now: datetime) -> Outcome:
    """Send the page to a contact method's URL, or by mail where there is none. Never raises."""
    try:
        if url is None:
            return _send_mail(page, settings.mail_server, now)
        if url.partition("://")[0].lower() in WEBHOOK_SCHEMES:
            return _send_webhook(page, url, settings.webhook_secret, now)
        return _send_by_apprise(page, url)
    except Exception as error:
        # Its text may repeat the URL.
        _log.error("page %s could not be sent: %s", page.id, type(error).__name__)
        return Outcome(False, f"failed with {type(error).__name__}")


def test_page(user: Row, *, now: datetime, base_url: str) -> Page:
    """Return a page to the user about an incident that is none, of the greatest length.

    What a service refuses for its length shows here, and not when it matters. Its link is as long
    as a real one, and leads to nothing.
    """
    said = "Nothing is wrong. Somebody tests how you can be reached, by the longest page. "
    return Page(
        id=ids.new_id(),
        org_id=user["org_id"],
        incident_id=ids.new_id(),
        number=0,
        title="Test: this is what a page of the greatest length looks like ".ljust(100, "."),
        description=(said * 200)[:10_000],
        severity="critical",
        status="investigating",
        opened_at=format_instant(now),
        user_id=user["id"],
        user_email=user["email"],
        layer=None,
        acknowledge_url=f"{base_url}/a/{'0' * 22}",
        components=tuple(f"Component {n} of this test ".ljust(100, ".") for n in range(1, 51)),
    )


def sign(body: bytes, secret: str, *, at: int) -> str:
    """Return the value of the header that proves that a webhook's body comes from here.

    It is `t=<at>,v1=<signature>`: `at` is in Unix seconds, the signature is the HMAC-SHA256 in hex
    of `at` in decimal, a full stop and the body, under the secret in UTF-8. A receiver computes
    the signature from the `t` and the bytes that arrived, compares it with `v1` in constant time,
    and refuses a `t` that is more than 5 minutes off, lest an old page be played again.
    """
    signature = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256)
    return f"t={at},v1={signature.hexdigest()}"


def subject(page: Page) -> str:
    """Return what the page is about, in one line."""
    return " ".join(f"[{page.severity}] #{page.number} {page.title}".split())


def text(page: Page) -> str:
    """Return all that the page says to a person."""
    description = page.description or ""
    if len(description) > MAX_DESCRIPTION:
        description = description[:MAX_DESCRIPTION] + "…"
    why = "You own this incident." if page.layer is None else f"Escalation layer {page.layer}."
    if page.last_resort:
        why = "Nobody else could be paged."
    paragraphs = [
        f"Incident #{page.number}, {page.severity}: {page.title}",
        why,
        f"Components: {', '.join(page.components)}" if page.components else "",
        description,
        f"Acknowledge: {page.acknowledge_url}" if page.acknowledge_url else "",
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _send_webhook(page: Page, url: str, secret: str, now: datetime) -> Outcome:
    body = json.dumps(_webhook_body(page, now), ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "incident-service"}
    if secret:
        headers[SIGNATURE_HEADER] = sign(body, secret, at=int(now.timestamp()))
    try:
        with requests.post(
            url,
            data=body,
            headers=headers,
            timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            allow_redirects=False,
            auth=lambda request: request,  # else a .netrc on this machine would be used
            stream=True,  # the answer's body is of no use
        ) as answer:
            status = answer.status_code
    except requests.Timeout:
        return Outcome(False, "timed out")
    except requests.exceptions.SSLError:
        return Outcome(False, "no secure connection")
    except requests.ConnectionError:
        return Outcome(False, "no connection")
    except (ValueError, UnicodeError):  # what requests and urllib3 raise for the URL itself
        return Outcome(False, "not a usable URL", permanent=True)
    if 200 <= status < 300:
        return Outcome(True)
    is_permanent = 400 <= status < 500 and status not in _PASSING_STATUSES
    return Outcome(False, f"answered with status {status}", permanent=is_permanent)


def _webhook_body(page: Page, now: datetime) -> dict[str, Any]:
    return {
        "version": 1,
        "type": "page",
        "id": page.id,
        "sentAt": format_instant(now),
        "incident": {
            "id": page.incident_id,
            "orgId": page.org_id,
            "number": page.number,
            "title": page.title,
            "description": page.description,
            "severity": page.severity,
            "status": page.status,
            "createdAt": page.opened_at,
            "components": list(page.components),
        },
        "user": {"id": page.user_id},
        "layer": page.layer,
        "acknowledgeUrl": page.acknowledge_url or None,
    }


def _send_by_apprise(page: Page, url: str) -> Outcome:
    service = apprise_urls.service(url, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
    if service is None:
        return Outcome(False, "not a URL that Apprise can use", permanent=True)
    messenger = Apprise(asset=apprise_urls.asset())
    messenger.add(service)
    is_delivered = messenger.notify(
        text(page),
        title=subject(page),
        notify_type=NotifyType.WARNING,
        body_format=NotifyFormat.TEXT,
    )
    scheme = url.partition("://")[0].lower()
    return Outcome(True) if is_delivered else Outcome(False, f"{scheme} did not take the message")


def _send_mail(page: Page, server: MailServer | None, now: datetime) -> Outcome:
    if server is None:
        return Outcome(False, "no SMTP server is configured", permanent=True)
    message = _mail(page, server.sender, now)
    try:
        with _connection(server) as smtp:
            smtp.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return Outcome(
            False,
            f"the mail server refused the address with {codes[0]}",
            permanent=all(code >= 500 for code in codes),
        )
    except smtplib.SMTPNotSupportedError:
        return Outcome(False, "the mail server lacks what this needs")
    except smtplib.SMTPResponseException as error:
        return Outcome(False, f"the mail server answered with {error.smtp_code}")
    except smtplib.SMTPException as error:
        is_late = isinstance(error.__context__, TimeoutError)
        return Outcome(False, "timed out" if is_late else "the mail server broke off")
    except TimeoutError:
        return Outcome(False, "timed out")
    except ssl.SSLError:
        return Outcome(False, "no secure connection")
    except OSError:
        return Outcome(False, "no connection")
    return Outcome(True)


def _connection(server: MailServer) -> smtplib.SMTP:
    """Return a connection that is logged in where there are credentials."""
    context = ssl.create_default_context()
    if server.is_tls:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=MAIL_TIMEOUT, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=MAIL_TIMEOUT)
    try:
        if server.user is not None:
            smtp.ehlo_or_helo_if_needed()
            if not server.is_tls and smtp.has_extn("starttls"):
                smtp.starttls(context=context)
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _mail(page: Page, sender: str, now: datetime) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject(page)
    message["From"] = sender
    message["To"] = page.user_email
    message["Date"] = format_datetime(now)
    # The same for each try, so that a mail program can tell.
    message["Message-ID"] = f"<{page.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(page))
    return message
