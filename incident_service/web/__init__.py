"""HTML for people: the console, and what is there without a key."""

from __future__ import annotations

from flask import Flask

from incident_service.http import error_responses
from incident_service.web import (
    acknowledge,
    assets,
    browser,
    calendar_feeds,
    console,
    docs,
    invitations,
    rendering,
    status_pages,
)
from incident_service.web.console import help


def install(app: Flask) -> None:
    """Add these routes to the application."""
    rendering.install(app)
    app.register_blueprint(acknowledge.blueprint)
    app.register_blueprint(invitations.blueprint)
    app.register_blueprint(status_pages.blueprint)
    app.register_blueprint(calendar_feeds.blueprint)
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(assets.blueprint)
    console.install(app)
    app.register_blueprint(help.blueprint)
    error_responses.show_to_people(app, browser.respond)
