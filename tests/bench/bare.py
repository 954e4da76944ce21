"""The baseline: a bare Flask route under the service's own gunicorn settings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from flask import Flask, render_template
from jinja2 import DictLoader

from incident_service.config import Settings
from incident_service.serving.server import Server

ROWS = """<!doctype html><title>Rows</title><ul>
{% for row in rows %}
<li><a href="/rows/{{ row.number }}">{{ row.name }}</a>
<span>{{ row.owner }}, {{ row.at }}</span></li>
{% endfor %}
</ul>{{ rest }}"""
"""A page as plain as can be."""


def bare_app() -> Flask:
    """Return an application that answers every creation, look and page with the same text.

    And with pages of rows, of as many bytes as are asked for.
    """
    text = Path(os.environ["BARE_ANSWER"]).read_text()
    answer = json.loads(text) if text.startswith("{") else None
    app = Flask("bare")
    app.jinja_loader = DictLoader({"rows.html": ROWS})
    app.jinja_env.trim_blocks = True
    rows = [
        {"number": n, "name": f"Checkout is slow, {n}", "owner": "Ada Admin", "at": "3 Nov, 14:05"}
        for n in range(100_000, 110_000)
    ]
    with app.app_context():
        shortest = len(render_template("rows.html"))
        row = len(render_template("rows.html", rows=rows[:1])) - shortest

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

    @app.get("/rows/<int:size>")
    def rows_of(size: int) -> Any:
        number, rest = divmod(size - shortest, row)
        return render_template("rows.html", rows=rows[:number], rest="." * rest)

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
