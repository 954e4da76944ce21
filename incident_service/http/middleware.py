"""What every request gets: an id, a line in the access log, and a count in the metrics."""

from __future__ import annotations

import logging
import time

from flask import Flask, Response, current_app, g, request

from incident_service.http.metrics import Metrics
from incident_service.http.rate_limits import RateLimits
from incident_service.ids import canonical_uuid, new_request_id

PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Default headers of every answer. HSTS is left to the proxy that has TLS."""

NEVER_LIMITED = frozenset({"/healthz", "/readyz"})

_CHECKED_LATER = ("/v1/", "/status/")
"""Below these paths a request may have a valid key, or need only an answer that is cached."""

_log = logging.getLogger("incident_service.access")


def install(app: Flask) -> None:
    """Give each request its id, and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(_finish)


def request_id() -> str:
    """Return the id of the current request: the client's if it sent a UUID, else a new one."""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-Id")
        g.request_id = sent if sent and _is_uuid(sent) else new_request_id()
    return str(g.request_id)


def _is_uuid(text: str) -> bool:
    try:
        canonical_uuid(text)
    except ValueError:
        return False
    return True


def rate_limits() -> RateLimits:
    """Return the limits of this process."""
    limits: RateLimits = current_app.extensions["incident_service.rate_limits"]
    return limits


def check_without_key() -> None:
    """Count the current request among those without a valid key. Raises `RateLimited`."""
    rate_limits().check_without_key(request.remote_addr or "")


def _begin() -> None:
    g.began = time.perf_counter()
    if request.path not in NEVER_LIMITED:
        rate_limits().check_address(request.remote_addr or "")
        if not request.path.startswith(_CHECKED_LATER):
            check_without_key()


def _finish(response: Response) -> Response:
    headers, status = response.headers, response.status_code
    id, caller, rule = request_id(), g.get("caller"), request.url_rule
    route, method = rule.rule if rule else None, request.method
    headers["X-Request-Id"] = id
    sent = {name.lower() for name, _ in headers}
    headers.extend((n, value) for n, value in PROTECTION.items() if n.lower() not in sent)
    seconds = time.perf_counter() - g.began
    metrics: Metrics = current_app.extensions["incident_service.metrics"]
    metrics.count_request(method, route, status, seconds)
    _log.info(
        "request",
        extra={
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "requestId": id,
            "orgId": caller.org_id if caller else None,
            "keyId": caller.key_id if caller else None,
        },
    )
    return response
