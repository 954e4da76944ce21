"""The operator's mail server, as one URL describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from incident_service import emails


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes the service's mail, and the sender's address."""

    host: str
    port: int
    sender: str
    is_tls: bool
    """Whether the connection is encrypted from its first byte."""
    user: str | None = None
    password: str = field(default="", repr=False)
    starttls: str | None = None
    """`required`, `optional` (used if offered) or `never`; `None`: required with a user, else
    optional."""
    is_verified: bool = True
    """Whether the server's certificate is checked."""

    @property
    def needs_encryption(self) -> bool:
        """Whether mail is sent only if the connection is encrypted."""
        return self.starttls == "required" or (self.starttls is None and self.user is not None)


def parse_smtp_url(text: str) -> MailServer:
    """Return the server that `smtp://[user:password@]host[:port]?from=address` describes.

    The scheme may also be `smtps`. The port is 465 for `smtps`, else 25. `&starttls=` is
    `required`, `optional` or `never`; with `&certificate=any`, the server's certificate is not
    checked. Special characters are percent-encoded. Raises `ValueError`, whose text repeats nothing
    of the URL.
    """
    try:
        url = urlsplit(text)
        port = url.port
        options = parse_qs(url.query.replace("+", "%2B"), True, True, max_num_fields=3)
    except ValueError:
        raise ValueError("Not a URL.") from None
    if url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError("Not smtp://host or smtps://host.")
    if url.path not in ("", "/") or url.fragment:
        raise ValueError("Has a path or a fragment; encode special characters as in %2F.")
    if any(len(values) > 1 for values in options.values()):
        raise ValueError("An option is given twice.")
    chosen = {name: values[0] for name, values in options.items()}
    sender = emails.mail_address(chosen.pop("from", ""))
    if sender is None or not sender.isascii():
        raise ValueError("Must have ?from= and one email address, in ASCII before its @.")
    is_tls = url.scheme == "smtps"
    starttls = chosen.pop("starttls", None)
    if starttls not in (None, "required", "optional", "never") or (is_tls and starttls):
        raise ValueError("starttls must be required, optional or never, and is only for smtp://.")
    certificate = chosen.pop("certificate", None)
    if certificate not in (None, "any"):
        raise ValueError("certificate can only be any.")
    if chosen:
        raise ValueError("Only from, starttls and certificate may follow the question mark.")
    user, password = unquote(url.username or ""), unquote(url.password or "")
    if not (user + password).isascii():
        raise ValueError("The user and the password must be ASCII: SMTP servers know no other.")
    if password and not user:
        raise ValueError("Has a password without a user.")
    return MailServer(
        host=url.hostname,
        port=port or (465 if is_tls else 25),
        sender=sender,
        is_tls=is_tls,
        user=user or None,
        password=password,
        starttls=starttls,
        is_verified=certificate is None,
    )
