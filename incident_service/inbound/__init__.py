"""What monitoring sends: the paths for tools, and one module a format (contract §10)."""

from __future__ import annotations

from flask import Flask

from incident_service.inbound import as_opsgenie, as_pagerduty


def install(app: Flask) -> None:
    """Add the paths of other services' APIs that tools know how to call."""
    app.url_map.converters["alias"] = app.url_map.converters["user_id"]  # any characters as well
    app.register_blueprint(as_pagerduty.blueprint)
    app.register_blueprint(as_opsgenie.blueprint)
