"""A gunicorn worker whose threads never wait for a client.

In gunicorn's threaded worker a thread reads a request, sends the answer and waits for the client to
close, so as many slow clients as there are threads stop it. Here the poller receives, sends and
waits; a thread gets a request only once all of it has arrived.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.http.wsgi import create
from gunicorn.workers.gthread import ThreadWorker

from incident_service import ids
from incident_service.http.error_responses import error_body
from incident_service.http.middleware import PROTECTION
from incident_service.http.rate_limits import network
from incident_service.serving.balance import Balance
from incident_service.serving.connection import Connection, RequestTimedOut, Step

CONNECTIONS = 500
"""How many connections a worker has. When all are in use, the client that has the most loses the
one that has waited longest. Each takes a descriptor, and a process commonly has 1,024 of them."""

HELD_BYTES = 64 * 1024 * 1024
"""How much memory the requests and answers of a worker's connections may take. Beyond that, the
largest connection is closed."""

SECONDS = {Step.HEAD: 10.0, Step.BODY: 30.0, Step.SENDING: 30.0, Step.CLOSING: 2.0}
"""How long a connection may stay in a step. For an idle one, gunicorn's setting says it."""

LINGER_BYTES = 32 * 1024 * 1024
"""How much a client may still send after its last answer before its connection is closed."""

STOP_SECONDS = 1.0
"""How long a worker that stops waits for clients."""

LOOK_EVERY_SECONDS = 0.5
"""How often deadlines are checked."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker whose refusals have the API's error body, like the application's answers."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.place = 0
        """The lowest number that no other living worker had; the master sets it."""
        self.balance = Balance(1)
        """What the workers know of each other's connections; the master shares one."""
        self._kept = 0
        """How many connections stay open after the answer."""
        self._waiting: dict[Connection, None] = {}
        """The connections that wait for their client; the one that has waited longest is first."""
        self._at_work = 0
        """How many requests have a thread, or wait for one."""
        self._held = 0
        self._next_look = 0.0

    # In the poller's thread.

    def run(self) -> None:
        """Serve until a signal comes or the master ends; either wakes the poller at once."""
        with contextlib.suppress(OSError):  # some kernels lack it; the end is then noticed later
            master = os.pidfd_open(self.ppid)
            self.poller.register(master, EVENT_READ, self.poller.unregister)
        super().run()

    def accept(self, listener: socket.socket) -> bool:
        """Accept a connection, if there is one; close another if there are too many."""
        if self.nr_conns >= CONNECTIONS - 1:
            self._close_one()
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._close_one()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return False
        self.nr_conns += 1
        self._keep(1)
        address = client[0] if isinstance(client, tuple) else ""
        conn = Connection(sock, client, listener.getsockname(), self.cfg, network(address))
        self._wait(conn, Step.HEAD)
        self._on_ready(conn)
        return True

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take no new connection while no thread is free: another worker may have one."""
        super().set_accept_enabled(enabled and self._at_work < self.cfg.threads)

    def enqueue_req(self, conn: Connection) -> None:
        """Give the request to a thread.

        If none is free, or if another worker keeps at least two connections fewer, the connection
        ends after the answer: its client then comes back to any worker. So kept connections do not
        pile up at one worker while another idles.
        """
        self._at_work += 1
        is_fair = self._kept <= self.balance.least() + 1
        if self._at_work > self.cfg.threads or not is_fair:
            conn.may_be_kept_alive = False
            self._keep(-1)
        super().enqueue_req(conn)

    def finish_request(self, conn: Connection, future: Any) -> None:
        """Continue with a connection after a thread has made its answer and sent a part of it."""
        self._at_work -= 1
        if future.exception() is not None or conn.sock.fileno() < 0:
            self._close(conn)
            return
        self._count(conn)
        if not conn.is_sent:
            self._wait(conn, Step.SENDING)
        else:
            self._after_answer(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for clients and threads, and handle what is ready."""
        self.set_accept_enabled(self.alive)
        super().wait_for_and_dispatch_events(min(timeout, LOOK_EVERY_SECONDS))

    def murder_pending(self) -> None:
        """Close connections that have waited too long for their client."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_SECONDS
        for conn in [conn for conn in self._waiting if conn.deadline <= now]:
            if conn.step in (Step.HEAD, Step.BODY) and conn.has_received:
                self._attempt(self._refuse, conn)
            else:
                self._close(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close all connections that wait, if forced; otherwise `murder_pending` does the work."""
        for conn in list(self._waiting) if force else ():
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Begin to stop: accept no more connections, and wait for no client past the deadline."""
        for listener in self.sockets:
            for _ in range(self.cfg.backlog):  # clients that have connected get an answer
                if not self.accept(listener):
                    break
            listener.close()  # later clients are refused at once, and can try elsewhere
        for conn in self._waiting:
            conn.deadline = min(conn.deadline, deadline)

    def _on_ready(self, conn: Connection, _socket: Any = None) -> None:
        self._attempt(self._go_on, conn)

    def _attempt(self, work: Callable[[Connection], None], conn: Connection) -> None:
        try:
            work(conn)
        except OSError:  # the client is gone
            self._close(conn)
        except Exception:
            self.log.exception("a connection failed")
            self._close(conn)

    def _go_on(self, conn: Connection) -> None:
        """Continue with a connection whose client is ready."""
        if conn.step is Step.SENDING:
            conn.send()
            self._count(conn)
            if conn.is_sent and conn in self._waiting:
                self._after_answer(conn)
        elif conn.step is Step.CLOSING:
            if not conn.drain() or conn.drained_bytes > LINGER_BYTES:
                self._close(conn)
        elif conn.receive():
            self._count(conn)
            if conn in self._waiting:  # it may have been closed for what it holds
                self._take_request(conn)
        else:
            self._close(conn)

    def _take_request(self, conn: Connection) -> None:
        """Give the request to a thread if all of it has arrived; otherwise wait for the rest."""
        if conn.is_complete():
            self._stop_waiting(conn)
            self.enqueue_req(conn)
        elif conn.request is not None:
            self._wait(conn, Step.BODY)
        else:
            self._wait(
                conn,
                Step.HEAD if conn.has_received or conn.step is Step.HEAD else Step.IDLE,
            )

    def _after_answer(self, conn: Connection) -> None:
        """Continue with the client's next request, or end."""
        if conn.is_kept_alive:
            conn.next_request()
        if not conn.is_kept_alive:
            self._linger(conn)
        elif conn.has_received:
            self._attempt(self._take_request, conn)
        else:
            self._wait(conn, Step.IDLE)

    def _refuse(self, conn: Connection) -> None:
        """Answer a request that did not arrive in time."""
        conn.send(self._refusal(RequestTimedOut()))
        self._linger(conn)

    def _linger(self, conn: Connection) -> None:
        """Wait for the client to close: if this side closed first, the answer could be lost.

        Meanwhile the rest of a refused body is read and discarded.
        """
        with contextlib.suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        self._wait(conn, Step.CLOSING)

    def _wait(self, conn: Connection, step: Step) -> None:
        """Wait for the client, as long as the step allows."""
        if conn.step is not step or conn not in self._waiting:
            conn.step = step
            seconds = SECONDS.get(step, self.cfg.keepalive)
            if not self.alive:
                seconds = min(seconds, STOP_SECONDS)
            conn.deadline = time.monotonic() + seconds
            self._stop_waiting(conn)
            self._waiting[conn] = None
        if not conn.is_polled:
            events = EVENT_WRITE if step is Step.SENDING else EVENT_READ
            self.poller.register(conn.sock, events, partial(self._on_ready, conn))
            conn.is_polled = True

    def _stop_waiting(self, conn: Connection) -> None:
        self._waiting.pop(conn, None)
        if conn.is_polled:
            self.poller.unregister(conn.sock)
            conn.is_polled = False

    def _close(self, conn: Connection) -> None:
        if conn.sock.fileno() < 0:
            return
        self._stop_waiting(conn)
        self._held -= conn.counted_bytes
        self.nr_conns -= 1
        if conn.may_be_kept_alive:
            self._keep(-1)
        conn.sock.close()

    def _keep(self, more: int) -> None:
        """Count the connections that stay open, for the other workers too."""
        self._kept += more
        self.balance.set(self.place, self._kept)

    def _count(self, conn: Connection) -> None:
        """Add up what connections hold, and close the largest if it is too much."""
        self._held += conn.held_bytes - conn.counted_bytes
        conn.counted_bytes = conn.held_bytes
        while self._held > HELD_BYTES and self._waiting:
            self._close(max(self._waiting, key=lambda other: other.counted_bytes))

    def _close_one(self) -> None:
        """Close the connection that has waited longest, of the client that has the most."""
        if not self._waiting:
            return
        ((most, _),) = Counter(conn.network for conn in self._waiting).most_common(1)
        self._close(next(conn for conn in self._waiting if conn.network == most))

    # In a thread of the pool.

    def handle(self, conn: Connection) -> None:
        """Answer a request, and send as much of the answer as the client's side takes now."""
        conn.is_kept_alive = False
        try:
            answer = self._answer(conn)
        except Exception as error:
            answer = self._refusal(error)
        conn.send(answer)

    def _answer(self, conn: Connection) -> bytes:
        request = conn.hand_over()
        collected = _Collected()
        response, environ = create(request, collected, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        if not self.alive or not conn.may_be_kept_alive:
            response.force_close()
        content = self.wsgi(environ, response.start_response)
        try:
            for part in content:
                response.write(part)
            response.close()
        finally:
            if hasattr(content, "close"):
                content.close()
        conn.is_kept_alive = not response.should_close()
        return b"".join(collected.parts)

    def _refusal(self, error: Exception) -> bytes:
        """Return the answer to a request that never reached the application; log no part of it."""
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
        content = json.dumps(body).encode() + b"\n"
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            f"X-Request-Id: {request_id}\r\n"
        )
        head += "".join(f"{name}: {value}\r\n" for name, value in PROTECTION.items()) + "\r\n"
        return head.encode() + content


class _Collected:
    """Stands in for the socket: it collects the answer that gunicorn sends."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def sendall(self, part: bytes) -> None:
        """Collect a part."""
        self.parts.append(part)


def _code_of(error: Exception) -> str:
    """Return the error code of a request that gunicorn could not read."""
    if isinstance(error, LimitRequestLine):
        return "uri_too_long"
    if isinstance(error, LimitRequestHeaders):
        return "headers_too_large"
    return "invalid_request" if isinstance(error, ParseException) else "server_error"
