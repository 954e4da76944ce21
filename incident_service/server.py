"""The HTTP server: gunicorn, embedded as its documented custom application."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from incident_service import create_app, logs
from incident_service.config import Settings

GRACEFUL_SECONDS = 8
"""How long a stop lets requests under way be answered, within the 10 seconds of contract §9."""


def serve(settings: Settings, *, when_ready: Callable[[], None] = lambda: None) -> None:
    """Serve the API until a signal ends it; `when_ready` is called once it listens."""
    logs.configure(settings.log_level)
    Server(settings, when_ready).run()


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with this service's settings and application."""

    def __init__(self, settings: Settings, when_ready: Callable[[], None]) -> None:
        self._settings = settings
        self._when_ready = when_ready
        super().__init__()

    def load_config(self) -> None:
        """Set what gunicorn is to do; each setting that is not obvious says why."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{settings.port}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": "gthread",
            # Loaded once and shared: a smaller footprint, and a mistake shows at the start.
            "preload_app": True,
            "graceful_timeout": GRACEFUL_SECONDS,
            # Workers beat their hearts on a file; a busy disk must not look like a dead worker.
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,
            # By default one control socket for all servers of a user: two would collide.
            "control_socket_disable": True,
            "logconfig_dict": logs.as_json(settings.log_level),
            "when_ready": lambda _arbiter: self._when_ready(),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application to serve."""
        return create_app(self._settings)
