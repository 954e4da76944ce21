"""Apprise's URLs: which there are, and the service that one of them names."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyBase
from apprise.manager_plugins import NotificationManager

MAX_TARGETS = 10
"""Recipients in one URL: each is a request of its own, one after the other."""

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
"""What says where a request ends and who gets it: never a client's to choose."""


class Unusable(ValueError):
    """A URL that no page can go to; the text says why, and repeats nothing of it."""


@functools.cache
def asset() -> AppriseAsset:
    """Return how Apprise is to behave: as us, in this thread, and without making files.

    With a time-out for a service, it sends from a pool of few threads that the whole process
    shares, and what it has given up goes on there.
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
    found: list[str] = []
    for names in (plugin.secure_protocol, plugin.protocol):
        found.extend((names,) if isinstance(names, str) else names or ())
    return tuple(found)


def native_schemes(url: str) -> tuple[str, ...]:
    """Return the schemes of the service that hands out this `https://` URL; none for any other."""
    manager: Any = NotificationManager
    for plugin in manager().plugins():
        if plugin.parse_native_url(url):
            return plugin_schemes(plugin)
    return ()


def host_of_service(url: str) -> str | None:
    """Return a scheme of the service to whose host, or one below it, the URL leads, if to any."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return None
    labels = host.split(".")
    parents = (".".join(labels[first:]) for first in range(len(labels) - 1))
    return next((_hosts()[name] for name in parents if name in _hosts()), None)


@functools.cache
def _hosts() -> Mapping[str, str]:
    """Return the hosts that services are sent to, each with a scheme of its service."""
    manager: Any = NotificationManager
    found: dict[str, str] = {}
    for plugin in manager().plugins():
        for name in dir(plugin):
            url = getattr(plugin, name) if name.endswith(("notify_url", "webhook_url")) else None
            host = urlsplit(url).hostname if isinstance(url, str) else None
            if host and "{" not in host:
                found.setdefault(host, plugin_schemes(plugin)[0])
    return found


def service(
    url: str,
    *,
    connect_timeout: float,
    read_timeout: float,
    arguments: Callable[[NotifyBase], Mapping[str, str]] | None = None,
) -> NotifyBase:
    """Return the service that the URL names; raise `Unusable` if no page can go there.

    Time-outs are in seconds; what the URL says about them, retries, redirects, format, overflow
    and being optional does not count, nor do its `FRAMING_HEADERS`. `arguments` are those to
    set where the URL does not set them itself.
    """
    found = _instance(url, arguments or (lambda _: {}))
    if _reads_files(found):
        raise Unusable("it names a file or a template")
    if len(found) > MAX_TARGETS:
        raise Unusable(f"it has more than {MAX_TARGETS} recipients")
    if _lost_its_targets(found):
        raise Unusable("none of its recipients is one")
    if _http_method(found) != "POST":
        raise Unusable("pages are sent with POST alone")
    if _leaves_the_text_out(found):
        raise Unusable("it leaves out some of the page's text")
    headers = getattr(found, "headers", None)
    if isinstance(headers, dict):
        if not all(map(_can_be_sent, headers, headers.values())):
            raise Unusable("it sets a header that cannot be sent")
        for name in [name for name in headers if _frames(name)]:
            del headers[name]
    found.socket_connect_timeout = connect_timeout
    found.socket_read_timeout = read_timeout
    found.redirects = False
    found.retry = 0
    found.optional = False  # else a failure would count as a success
    # Else it sleeps, between recipients and for as long as the other side asks for.
    vars(found)["throttle"] = lambda *args, **kwargs: None
    return found


def framing_header(url: str) -> str | None:
    """Return the name of one of `FRAMING_HEADERS` that the URL sets, in lower case."""
    headers = getattr(_instance(url, lambda _: {}), "headers", None)
    names = headers if isinstance(headers, dict) else ()
    return next((name.strip().lower() for name in names if _frames(name)), None)


def _can_be_sent(name: str, value: str) -> bool:
    """Whether HTTP takes a header as it is."""
    is_name = re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII)
    return is_name is not None and re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", value) is not None


def _frames(name: str) -> bool:
    return name.strip().lower() in FRAMING_HEADERS


def _instance(url: str, arguments: Callable[[NotifyBase], Mapping[str, str]]) -> NotifyBase:
    try:
        found = Apprise.instantiate(url, asset=asset())
        wanted = arguments(found) if found is not None else {}
        if wanted:
            plugin: Any = type(found)
            chosen = (plugin.parse_url(url) or plugin.parse_native_url(url))["qsd"]
            unset = {name: text for name, text in wanted.items() if not chosen.get(name)}
            if unset:
                joint = "&" if "?" in url else "?"
                found = (
                    Apprise.instantiate(
                        url + joint + urlencode(unset, quote_via=quote), asset=asset()
                    )
                    or found
                )
    except Exception:  # whatever a service's parser did not expect
        found = None
    if found is None:
        raise Unusable("it lacks something, or has too much")
    return found


def _reads_files(found: NotifyBase) -> bool:
    """Whether the URL gave the service a template or a key, which may be any path or URL."""
    values = vars(found)
    return any(
        isinstance(value, AppriseAttachment) and len(value) > 0 for value in values.values()
    ) or any(values.get(name) for name in ("pgp_key", "pgp_privkey", "keyfile", "subfile"))


def _http_method(found: NotifyBase) -> str:
    """Return the HTTP method that the URL chooses; elsewhere `method` means something else."""
    plugin: Any = type(found)
    known = plugin.template_args.get("method", {}).get("values") or ()
    return str(getattr(found, "method", "POST")).upper() if "POST" in known else "POST"


def _lost_its_targets(found: Any) -> bool:
    """Whether the URL must name recipients, or does, and the service could read none of them."""
    invalid = getattr(found, "invalid_targets", None) or getattr(found, "_invalid_targets", None)
    must = type(found).template_tokens.get("targets", {}).get("required", False)
    return bool(invalid or must) and getattr(found, "targets", None) == []


def _leaves_the_text_out(found: Any) -> bool:
    """Whether a template or renamed fields of the URL have no place for all of the message."""
    fields = {"title": "title", "message": "message"}
    for name, new_name in getattr(found, "payload_extras", {}).items():
        if name in fields:
            fields[new_name] = fields[name]
            del fields[name]  # also if it is its own new name: Apprise does so
            fields.pop("", None)
    if {*fields.values()} != {"title", "message"}:
        return True
    template = getattr(found, "template", None)
    if not template or isinstance(template, AppriseAttachment):
        return False
    return "body" not in getattr(found, "components", {}).values()
