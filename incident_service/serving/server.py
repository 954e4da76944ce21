"""The HTTP server: gunicorn, embedded as its documented custom application."""

from __future__ import annotations

import errno
import gc
import itertools
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from incident_service import create_app
from incident_service.config import PREFIX, Settings
from incident_service.errors import InvalidSetting
from incident_service.http import metrics
from incident_service.serving import logs
from incident_service.serving.balance import Balance
from incident_service.serving.supervisor import PagingProcess
from incident_service.serving.worker import CONNECTIONS, Worker

PORT_SECONDS = 10.0
"""How long a start waits for its port."""

GRACEFUL_SECONDS = 8
"""How long a stop waits for answers to open requests, within the 10 seconds of contract §9."""


def serve(settings: Settings, *, when_ready: Callable[[], None] = lambda: None) -> None:
    """Serve the API, and page, until a signal comes; `when_ready` is called once it listens."""
    logs.configure(settings.log_level)
    _wait_for_port(settings)
    pager = PagingProcess(settings)
    master = os.getpid()
    folder = metrics.make_folder()

    def begin() -> None:
        pager.start()
        when_ready()

    try:
        Server(settings, begin).run()
    finally:
        if os.getpid() == master:  # the workers, which it forks, end here too
            pager.stop()
            metrics.remove_folder(folder)


def _wait_for_port(settings: Settings) -> None:
    """Return once the port is free: an earlier server may still be stopping.

    Raises `InvalidSetting` if it stays in use, or if nothing can listen on it.
    """
    is_ipv6 = ":" in settings.host
    deadline = time.monotonic() + PORT_SECONDS
    while True:
        try:
            # As gunicorn does: a host that is not an IPv6 address is looked up as an IPv4 one.
            with socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((settings.host, settings.port))
            return
        except (OSError, UnicodeError) as error:
            number = error.errno if isinstance(error, OSError) else None
            if number == errno.EADDRINUSE and time.monotonic() < deadline:
                time.sleep(0.1)
                continue
            if number in (errno.EADDRINUSE, errno.EACCES):
                raise InvalidSetting(
                    f"{PREFIX}PORT: {settings.port} cannot be used: {os.strerror(number)}."
                ) from None
            raise InvalidSetting(
                f"{PREFIX}HOST: {settings.host} is not an address of this machine."
            ) from None


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with this service's settings and application."""

    def __init__(self, settings: Settings, when_ready: Callable[[], None] = lambda: None) -> None:
        self._settings = settings
        self._when_ready = when_ready
        self._balance = Balance(2 * settings.workers)  # a reload has new workers beside the old
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn's options; a comment gives the reason if it is not obvious."""
        settings = self._settings
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        options: dict[str, Any] = {
            "bind": f"{host}:{settings.port}",
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": Worker,
            "worker_connections": CONNECTIONS,
            # Loaded once and shared: it takes less memory, and a mistake shows at the start.
            "preload_app": True,
            "graceful_timeout": GRACEFUL_SECONDS,
            # Enough for an id or a filter of 255 characters, each percent-encoded. More would cost
            # memory before the key is checked. The application limits the body, and `Worker` how
            # long a client may take.
            "limit_request_line": 4094,
            "limit_request_fields": 64,
            "limit_request_field_size": 8190,
            # No header may set the path below which this is mounted.
            "forwarder_headers": "",
            # A worker shows that it is alive by a file; a busy disk must not make it look dead.
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,
            # Its default is one control socket for all servers of a user, so two would collide.
            "control_socket_disable": True,
            "logger_class": _Logger,
            "logconfig_dict": logs.as_json(settings.log_level),
            "when_ready": lambda _arbiter: self._when_ready(),
            "pre_fork": self._give_place,
            "post_fork": _begin_worker,
            "child_exit": lambda _arbiter, worker: self._balance.leave(worker.place),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application to serve."""
        return create_app(self._settings)

    def _give_place(self, arbiter: Any, worker: Any) -> None:
        """Give a new worker the lowest number that no living worker has."""
        taken = {other.place for other in arbiter.WORKERS.values()}
        worker.place = next(place for place in itertools.count() if place not in taken)
        worker.balance = self._balance


def _begin_worker(_arbiter: Any, worker: Any) -> None:
    """Prepare a new worker process."""
    metrics.take_place(f"worker-{worker.place + 1}")
    worker.balance.set(worker.place, 0)
    # What was loaded stays: to go through it again at each collection stalls all threads.
    gc.freeze()


class _Logger(Logger):  # type: ignore[misc]
    """Gunicorn's logger without its line for each request: the application logs requests."""

    def access(self, *_: Any) -> None:
        """Do nothing."""
