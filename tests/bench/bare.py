"""The baseline: a bare Flask route under the service's own gunicorn settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flask import Flask

from incident_service.config import Settings
from incident_service.server import Server


def bare_app() -> Flask:
    """Return an application that answers every creation with the same JSON."""
    answer = json.loads(Path(os.environ["BARE_ANSWER"]).read_text())
    app = Flask("bare")

    @app.post("/v1/incidents")
    def create() -> Any:
        return answer, 201

    @app.get("/readyz")
    def ready() -> Any:
        return {}

    return app


class Bare(Server):
    """The service's server with another application."""

    def load(self) -> Flask:
        return bare_app()


if __name__ == "__main__":
    Bare(Settings.from_environ()).run()
