"""The pages that people see: HTML, without a key."""

from __future__ import annotations

from flask import Flask

from incident_service.web import acknowledge, docs, rendering, status_pages


def install(app: Flask) -> None:
    """Put the pages into the application."""
    rendering.install(app)
    app.register_blueprint(acknowledge.blueprint)
    app.register_blueprint(status_pages.blueprint)
    app.register_blueprint(docs.blueprint)
