"""What is there without a key: status pages, links of pages and invitations, feeds, API help."""

from __future__ import annotations

from flask import Flask

from incident_service.http import error_responses
from incident_service.web import (
    acknowledge,
    browser,
    calendar_feeds,
    docs,
    invitations,
    rendering,
    status_pages,
)


def install(app: Flask) -> None:
    """Add these routes to the application."""
    rendering.install(app)
    app.register_blueprint(acknowledge.blueprint)
    app.register_blueprint(invitations.blueprint)
    app.register_blueprint(status_pages.blueprint)
    app.register_blueprint(calendar_feeds.blueprint)
    app.register_blueprint(docs.blueprint)
    error_responses.show_to_people(app, browser.respond)
