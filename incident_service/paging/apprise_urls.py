"""Apprise's URLs: which there are, and the service that one of them names."""

from __future__ import annotations

import functools
from typing import Any

from apprise import Apprise, AppriseAsset, AppriseAttachment, NotifyBase
from apprise.manager_plugins import NotificationManager

MAX_TARGETS = 10
"""Recipients in one URL: each is a request of its own, one after the other."""


@functools.cache
def schemes() -> frozenset[str]:
    """Return the schemes that Apprise knows, those that need another package included."""
    manager: Any = NotificationManager  # has no types
    return frozenset(manager().schemas())


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
    )


def service(url: str, *, connect_timeout: float, read_timeout: float) -> NotifyBase | None:
    """Return the service that the URL names, or `None` where Apprise cannot use it.

    Time-outs are in seconds; what the URL says about them, retries, redirects and being optional
    does not count. `None` too where it would read a file of this machine, make another request
    than a `POST`, or send more than `MAX_TARGETS` messages.
    """
    try:
        found = Apprise.instantiate(url, asset=asset())
    except Exception:  # whatever a service's parser did not expect
        return None
    if found is None or _reads_files(found) or len(found) > MAX_TARGETS:
        return None
    if getattr(found, "method", "post").lower() != "post":
        return None
    found.socket_connect_timeout = connect_timeout
    found.socket_read_timeout = read_timeout
    found.redirects = False
    found.retry = 0
    found.optional = False  # else a failure would count as a success
    # It may sleep, for as long as the other side asks for; a try has its time, and is made again.
    vars(found)["throttle"] = lambda *args, **kwargs: None
    return found


def _reads_files(found: NotifyBase) -> bool:
    """Whether the URL gave the service a template or a key, which may be any path or URL."""
    values = vars(found)
    return any(
        isinstance(value, AppriseAttachment) and len(value) > 0 for value in values.values()
    ) or any(values.get(name) for name in ("pgp_key", "pgp_privkey", "keyfile", "subfile"))
