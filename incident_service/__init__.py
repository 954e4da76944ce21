"""A self-hosted incident and on-call service: one Python process tree and one SQLite file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from incident_service.config import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Build the WSGI application; make its database if there is no file yet.

    Without `settings` they come from the environment. Raises
    `incident_service.errors.ServiceError` if the settings or the database cannot be used.
    """
    from incident_service.app import build_app  # only those who serve load Flask

    return build_app(settings)
