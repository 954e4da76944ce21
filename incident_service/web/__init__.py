"""The pages that people see: HTML, without a key."""

from __future__ import annotations

from flask import Flask

from incident_service.http import error_responses
from incident_service.web import acknowledge, browser, docs, pages, status


def install(app: Flask) -> None:
    """Put the pages into the application."""
    pages.install(app)
    app.register_blueprint(acknowledge.blueprint)
    app.register_blueprint(status.blueprint)
    app.register_blueprint(docs.blueprint)
    error_responses.show_to_people(app, browser.error_page)
