"""The baseline: a bare Flask route under the service's own gunicorn settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flask import Flask

from incident_service.config import Settings
from incident_service.serving.server import Server


def bare_app() -> Flask:
    """Return an application that answers every creation, look and page with the same text."""
    text = Path(os.environ["BARE_ANSWER"]).read_text()
    answer = json.loads(text) if text.startswith("{") else None
    app = Flask("bare")

    @app.post("/v1/incidents")
    def create() -> Any:
        return answer, 201

    @app.get("/v1/oncall")
    @app.get("/v1/oncall/schedules/<_id>/resolve")
    def on_call(_id: str = "") -> Any:
        return answer

    @app.get("/status/bench")
    def page() -> Any:
        return text

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
