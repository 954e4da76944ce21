"""The HTTP server: gunicorn, embedded as its documented custom application."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import struct
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import ThreadWorker

from incident_service import create_app, ids, logs, metrics
from incident_service.config import Settings
from incident_service.envelope import error_body
from incident_service.middleware import PROTECTION
from incident_service.supervisor import PagingProcess

SLOW_CLIENT_SECONDS = 5
"""How long a thread waits for the next bytes of a request."""

LINGER_SECONDS = 2.0
LINGER_BYTES = 32 * 1024 * 1024
"""How long, and for how much, an answered client is listened to before its connection closes."""

GRACEFUL_SECONDS = 8
"""How long a stop lets requests under way be answered, within the 10 seconds of contract §9."""


def serve(settings: Settings, *, when_ready: Callable[[], None] = lambda: None) -> None:
    """Serve the API, and page, until a signal ends it; `when_ready` is called once it listens."""
    logs.configure(settings.log_level)
    pager = PagingProcess(settings)
    master = os.getpid()
    folder = metrics.make_folder()

    def begin() -> None:
        pager.start()
        when_ready()

    try:
        Server(settings, begin).run()
    finally:
        if os.getpid() == master:  # each worker, which it forks, ends here too
            pager.stop()
            metrics.remove_folder(folder)


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn with this service's settings and application."""

    def __init__(self, settings: Settings, when_ready: Callable[[], None] = lambda: None) -> None:
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
            "worker_class": _Worker,
            # Loaded once and shared: a smaller footprint, and a mistake shows at the start.
            "preload_app": True,
            "graceful_timeout": GRACEFUL_SECONDS,
            # Room for an id or a filter of 255 characters, each percent-encoded; beyond that a
            # request costs memory before its key is looked at. The application limits the body,
            # and `_Worker` how long a client may be silent.
            "limit_request_line": 4094,
            "limit_request_fields": 64,
            "limit_request_field_size": 8190,
            # No header sets what only a server knows: nothing here is mounted below a path.
            "forwarder_headers": "",
            # Workers beat their hearts on a file; a busy disk must not look like a dead worker.
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,
            # By default one control socket for all servers of a user: two would collide.
            "control_socket_disable": True,
            "logger_class": _Logger,
            "logconfig_dict": logs.as_json(settings.log_level),
            "when_ready": lambda _arbiter: self._when_ready(),
            "pre_fork": _give_place,
            "post_fork": lambda _arbiter, worker: metrics.take_place(worker.place),
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Return the application to serve."""
        return create_app(self._settings)


def _give_place(arbiter: Any, worker: Any) -> None:
    """Give a new worker the lowest number that none of the living has."""
    taken = {other.place for other in arbiter.WORKERS.values()}
    places = (f"worker-{number}" for number in itertools.count(1))
    worker.place = next(place for place in places if place not in taken)


class _Logger(Logger):  # type: ignore[misc]
    """Gunicorn's logger, without a second line for each request: the application logs them."""

    def access(self, *_: Any) -> None:
        """Do nothing."""


class _Worker(ThreadWorker):  # type: ignore[misc]
    """Gunicorn's threaded worker; requests that it refuses by itself get the API's error body."""

    def handle(self, conn: Any) -> Any:
        """Handle a connection; a client that sends nothing for long does not keep the thread."""
        patience = struct.pack("ll", SLOW_CLIENT_SECONDS, 0)
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        is_kept = super().handle(conn)
        if not is_kept:
            with contextlib.suppress(OSError):
                # Wait here for the client to close its side: gunicorn would wait in the thread
                # that takes connections in. It finds the end of the stream then. Meanwhile what is
                # left of a refused body is read: a connection closed on it would be reset, and the
                # answer lost.
                util.close_graceful(conn.sock.dup(), timeout=LINGER_SECONDS, max_drain=LINGER_BYTES)
                conn.sock.shutdown(socket.SHUT_RD)
        return is_kept

    def handle_error(self, _req: Any, client: socket.socket, _addr: Any, error: Exception) -> None:
        """Answer a request that never reached the application. The log has no part of it."""
        request_id = ids.new_request_id()
        body = error_body(_code_of(error), request_id)
        status = HTTPStatus(body["statusCode"])
        self.wsgi.extensions["incident_service.metrics"].count_refusal(status)
        self.log.warning(
            "refused a request: %s",
            type(error).__name__,
            extra={"status": status.value, "requestId": request_id},
            exc_info=error if status >= 500 else None,
        )
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            f"X-Request-Id: {request_id}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in PROTECTION.items()) + "\r\n"
        try:
            util.write_nonblock(client, head.encode() + content)
        except OSError:
            self.log.debug("the client of a refused request is gone")


def _code_of(error: Exception) -> str:
    """Return the error code of what gunicorn could not read."""
    if isinstance(error, LimitRequestLine):
        return "uri_too_long"
    if isinstance(error, LimitRequestHeaders):
        return "headers_too_large"
    return "invalid_request" if isinstance(error, ParseException) else "server_error"
