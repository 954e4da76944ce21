"""An application beside that of the test's world."""

from __future__ import annotations

import functools
from typing import Any

from flask import Flask

from incident_service.app import build_routes, configure
from incident_service.config import Settings

_routes = functools.cache(build_routes)


def client_with(settings: Settings) -> Any:
    """Return a client of an application with these settings, which lasts until the next call.

    There is one such application in a process: routes take much longer to make than to configure.
    """
    app: Flask = _routes()
    configure(app, settings)
    return app.test_client()
