"""Sends messages by mail, through the operator's SMTP server."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.charset import QP, Charset
from email.header import Header
from email.message import Message
from email.utils import format_datetime
from typing import Any

from incident_service import emails
from incident_service.mail_server import MailServer
from incident_service.paging import page, wording
from incident_service.paging.page import Outcome


def send(
    message: page.UserMessage | page.Mail,
    server: MailServer | None,
    *,
    now: datetime,
    timeout: float,
) -> Outcome:
    """Try once to mail the message to its user; `timeout` is in seconds, for each step."""
    if server is None:
        return Outcome(False, "no SMTP server is configured", permanent=True)
    address = emails.mail_address(message.user_email)
    if address is None:
        return Outcome(False, "the user's email is not one email address", permanent=True)
    mail = _mail(message, address, server.sender, now)
    try:
        with _leaving(_connection(server, timeout)) as smtp:
            options = []
            if not address.isascii():
                smtp.ehlo_or_helo_if_needed()
                if not smtp.has_extn("smtputf8"):
                    return Outcome(
                        False, "the mail server does not accept this address", permanent=True
                    )
                options.append("SMTPUTF8")
            content = mail.as_bytes().replace(b"\n", b"\r\n")
            smtp.sendmail(server.sender, [address], content, mail_options=options)
    except _NotEncrypted:
        return Outcome(False, "the mail server offers no encryption")
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        return Outcome(
            False,
            f"the mail server refused the address with {codes[0]}",
            permanent=all(code >= 500 for code in codes),
        )
    except smtplib.SMTPNotSupportedError:
        return Outcome(False, "the mail server does not support what this needs")
    except smtplib.SMTPResponseException as error:
        return Outcome(False, f"the mail server answered with {error.smtp_code}")
    except smtplib.SMTPException as error:
        is_late = isinstance(error.__context__, TimeoutError)
        return Outcome(False, "timed out" if is_late else "the mail server closed the connection")
    except TimeoutError:
        return Outcome(False, "timed out")
    except ssl.SSLError:
        return Outcome(False, "no secure connection")
    except OSError:
        return Outcome(False, "no connection")
    return Outcome(True)


class _NotEncrypted(Exception):
    """The server does not offer the encryption that the settings ask for."""


def _connection(server: MailServer, timeout: float) -> smtplib.SMTP:
    """Return a connection that is encrypted and logged in as the settings say."""
    context = ssl.create_default_context()
    if not server.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if server.is_tls:
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=timeout, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=timeout)
    try:
        smtp.ehlo_or_helo_if_needed()
        if not server.is_tls and server.starttls != "never":
            if smtp.has_extn("starttls"):
                smtp.starttls(context=context)
            elif server.needs_encryption:
                raise _NotEncrypted
        if server.user is not None:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


@contextmanager
def _leaving(smtp: smtplib.SMTP) -> Iterator[smtplib.SMTP]:
    """Say goodbye at the end. The answer does not matter: the server has accepted the mail."""
    try:
        yield smtp
        with suppress(OSError):
            smtp.quit()
    finally:
        smtp.close()


def _mail(
    message: page.Message | page.Mail, address: str, sender: str, now: datetime
) -> Message[Any, Any]:
    if isinstance(message, page.Invitation):
        headline, text = wording.invitation(message)
    elif isinstance(message, page.SignInLink):
        headline, text = wording.sign_in_link(message)
    else:
        headline, text = wording.headline(message), wording.text(message)
    charset = Charset("utf-8")
    charset.body_encoding = QP
    mail: Message[Any, Any] = Message()
    mail.set_payload(text, charset)
    mail["Subject"] = _subject(headline)
    mail["From"] = sender
    # An address that is not ASCII goes as it is, in UTF-8 (RFC 6532). It cannot be encoded.
    mail["To"] = address.encode().decode("ascii", "surrogateescape")
    mail["Date"] = format_datetime(now)
    # The same for each try, so that a mail program recognizes a copy.
    mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    if message.urgency in ("critical", "high"):
        mail["Importance"] = "high"
    return mail


def _subject(headline: str) -> Header | str:
    """Return the headline so that mail programs show it unchanged.

    Printable ASCII stays as it is. Any other headline is encoded as a whole, because spaces between
    encoded words get lost. So is one with `=?`, which begins such a word.
    """
    if headline.isascii() and headline.isprintable() and "=?" not in headline:
        return headline
    return Header(headline, "utf-8", header_name="Subject")
