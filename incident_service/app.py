"""The WSGI application, put together."""

from __future__ import annotations

from flask import Flask

from incident_service import api, middleware, rendered, web
from incident_service.config import Settings
from incident_service.db import Database
from incident_service.metrics import Metrics


def build_app(settings: Settings | None = None) -> Flask:
    """See `incident_service.create_app`."""
    settings = settings or Settings.from_environ()
    database = Database(settings.database, write_timeout=settings.write_timeout)
    database.initialise()
    app = Flask("incident_service", static_folder=None)
    app.extensions["incident_service.database"] = database
    app.extensions["incident_service.settings"] = settings
    app.extensions["incident_service.metrics"] = Metrics()
    middleware.install(app)
    rendered.install(app)
    api.install(app)
    web.install(app)
    return app
