"""What every request has: an id, a line in the access log, and a place in the figures."""

from __future__ import annotations

import logging
import time
from contextlib import suppress

import uuid_utils
from flask import Flask, Response, current_app, g, request

from incident_service.ids import canonical_uuid
from incident_service.metrics import Metrics
from incident_service.ratelimit import RateLimits

PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Headers of an answer that sets no other value itself; HSTS is for the proxy that has TLS."""

NEVER_LIMITED = frozenset({"/healthz", "/readyz"})

REST_BYTES = 32 * 1024 * 1024
REST_SECONDS = 2.0
"""How much of a refused body is read at the most, and for how long."""

_log = logging.getLogger("incident_service.access")


def install(app: Flask) -> None:
    """Give each request its id, and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(_finish)


def request_id() -> str:
    """Return the id of the request at hand: the client's, if it sent a UUID, else a new one."""
    if "request_id" not in g:
        sent = request.headers.get("X-Request-Id")
        g.request_id = sent if sent and _is_uuid(sent) else str(uuid_utils.uuid4())
    return str(g.request_id)


def _is_uuid(text: str) -> bool:
    try:
        canonical_uuid(text)
    except ValueError:
        return False
    return True


def _begin() -> None:
    g.began = time.perf_counter()
    if request.path not in NEVER_LIMITED:
        limits: RateLimits = current_app.extensions["incident_service.rate_limits"]
        limits.check_address(request.remote_addr or "")


def _read_rest() -> None:
    """Read what is left of a refused body, so that the client comes to read why.

    A connection that is closed on it would be reset, and the answer lost with it.
    """
    stream, until, left = request.environ["wsgi.input"], time.monotonic() + REST_SECONDS, REST_BYTES
    with suppress(Exception):  # whatever the server raises for a body that does not come
        while left > 0 and time.monotonic() < until and (part := stream.read(min(left, 65536))):
            left -= len(part)


def _finish(response: Response) -> Response:
    environ, headers, status = request.environ, response.headers, response.status_code
    if status >= 400 and ("CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ):
        _read_rest()
    id, caller, rule = request_id(), g.get("caller"), request.url_rule
    route, method = rule.rule if rule else None, environ["REQUEST_METHOD"]
    headers["X-Request-Id"] = id
    for name, value in PROTECTION.items():
        headers.setdefault(name, value)
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
