"""The WSGI application, put together."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from incident_service import api, inbound, web
from incident_service.api.openapi import spec
from incident_service.config import Settings
from incident_service.database import either
from incident_service.http import middleware, page_cache
from incident_service.http.metrics import Metrics
from incident_service.http.rate_limits import RateLimits
from incident_service.web.console import oidc, session_cookie, set_up

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def build_app(settings: Settings | None = None) -> Flask:
    """See `incident_service.create_app`."""
    app = build_routes()
    configure(app, settings or Settings.from_environ())
    return app


def describe_api() -> dict[str, Any]:
    """Return the description of the API in OpenAPI 3.1; it needs no database."""
    return spec.document(build_routes())


def build_routes() -> Flask:
    """Return an application with all its routes, which is not configured yet."""
    app = _App("incident_service", static_folder=None)
    middleware.install(app)
    api.install(app)
    inbound.install(app)
    web.install(app)
    return app


class _App(Flask):
    """An application without coroutines."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function, without a look at what it is, which every call would pay for."""
        return func


def configure(app: Flask, settings: Settings) -> None:
    """Give the application its settings and its database, in place of those that it had.

    The database is made if there is none. Raises as `either.initialise` does, and leaves the
    application as it was then.
    """
    database = either.open_database(
        settings.database, write_timeout=settings.write_timeout, threads=settings.threads
    )
    either.initialise(database)
    app.extensions["incident_service.database"] = database
    app.extensions["incident_service.settings"] = settings
    metrics = app.extensions["incident_service.metrics"] = Metrics()
    metrics.watch(database)
    app.extensions["incident_service.rate_limits"] = RateLimits(
        per_key=settings.rate_limit_key,
        per_address=settings.rate_limit_address,
        without_key="" if settings.rate_limit_public == "none" else settings.rate_limit_public,
        is_behind_known_proxies=settings.trusted_proxies > 0,
    )
    page_cache.install(app)
    session_cookie.configure(app, database, settings)
    set_up.configure(app)
    oidc.configure(app, settings)
    app.wsgi_app = _as_reached(app, settings)  # type: ignore[method-assign,assignment]


def _as_reached(app: Flask, settings: Settings) -> WSGIApplication:
    """Return Flask's own application, as clients reach it below a path and through proxies."""
    application = middleware.protected(functools.partial(Flask.wsgi_app, app))
    if settings.public_path:
        application = _below(settings.public_path, application)
    if settings.trusted_proxies:
        application = ProxyFix(application, x_for=settings.trusted_proxies, x_proto=0)
    return application


def _below(root: str, application: WSGIApplication) -> WSGIApplication:
    """Return the application below a path: its links begin with that path.

    A proxy in front may remove the path from requests, or leave it there.
    """

    def mounted(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == root or path.startswith(root + "/"):
            path = path.removeprefix(root) or "/"
        return application({**environ, "SCRIPT_NAME": root, "PATH_INFO": path}, start_response)

    return mounted
