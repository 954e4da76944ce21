"""How often one key, or one address, may ask (contract §1: `rate_limited`); off by default.

Each worker process counts for itself, in memory: nothing is shared, and nothing costs a write. So
a limit bounds what one process lets pass, and W workers together let pass up to W times as much.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import time

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from incident_service.errors import RateLimited


class RateLimits:
    """The limits of one process, each as `100/minute`, or several with `;` between them."""

    def __init__(self, *, per_key: str, per_address: str) -> None:
        self._per_key = parse_many(per_key) if per_key else []
        self._per_address = parse_many(per_address) if per_address else []

    @functools.cached_property
    def _limiter(self) -> FixedWindowRateLimiter:
        """Made at the first request, in a worker: it has a thread, which a fork would lose."""
        return FixedWindowRateLimiter(MemoryStorage())

    def check_key(self, key_id: str) -> None:
        """Count a request of a key. Raises `RateLimited`."""
        self._check(self._per_key, "key", key_id)

    def check_address(self, address: str) -> None:
        """Count a request from an address. Raises `RateLimited`."""
        if self._per_address:
            self._check(self._per_address, "address", network(address))

    def _check(self, limits: list[RateLimitItem], kind: str, who: str) -> None:
        for limit in limits:
            if not self._limiter.hit(limit, kind, who):
                resets_at, _ = self._limiter.get_window_stats(limit, kind, who)
                raise RateLimited(
                    f"Too many requests of one {kind}: {limit} are allowed.",
                    seconds=max(1, math.ceil(resets_at - time.time())),
                )


def network(address: str) -> str:
    """Return what counts as one address: of IPv6 the first 64 bits, for one client has them all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:  # a socket's path, or what a proxy made up
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(parsed), 64), strict=False))
