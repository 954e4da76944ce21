"""Putting the application together, and giving it something else to work on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask, request

from incident_service.app import build_routes, configure
from incident_service.config import Settings
from incident_service.errors import UnusableDatabase


@pytest.fixture
def bare() -> Flask:
    """An application of its own, which has nothing to work on yet."""
    return build_routes()


def request_as_seen(app: Flask) -> tuple[str, str, str | None]:
    """Return the path below which the application thinks to be, the rest of it, and the client."""
    seen = []
    hooks = app.before_request_funcs[None]
    hooks.insert(0, lambda: seen.append((request.script_root, request.path, request.remote_addr)))
    try:
        app.test_client().get(
            "/a/b/healthz",
            headers={"X-Forwarded-For": "198.51.100.1, 198.51.100.2"},
            environ_base={"REMOTE_ADDR": "198.51.100.3"},
        )
    finally:
        hooks.pop(0)
    return seen[0]


def test_what_is_configured_replaces_what_was_before(bare: Flask, tmp_path: Path) -> None:
    def seen(**settings: Any) -> tuple[str, str, str | None]:
        configure(bare, Settings(database=tmp_path / "app.db", **settings))
        return request_as_seen(bare)

    for _ in range(2):
        below = seen(base_url="https://x.example/a", trusted_proxies=1)
        assert below == ("/a", "/b/healthz", "198.51.100.2")
    assert seen(base_url="https://x.example/a/b") == ("/a/b", "/healthz", "198.51.100.3")
    assert seen(trusted_proxies=2) == ("", "/a/b/healthz", "198.51.100.1")
    assert seen() == ("", "/a/b/healthz", "198.51.100.3")


def test_a_database_that_cannot_be_made_leaves_the_application_as_it_was(
    bare: Flask, tmp_path: Path
) -> None:
    settings = Settings(database=tmp_path / "app.db", base_url="https://x.example/a")
    configure(bare, settings)
    with pytest.raises(UnusableDatabase):
        configure(bare, Settings(database=tmp_path / "none" / "app.db"))
    assert bare.extensions["incident_service.settings"] is settings
    assert request_as_seen(bare) == ("/a", "/b/healthz", "198.51.100.3")
