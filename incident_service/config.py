"""Settings: read once from the environment, checked, and then only handed down."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import limits
import marshmallow as ma
from marshmallow import fields, validate

from incident_service import emails
from incident_service.errors import InvalidSetting

PREFIX = "INCIDENT_SERVICE_"

WEBHOOK_SCHEMES = frozenset({"https", "http"})
"""Those of the service's own webhook; all others are Apprise's."""

_MAIL = "mailto mailtos mailgun sendgrid postmark ses sparkpost smtp2go"
_CHATS = (
    "slack workflow workflows discord tgram gchat mmost mmosts rocket rockets matrix matrixs "
    "webex wxteams zulip twist flock guilded ringc line lark feishu dingtalk wecombot nctalk "
    "nctalks ntfy ntfys gotify gotifys pover pbul join prowl simplepush"
)
_TELEPHONES = (
    "twilio sns vonage nexmo clickatell msgbird sinch bulksms bulkvs d7sms seven telnyx "
    "infobip voipms clicksend 46elks signal signals threema whatsapp"
)
_PAGERS = "pagerduty opsgenie pagertree signl4 splunk victorops ilert goalert goalerts squadcast"
_WEBHOOKS = "json jsons https"

ALLOWED_SCHEMES = frozenset(" ".join((_MAIL, _CHATS, _TELEPHONES, _PAGERS, _WEBHOOKS)).split())
"""What a contact method may be unless the operator says otherwise (contract §8)."""


def _default_workers() -> int:
    """One process a core up to four, for one writes at a time; two at least, so one may die."""
    return max(2, min(4, len(os.sched_getaffinity(0))))


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and whom it is from."""

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
        """Whether no mail is handed in on a connection that is not encrypted."""
        return self.starttls == "required" or (self.starttls is None and self.user is not None)


def parse_smtp_url(text: str) -> MailServer:
    """Return what `smtp://[user:password@]host[:port]?from=address` (or `smtps://…`) names.

    The port is 465 for `smtps`, else 25. `&starttls=` says `required`, `optional` or `never`,
    `&certificate=any` that the server's certificate is not checked. Special characters are
    percent-encoded. Raises `ValueError`, whose text repeats nothing of the URL.
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
        raise ValueError("Says something twice.")
    chosen = {name: values[0] for name, values in options.items()}
    sender = emails.mail_address(chosen.pop("from", ""))
    if sender is None or not sender.isascii():
        raise ValueError("Must have ?from= and one email address, in ASCII before its @.")
    is_tls = url.scheme == "smtps"
    starttls = chosen.pop("starttls", None)
    if starttls not in (None, "required", "optional", "never") or (is_tls and starttls):
        raise ValueError("starttls is required, optional or never, and for smtp:// alone.")
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


@dataclass(frozen=True)
class Settings:
    """What an operator can choose (contract §9); each is `INCIDENT_SERVICE_` and its name."""

    database: Path = Path("incident-service.db")
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = _default_workers()
    threads: int = 6
    base_url: str = ""
    log_level: str = "INFO"
    write_timeout: float = 5.0
    """Seconds that a write waits for others before it is refused as `busy`: less than a stop takes,
    so that it is answered even then."""
    allowed_notification_schemes: frozenset[str] = ALLOWED_SCHEMES
    delivery_networks: Literal["any", "public"] = "any"
    """Whether contact methods may lead to addresses that are not public."""
    smtp_url: str = field(default="", repr=False)
    """See `parse_smtp_url`; without it, a user without a contact method cannot be paged."""
    webhook_secret: str = field(default="", repr=False)
    metrics_token: str = field(default="", repr=False)
    """What `/metrics` asks for; without it, it asks for nothing."""
    rate_limit_key: str = ""
    rate_limit_address: str = ""
    rate_limit_public: str = "600/minute"
    """Of one address without a valid key; `none` for no limit. See `ratelimit.RateLimits`."""
    trusted_proxies: int = 0
    """How many proxies in front add the client's address to X-Forwarded-For."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; those that are not set, or set to nothing, keep their defaults.

        Raises `InvalidSetting`, naming the variable, if a value makes no sense or the variable has
        our prefix and is not a setting.
        """
        values = {}
        for variable, value in environ.items():
            if variable.startswith(PREFIX):
                name = variable.removeprefix(PREFIX).lower()
                if name not in _SettingsSchema().fields or variable != PREFIX + name.upper():
                    raise InvalidSetting(f"{variable} is not a setting of incident-service.")
                if value:
                    values[name] = value
        try:
            return cls(**_SettingsSchema().load(values))
        except ma.ValidationError as error:
            assert isinstance(error.messages, dict)  # every fault is a field's
            name, sentences = next(iter(error.messages.items()))
            raise InvalidSetting(f"{PREFIX}{name.upper()}: {sentences[0]}") from None

    @property
    def mail_server(self) -> MailServer | None:
        """Where mail is handed in, if it is configured."""
        return parse_smtp_url(self.smtp_url) if self.smtp_url else None

    @property
    def public_path(self) -> str:
        """The path below which clients reach the service, as `/oncall`; empty if there is none."""
        return urlsplit(self.base_url).path.rstrip("/")

    @property
    def public_url(self) -> str:
        """Where clients reach the service: `base_url`, else where it listens."""
        if self.base_url:
            return self.base_url.rstrip("/")
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


def _read_schemes(text: str) -> frozenset[str]:
    from apprise.manager_plugins import NotificationManager  # slow to load, and seldom needed

    schemes = frozenset(name.strip().lower() for name in text.split(",") if name.strip())
    # One that is a whole URL may hold a secret, and is not repeated.
    if not schemes or not all(re.fullmatch(r"[a-z0-9]{1,20}", scheme) for scheme in schemes):
        raise ma.ValidationError("Not names of schemes, as in mailto,slack,https.")
    manager: Any = NotificationManager  # has no types
    unknown = sorted(schemes - WEBHOOK_SCHEMES - set(manager().schemas()))
    if unknown:
        raise ma.ValidationError(f"{unknown[0]} is neither https, http nor a scheme of Apprise's.")
    return schemes


def _read_host(text: str) -> str:
    """Return an address without brackets, or a name; whether it is this machine's shows later."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # All of digits and dots it would be an address, and is not one.
        if host != text or re.fullmatch(r"[0-9.]+", host) or not _HOST_NAME.fullmatch(host):
            raise ma.ValidationError("Not an IP address or the name of a host.") from None
    else:
        if host != text and address.version == 4:
            raise ma.ValidationError("Only an IPv6 address can be in brackets.")
    return host


def _check_base_url(text: str) -> None:
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ma.ValidationError("Not a valid URL, or its port is above 65535.") from None
    if port == 0:
        raise ma.ValidationError("Its port must not be 0.")
    if "?" in text or "#" in text:
        raise ma.ValidationError("Must not have a query or a fragment.")
    if url.username is not None or url.password is not None:
        raise ma.ValidationError("Must not have a user or a password.")
    path = url.path.removeprefix("/").removesuffix("/")
    steps = path.split("/") if path else []
    if not all(re.fullmatch(r"[A-Za-z0-9._~-]+", step) and step.strip(".") for step in steps):
        raise ma.ValidationError("Its path can only have letters, digits and - . _ ~ between /.")


def _check_smtp_url(text: str) -> None:
    try:
        parse_smtp_url(text)
    except ValueError as error:
        raise ma.ValidationError(str(error)) from None


def _check_limit(text: str) -> None:
    try:
        limits.parse_many(text)
    except ValueError:
        raise ma.ValidationError("Not a rate, as in 100/minute.") from None
    # Nobody could ask then; and the library takes a period of 0 for one of 1.
    if re.search(r"(?<!\d)0+(?!\d)", text):
        raise ma.ValidationError("Its numbers must be 1 or more.")


_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


class _SettingsSchema(ma.Schema):
    database = fields.Function(deserialize=Path)
    host = fields.Function(deserialize=_read_host)
    port = fields.Integer(validate=validate.Range(1, 65535))
    workers = fields.Integer(validate=validate.Range(1, 64))
    threads = fields.Integer(validate=validate.Range(1, 64))
    base_url = fields.URL(schemes={"http", "https"}, require_tld=False, validate=_check_base_url)
    log_level = fields.String(validate=validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR")))
    write_timeout = fields.Float(validate=validate.Range(0.05, 7))
    allowed_notification_schemes = fields.Function(deserialize=_read_schemes)
    delivery_networks = fields.String(validate=validate.OneOf(("any", "public")))
    smtp_url = fields.String(validate=_check_smtp_url)
    webhook_secret = fields.String()
    metrics_token = fields.String()
    rate_limit_key = fields.String(validate=_check_limit)
    rate_limit_address = fields.String(validate=_check_limit)
    rate_limit_public = fields.String(
        validate=lambda text: None if text == "none" else _check_limit(text)
    )
    trusted_proxies = fields.Integer(validate=validate.Range(0, 10))
