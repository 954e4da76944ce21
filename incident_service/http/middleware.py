"""What every request gets: an id, a line in the access log, and a count in the metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, current_app, g, request

from incident_service.errors import LimitReached, RateLimited
from incident_service.http.metrics import Metrics
from incident_service.http.rate_limits import RateLimits
from incident_service.ids import canonical_uuid, new_request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PROTECTION = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Default headers of every answer. HSTS is left to the proxy that has TLS."""

_DEFAULTS = [(name.lower(), (name, value)) for name, value in PROTECTION.items()]

NEVER_LIMITED = frozenset({"/healthz", "/readyz"})

OF_TOOLS = ("/in/", "/v1/alerts/in", "/v2/")
"""Below these paths tools send alerts. A `429` would make some of them give up (contract §10)."""

_CHECKED_LATER = ("/v1/", "/status/", "/assets/", *OF_TOOLS)
"""Below these paths a request may have a valid key, or need only an answer that is kept."""

_log = logging.getLogger("incident_service.access")


def install(app: Flask) -> None:
    """Give each request its id, and log it when it is answered."""
    app.before_request(_begin)
    app.after_request(_finish)


def protected(application: WSGIApplication) -> WSGIApplication:
    """Return the application with `PROTECTION` in its answers.

    Outside Flask, which copies and checks each header of an answer several times.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            sent = {name.lower() for name, _ in headers}
            headers += [default for name, default in _DEFAULTS if name not in sent]
            return start_response(status, headers, *exc_info)

        return application(environ, start)

    return answer


def request_id() -> str:
    """Return the id of the current request: the client's if it sent a UUID, else a new one."""
    id: str | None = g.get("request_id")
    if id is None:
        sent = request.headers.get("X-Request-Id")
        id = g.request_id = sent if sent and _is_uuid(sent) else new_request_id()
    return id


def _is_uuid(text: str) -> bool:
    try:
        canonical_uuid(text)
    except ValueError:
        return False
    return True


def check_key(id: str) -> None:
    """Count the current request among those of a key, or of an integration.

    This and the like raise `RateLimited`, or `LimitReached` where tools send alerts.
    """
    _count(_rate_limits().check_key, id)


def check_without_key() -> None:
    """Count the current request among those without a valid key."""
    _count(_rate_limits().check_without_key, request.remote_addr or "")


def _rate_limits() -> RateLimits:
    """Return the limits of this process."""
    limits: RateLimits = current_app.extensions["incident_service.rate_limits"]
    return limits


def _count(count: Callable[[str], None], who: str) -> None:
    try:
        count(who)
    except RateLimited as error:
        if request.path.startswith(OF_TOOLS):
            raise LimitReached(error) from None
        raise


def _begin() -> None:
    g.began = time.perf_counter()
    path = request.path
    if path not in NEVER_LIMITED:
        _count(_rate_limits().check_address, request.remote_addr or "")
        if not path.startswith(_CHECKED_LATER) and not _is_counted_later():
            check_without_key()


def _is_counted_later() -> bool:
    """Whether the route's blueprint counts the request once it knows who makes it."""
    blueprints = (current_app.blueprints[name] for name in request.blueprints)
    return any(getattr(blueprint, "counts_requests", False) for blueprint in blueprints)


def _finish(response: Response) -> Response:
    status, method, rule = response.status_code, request.method, request.url_rule
    id, caller, route = request_id(), g.get("caller"), rule.rule if rule else None
    response.headers["X-Request-Id"] = id
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
