"""Rate limits for a key, an address, and an address without a key (contract §1).

Each worker process counts for itself, in memory: nothing is shared, and nothing costs a write. So
a limit bounds what one process lets pass, and W workers together let pass up to W times as much.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import threading
import time
from collections import OrderedDict

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from incident_service.errors import RateLimited

MAX_COUNTS = 10_000
"""How many counts are kept of each kind; beyond that, the longest unused ones go."""


class RateLimits:
    """The limits of one process, each as `100/minute`, or several with `;` between them."""

    def __init__(
        self,
        *,
        per_key: str = "",
        per_address: str = "",
        without_key: str = "",
        is_behind_known_proxies: bool = False,
    ) -> None:
        """`is_behind_known_proxies`: whether addresses are the clients' own, even behind a proxy.

        If not, a loopback address is most likely a proxy's. It has no limit for requests without a
        key: everybody who looks at a status page would share it.
        """
        self._of_keys = _Limit("key", per_key)
        self._of_addresses = _Limit("address", per_address)
        self._without_key = _Limit("address without a key", without_key)
        self._limits_loopback = is_behind_known_proxies

    def check_key(self, key_id: str) -> None:
        """Count a request of a key. Raises `RateLimited`."""
        self._of_keys.count(key_id)

    def check_address(self, address: str) -> None:
        """Count a request from an address. Raises `RateLimited`."""
        self._of_addresses.count(network(address))

    def check_without_key(self, address: str) -> None:
        """Count a request from an address that has no valid key. Raises `RateLimited`."""
        if self._limits_loopback or not _is_local(address):
            self._without_key.count(network(address))


class _Limit:
    """The limit for each key or address of one kind; without a limit nothing is counted."""

    def __init__(self, kind: str, text: str) -> None:
        self._kind = kind
        self._items: list[RateLimitItem] = parse_many(text) if text else []
        self._limiter = FixedWindowRateLimiter(_Counts())

    def count(self, who: str) -> None:
        for item in self._items:
            if not self._limiter.hit(item, who):
                resets_at, _ = self._limiter.get_window_stats(item, who)
                raise RateLimited(
                    f"Too many requests from one {self._kind}: {item} are allowed.",
                    seconds=max(1, math.ceil(resets_at - time.time())),
                )


class _Counts(Storage):
    """Counts in memory, a bounded number of them.

    The library's own storage keeps a count for everybody within a window, and looks at all of them
    a hundred times a second.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """By key: when the window ends, in seconds of the epoch, and the count in it."""
        super().__init__()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return the errors of the storage, which has none."""
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Add to a count, in a new window of `expiry` seconds if the last one is over."""
        now = time.time()
        with self._lock:
            ends_at, count = self._kept.pop(key, (0.0, 0))
            if ends_at <= now:
                ends_at, count = now + expiry, 0
            self._kept[key] = ends_at, count + amount
            if len(self._kept) > MAX_COUNTS:
                self._kept.popitem(last=False)
        return count + amount

    def get(self, key: str) -> int:
        """Return a count."""
        ends_at, count = self._kept.get(key, (0.0, 0))
        return count if ends_at > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window of a count ends."""
        return self._kept.get(key, (time.time(), 0))[0]

    def check(self) -> bool:
        """Return `True`: memory is always there."""
        return True

    def reset(self) -> int:
        """Forget all counts; return how many there were."""
        with self._lock:
            count = len(self._kept)
            self._kept.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget a count."""
        with self._lock:
            self._kept.pop(key, None)


@functools.lru_cache(maxsize=1024)
def network(address: str) -> str:
    """Return what counts as one address: an IPv6 client has a whole /64 network to itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a socket's path, or what a proxy made up
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))


def _is_local(address: str) -> bool:
    """Whether the peer is on this machine; one without an address came by a socket file."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return not address
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback
