"""Apprise's URLs: which service a URL names, and whether a page can go there."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyBase
from apprise.manager_plugins import NotificationManager

MAX_TARGETS = 10
"""The most recipients in one URL. Each is a request of its own, one after the other."""

FRAMING_HEADERS = frozenset(
    [
        "connection",
        "content-encoding",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ]
)
"""Headers that say where a request ends and who gets it. Clients may not choose them."""


class Unusable(ValueError):
    """Raised for a URL that pages cannot go to. The text says why, without repeating the URL."""


@functools.cache
def asset() -> AppriseAsset:
    """Return Apprise's settings: send under our name, in this thread, and make no files.

    With a `service_timeout`, Apprise would send from a small pool of threads that the whole process
    shares, and a message that it has given up on would keep its thread.
    """
    return AppriseAsset(
        app_id="incident-service",
        app_desc="incident-service",
        async_mode=False,
        service_timeout=0,
        pgp_autogen=False,
        pem_autogen=False,
        interpret_escapes=False,
        interpret_emojis=False,
        image_url_mask="",
        image_url_logo="",
    )


def plugin_schemes(plugin: Any) -> tuple[str, ...]:
    """Return the schemes of a plug-in or of one of its instances."""
    schemes: list[str] = []
    for names in (plugin.secure_protocol, plugin.protocol):
        schemes.extend((names,) if isinstance(names, str) else names or ())
    return tuple(schemes)


def native_schemes(url: str) -> tuple[str, ...]:
    """Return the schemes of the service whose own `https://` URL this is, or nothing."""
    manager: Any = NotificationManager
    for plugin in manager().plugins():
        if plugin.parse_native_url(url):
            return plugin_schemes(plugin)
    return ()


def host_of_service(url: str) -> str | None:
    """Return a scheme of the service that owns the URL's host, if a known service does."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
    labels = host.split(".")
    parents = (".".join(labels[first:]) for first in range(len(labels) - 1))
    return next((_hosts()[name] for name in parents if name in _hosts()), None)


@functools.cache
def _hosts() -> Mapping[str, str]:
    """Return the hosts of known services, each with a scheme of its service."""
    manager: Any = NotificationManager
    hosts: dict[str, str] = {}
    for plugin in manager().plugins():
        for name in dir(plugin):
            url = getattr(plugin, name) if name.endswith(("notify_url", "webhook_url")) else None
            host = urlsplit(url).hostname if isinstance(url, str) else None
            if host and "{" not in host:
                hosts.setdefault(host, plugin_schemes(plugin)[0])
    return hosts


def service(
    url: str,
    *,
    connect_timeout: float,
    read_timeout: float,
    arguments: Callable[[NotifyBase], Mapping[str, str]] | None = None,
) -> NotifyBase:
    """Return the service that the URL names; raise `Unusable` if pages cannot go there.

    Time-outs are in seconds. Whatever the URL says about time-outs, retries, redirects, format,
    overflow and being optional is ignored, and so are its `FRAMING_HEADERS`. `arguments` returns
    what to set if the URL does not set it itself.
    """
    instance = _instance(url, arguments or (lambda _: {}))
    if _reads_files(instance):
        raise Unusable("it names a file or a template")
    if len(instance) > MAX_TARGETS:
        raise Unusable(f"it has more than {MAX_TARGETS} recipients")
    if _lost_its_targets(instance):
        raise Unusable("none of its recipients is valid")
    if _http_method(instance) != "POST":
        raise Unusable("pages can only be sent with POST")
    if _leaves_the_text_out(instance):
        raise Unusable("it leaves out some of the page's text")
    headers = getattr(instance, "headers", None)
    if isinstance(headers, dict):
        if not all(map(_can_be_sent, headers, headers.values())):
            raise Unusable("it sets a header that cannot be sent")
        for name in [name for name in headers if _frames(name)]:
            del headers[name]
    instance.socket_connect_timeout = connect_timeout
    instance.socket_read_timeout = read_timeout
    instance.redirects = False
    instance.retry = 0
    instance.optional = False  # otherwise a failure would count as a success
    # Otherwise it sleeps between recipients, for as long as the other side asks.
    vars(instance)["throttle"] = lambda *args, **kwargs: None
    return instance


def framing_header(url: str) -> str | None:
    """Return the name of one of `FRAMING_HEADERS` that the URL sets, in lower case."""
    headers = getattr(_instance(url, lambda _: {}), "headers", None)
    names = headers if isinstance(headers, dict) else ()
    return next((name.strip().lower() for name in names if _frames(name)), None)


def _can_be_sent(name: str, value: str) -> bool:
    """Whether HTTP allows this header."""
    is_name = re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII)
    return is_name is not None and re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value) is not None


def _frames(name: str) -> bool:
    return name.strip().lower() in FRAMING_HEADERS


def _instance(url: str, arguments: Callable[[NotifyBase], Mapping[str, str]]) -> NotifyBase:
    try:
        instance = Apprise.instantiate(url, asset=asset())
        wanted = arguments(instance) if instance is not None else {}
        if wanted:
            plugin: Any = type(instance)
            chosen = (plugin.parse_url(url) or plugin.parse_native_url(url))["qsd"]
            unset = {name: text for name, text in wanted.items() if not chosen.get(name)}
            if unset:
                joint = "&" if "?" in url else "?"
                instance = (
                    Apprise.instantiate(
                        url + joint + urlencode(unset, quote_via=quote), asset=asset()
                    )
                    or instance
                )
    except Exception:  # whatever a service's parser does not expect
        instance = None
    if instance is None:
        raise Unusable("it is incomplete or has too many parts")
    return instance


def _reads_files(instance: NotifyBase) -> bool:
    """Whether the URL gave the service a template or a key, which may be any path or URL."""
    values = vars(instance)
    return any(
        isinstance(value, AppriseAttachment) and len(value) > 0 for value in values.values()
    ) or any(values.get(name) for name in ("pgp_key", "pgp_privkey", "keyfile", "subfile"))


def _http_method(instance: NotifyBase) -> str:
    """Return the HTTP method that the URL chooses. Not every service means this by `method`."""
    plugin: Any = type(instance)
    known = plugin.template_args.get("method", {}).get("values") or ()
    return str(getattr(instance, "method", "POST")).upper() if "POST" in known else "POST"


def _lost_its_targets(instance: Any) -> bool:
    """Whether the URL should name recipients, and the service could not read any."""
    invalid = getattr(instance, "invalid_targets", None) or getattr(
        instance, "_invalid_targets", None
    )
    must = type(instance).template_tokens.get("targets", {}).get("required", False)
    return bool(invalid or must) and getattr(instance, "targets", None) == []


def _leaves_the_text_out(instance: Any) -> bool:
    """Whether the URL's template or renamed fields leave out a part of the message."""
    fields = {"title": "title", "message": "message"}
    for name, new_name in getattr(instance, "payload_extras", {}).items():
        if name in fields:
            fields[new_name] = fields[name]
            del fields[name]  # even if the new name is the old one, as Apprise does
            fields.pop("", None)
    if {*fields.values()} != {"title", "message"}:
        return True
    template = getattr(instance, "template", None)
    if not template or isinstance(template, AppriseAttachment):
        return False
    return "body" not in getattr(instance, "components", {}).values()
