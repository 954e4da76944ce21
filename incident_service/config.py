"""Settings: read once from the environment, checked, and then only handed down."""

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import limits
import marshmallow as ma
from marshmallow import fields, validate

from incident_service.errors import InvalidSetting
from incident_service.mail_server import MailServer, parse_smtp_url

PREFIX = "INCIDENT_SERVICE_"

T = TypeVar("T")

WEBHOOK_SCHEMES = frozenset({"https", "http"})
"""The schemes of the service's own webhook; Apprise handles all others."""

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

_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def _default_workers() -> int:
    """Return one process a core: at most four, because one writes at a time; two so one may die."""
    return max(2, min(4, len(os.sched_getaffinity(0))))


def _read_schemes(text: str) -> frozenset[str]:
    from apprise.manager_plugins import NotificationManager  # slow to load, and seldom needed

    schemes = frozenset(name.strip().lower() for name in text.split(",") if name.strip())
    # The error does not repeat them: somebody may give a whole URL, with a secret in it.
    if not schemes or not all(re.fullmatch(r"[a-z0-9]{1,20}", scheme) for scheme in schemes):
        raise ma.ValidationError("Not names of schemes, as in mailto,slack,https.")
    manager: Any = NotificationManager  # has no types
    unknown = sorted(schemes - WEBHOOK_SCHEMES - set(manager().schemas()))
    if unknown:
        raise ma.ValidationError(f"{unknown[0]} is neither https, http nor a scheme of Apprise's.")
    return schemes


def _read_host(text: str) -> str:
    """Return an address without brackets, or a name. Whether it can be used shows later."""
    host = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Digits and dots alone would be an address, and this is not one.
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


def _check_issuer(text: str) -> None:
    _check_base_url(text)
    url = urlsplit(text)
    if url.scheme.lower() != "https" and not is_this_machine(url.hostname or ""):
        raise ma.ValidationError("Must begin with https://, except on this machine.")


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
    # A count of 0 would refuse everybody, and the library reads a period of 0 as 1.
    if re.search(r"(?<!\d)0+(?!\d)", text):
        raise ma.ValidationError("Its numbers must be 1 or more.")


def _check_public_limit(text: str) -> None:
    if text != "none":
        _check_limit(text)


_TYPED = validate.Regexp(r"[\x21-\x7e]{1,1000}\Z", error="Must be 1 to 1000 ASCII characters.")


def is_this_machine(host: str) -> bool:
    """Whether a URL's host is the loopback interface of the machine."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class ServerUrl:
    """Where a PostgreSQL server is: a URL as libpq takes it. It is printed without passwords."""

    url: str = dataclasses.field(repr=False)

    def __str__(self) -> str:
        scheme, _, rest = self.url.partition("://")
        place, mark, query = rest.partition("?")
        person, at, host = place.rpartition("@")
        options = [option for option in query.split("&") if "password" not in option.lower()]
        shown = "&".join(options) if query else ""
        return f"{scheme}://{person.partition(':')[0]}{at}{host}{mark if shown else ''}{shown}"


Where = Path | ServerUrl
"""Where the database is: a file, or a server."""


def read_database(text: str) -> Where:
    """Return where the database is that a person names."""
    return ServerUrl(text) if re.match(r"postgres(ql)?://", text) else Path(text)


def _setting(default: T, parser: fields.Field[Any], *, is_secret: bool = False) -> T:
    """Define a setting: its default, and what reads and checks its text.

    `is_secret`: whether the value is left out of what is printed of the settings.
    """
    setting: T = dataclasses.field(default=default, repr=not is_secret, metadata={"parser": parser})
    return setting


@dataclass(frozen=True)
class Settings:
    """What an operator can choose (contract §9).

    This is the only list: a line here is a setting, whose variable is `INCIDENT_SERVICE_` and its
    name.
    """

    database: Where = _setting(  # noqa: RUF009
        Path("incident-service.db"),
        fields.Function(deserialize=read_database),
    )
    """A file, or `postgresql://…`."""
    host: str = _setting("127.0.0.1", fields.Function(deserialize=_read_host))
    port: int = _setting(8000, fields.Integer(validate=validate.Range(1, 65535)))
    workers: int = _setting(_default_workers(), fields.Integer(validate=validate.Range(1, 64)))
    threads: int = _setting(6, fields.Integer(validate=validate.Range(1, 64)))
    base_url: str = _setting(
        "", fields.URL(schemes={"http", "https"}, require_tld=False, validate=_check_base_url)
    )
    log_level: str = _setting(
        "INFO", fields.String(validate=validate.OneOf(("DEBUG", "INFO", "WARNING", "ERROR")))
    )
    write_timeout: float = _setting(5.0, fields.Float(validate=validate.Range(0.05, 7)))
    """Seconds that a write waits for others before it is refused as `busy`: less than a stop takes,
    so that it is answered even then."""
    allowed_notification_schemes: frozenset[str] = _setting(
        ALLOWED_SCHEMES, fields.Function(deserialize=_read_schemes)
    )
    delivery_networks: Literal["any", "public"] = _setting(
        "any", fields.String(validate=validate.OneOf(("any", "public")))
    )
    """Whether contact methods may lead to addresses that are not public."""
    smtp_url: str = _setting("", fields.String(validate=_check_smtp_url), is_secret=True)
    """See `parse_smtp_url`; without it, a user without a contact method cannot be paged."""
    webhook_secret: str = _setting("", fields.String(), is_secret=True)
    """What signs webhooks; without it, they are not signed."""
    metrics_token: str = _setting("", fields.String(), is_secret=True)
    """What `/metrics` asks for; without it, it asks for nothing."""
    oidc_issuer: str = _setting(
        "", fields.URL(schemes={"https", "http"}, require_tld=False, validate=_check_issuer)
    )
    """The OpenID provider by which people sign in to the console, with the two below; see §11."""
    oidc_client_id: str = _setting("", fields.String(validate=_TYPED))
    oidc_client_secret: str = _setting("", fields.String(validate=_TYPED), is_secret=True)
    retention_days: int | None = _setting(None, fields.Integer(validate=validate.Range(30, 36500)))
    """For how many days history is kept, if not for good: see `alerts/retention.py`. Not less than
    30, because an incident can be reopened for 7 days, and reports ask for a month."""
    rate_limit_key: str = _setting("", fields.String(validate=_check_limit))
    rate_limit_address: str = _setting("", fields.String(validate=_check_limit))
    rate_limit_public: str = _setting("600/minute", fields.String(validate=_check_public_limit))
    """For one address without a valid key; `none` for no limit. See `rate_limits.RateLimits`."""
    trusted_proxies: int = _setting(0, fields.Integer(validate=validate.Range(0, 10)))
    """How many proxies in front add the client's address to X-Forwarded-For."""

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; those that are not set, or set to nothing, keep their defaults.

        Raises `InvalidSetting`, naming the variable, if a value makes no sense, if the variable has
        our prefix and is not a setting, or if a setting is missing that another one needs.
        """
        values = {}
        for variable, value in environ.items():
            if variable.upper().startswith(PREFIX):
                if variable not in VARIABLES:
                    raise InvalidSetting(
                        f"{variable} is not a setting. Did you mean {_nearest(variable)}?"
                    )
                if value:
                    values[VARIABLES[variable]] = value
        missing = [name for name in _OIDC if name not in values]
        if missing and len(missing) < len(_OIDC):
            raise InvalidSetting(
                f"{PREFIX}{missing[0].upper()} is missing. OpenID Connect needs the issuer, the "
                "client's id and its secret."
            )
        try:
            return cls(**_SCHEMA.load(values))
        except ma.ValidationError as error:
            assert isinstance(error.messages, dict)  # every fault is a field's
            name, sentences = next(iter(error.messages.items()))
            raise InvalidSetting(f"{PREFIX}{name.upper()}: {sentences[0]}") from None

    @property
    def mail_server(self) -> MailServer | None:
        """Where mail is handed in, if it is configured."""
        return parse_smtp_url(self.smtp_url) if self.smtp_url else None

    @property
    def database_variable(self) -> str:
        """The variable's value that names the database wherever a process works; it is a secret."""
        if isinstance(self.database, Path):
            return str(self.database.resolve())
        return self.database.url

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


_PARSERS = {setting.name: setting.metadata["parser"] for setting in dataclasses.fields(Settings)}

_OIDC = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")
"""All of them are set, or none."""

_SCHEMA = ma.Schema.from_dict(_PARSERS)()

VARIABLES = {PREFIX + name.upper(): name for name in _PARSERS}
"""The environment's variables, and the setting of each."""


def _nearest(variable: str) -> str:
    """Return the variable that is spelt most like this one."""
    names = [name.upper() for name in _PARSERS]
    nearest = difflib.get_close_matches(variable[len(PREFIX) :].upper(), names, n=1, cutoff=0)
    return PREFIX + nearest[0]
