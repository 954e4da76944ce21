"""A gunicorn worker whose threads never wait for a client.

Gunicorn's threaded worker lets a thread read a request, send the answer and wait for the client to
close: as many slow clients as there are threads stop it. Here the poller receives, sends and waits,
and a thread only gets what has arrived whole.
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
from incident_service.serving.receiving import Conn, RequestTimedOut, Step

CONNECTIONS = 500
"""Of one worker. When they are all taken, whoever has the most gives up the one longest waited
for. Each takes a descriptor, of which a process commonly has 1,024."""

HELD_BYTES = 64 * 1024 * 1024
"""How much memory the requests and answers of a worker's connections may take; beyond that the
largest is given up."""

SECONDS = {Step.HEAD: 10.0, Step.BODY: 30.0, Step.SENDING: 30.0, Step.CLOSING: 2.0}
"""How long a connection may stay in each step; the idle ones as long as gunicorn's setting says."""

LINGER_BYTES = 32 * 1024 * 1024
"""How much an answered client may go on sending until its connection closes."""

STOP_SECONDS = 2.0
"""How long a worker that stops goes on waiting for clients."""

LOOK_EVERY_SECONDS = 0.5
"""How often deadlines are looked at."""


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Requests that never reach the application get the API's error body too."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[Conn, None] = {}
        """The connections that wait for their client, the one longest in its step first."""
        self._at_work = 0
        """How many requests have a thread, or wait for one."""
        self._held = 0
        self._look_at = 0.0

    # In the poller's thread.

    def run(self) -> None:
        """Serve until a signal comes or the master ends, which wakes the poller at once."""
        with contextlib.suppress(OSError):  # not every kernel knows it; then it takes a moment
            master = os.pidfd_open(self.ppid)
            self.poller.register(master, EVENT_READ, self.poller.unregister)
        super().run()

    def accept(self, listener: socket.socket) -> bool:
        """Take a new connection in, if there is one; give up another if there are too many."""
        if self.nr_conns >= CONNECTIONS - 1:
            self._give_up_one()
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                self._give_up_one()
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED, errno.EWOULDBLOCK):
                raise
            return False
        self.nr_conns += 1
        address = client[0] if isinstance(client, tuple) else ""
        conn = Conn(sock, client, listener.getsockname(), self.cfg, network(address))
        self._wait(conn, Step.HEAD)
        self._on_ready(conn)
        return True

    def set_accept_enabled(self, enabled: bool) -> None:
        """Take no new connection while no thread is free: another worker may have one."""
        super().set_accept_enabled(enabled and self._at_work < self.cfg.threads)

    def enqueue_req(self, conn: Conn) -> None:
        """Give the request to a thread.

        If there is none, the connection ends after the answer: its client then comes to a worker
        that has one. So kept connections do not pile up at one worker while another idles.
        """
        self._at_work += 1
        conn.may_be_kept = self._at_work <= self.cfg.threads
        super().enqueue_req(conn)

    def finish_request(self, conn: Conn, future: Any) -> None:
        """Go on with a connection whose answer a thread has made, and has sent in part."""
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
        """Wait for clients and threads, and see to what is there."""
        self.set_accept_enabled(self.alive)
        super().wait_for_and_dispatch_events(min(timeout, LOOK_EVERY_SECONDS))

    def murder_pending(self) -> None:
        """End what has waited for its client for too long."""
        now = time.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY_SECONDS
        for conn in [conn for conn in self._waiting if conn.deadline <= now]:
            if conn.step in (Step.HEAD, Step.BODY) and conn.has_received:
                self._attempt(self._refuse, conn)
            else:
                self._close(conn)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close everything that waits, if forced; else `murder_pending` does what is to be done."""
        for conn in list(self._waiting) if force else ():
            self._close(conn)

    def _cap_keepalive(self, deadline: float) -> None:
        """Begin to stop: take no new connections, and wait for no client longer than that."""
        for listener in self.sockets:
            for _ in range(self.cfg.backlog):  # who has connected is answered
                if not self.accept(listener):
                    break
            listener.close()  # who comes later is refused at once, and can try elsewhere
        for conn in self._waiting:
            conn.deadline = min(conn.deadline, deadline)

    def _on_ready(self, conn: Conn, _socket: Any = None) -> None:
        self._attempt(self._go_on, conn)

    def _attempt(self, work: Callable[[Conn], None], conn: Conn) -> None:
        try:
            work(conn)
        except OSError:  # the client is gone
            self._close(conn)
        except Exception:
            self.log.exception("a connection failed")
            self._close(conn)

    def _go_on(self, conn: Conn) -> None:
        """Do what the connection waited for."""
        if conn.step is Step.SENDING:
            conn.send()
            self._count(conn)
            if conn.is_sent and conn in self._waiting:
                self._after_answer(conn)
        elif conn.step is Step.CLOSING:
            if not conn.drain() or conn.drained > LINGER_BYTES:
                self._close(conn)
        elif conn.receive():
            self._count(conn)
            if conn in self._waiting:  # and was not given up for what it holds
                self._take_request(conn)
        else:
            self._close(conn)

    def _take_request(self, conn: Conn) -> None:
        """Give a thread the request, if it is whole; else wait for the rest."""
        if conn.is_complete():
            self._stop_waiting(conn)
            self.enqueue_req(conn)
        elif conn.request is not None:
            self._wait(conn, Step.BODY)
        else:
            self._wait(
                conn, Step.HEAD if conn.has_received or conn.step is Step.HEAD else Step.IDLE
            )

    def _after_answer(self, conn: Conn) -> None:
        """Go on to the client's next request, or to the end."""
        if conn.is_kept:
            conn.next_request()
        if not conn.is_kept:
            self._linger(conn)
        elif conn.has_received:
            self._attempt(self._take_request, conn)
        else:
            self._wait(conn, Step.IDLE)

    def _refuse(self, conn: Conn) -> None:
        """Answer a request that did not arrive in time."""
        conn.send(self._refusal(RequestTimedOut()))
        self._linger(conn)

    def _linger(self, conn: Conn) -> None:
        """Wait for the client to close: if this side did first, the answer could be lost.

        Meanwhile what is left of a refused body is read, and thrown away.
        """
        with contextlib.suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
        self._wait(conn, Step.CLOSING)

    def _wait(self, conn: Conn, step: Step) -> None:
        """Wait for the client, until a deadline that is the step's own."""
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

    def _stop_waiting(self, conn: Conn) -> None:
        self._waiting.pop(conn, None)
        if conn.is_polled:
            self.poller.unregister(conn.sock)
            conn.is_polled = False

    def _close(self, conn: Conn) -> None:
        if conn.sock.fileno() < 0:
            return
        self._stop_waiting(conn)
        self._held -= conn.counted
        self.nr_conns -= 1
        conn.sock.close()

    def _count(self, conn: Conn) -> None:
        """Count what a connection holds, and give up the largest if it is too much together."""
        self._held += conn.held - conn.counted
        conn.counted = conn.held
        while self._held > HELD_BYTES and self._waiting:
            self._close(max(self._waiting, key=lambda other: other.counted))

    def _give_up_one(self) -> None:
        """Close the connection longest waited for, of the address that has the most."""
        if not self._waiting:
            return
        ((who, _),) = Counter(conn.who for conn in self._waiting).most_common(1)
        self._close(next(conn for conn in self._waiting if conn.who == who))

    # In a thread of the pool.

    def handle(self, conn: Conn) -> None:
        """Answer a request, and send as much of that as the client's side takes now."""
        conn.is_kept = False
        try:
            answer = self._answer(conn)
        except Exception as error:
            answer = self._refusal(error)
        conn.send(answer)

    def _answer(self, conn: Conn) -> bytes:
        request = conn.hand_over()
        collected = _Collected()
        response, environ = create(request, collected, conn.client, conn.server, self.cfg)
        environ["wsgi.multithread"] = True
        if not self.alive or not conn.may_be_kept:
            response.force_close()
        content = self.wsgi(environ, response.start_response)
        try:
            for part in content:
                response.write(part)
            response.close()
        finally:
            if hasattr(content, "close"):
                content.close()
        conn.is_kept = not response.should_close()
        return b"".join(collected.parts)

    def _refusal(self, error: Exception) -> bytes:
        """Return the answer to a request that the application never had. The log has none of it."""
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
    """What gunicorn takes for the socket: it keeps the answer until it is whole."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def sendall(self, part: bytes) -> None:
        """Keep a part."""
        self.parts.append(part)


def _code_of(error: Exception) -> str:
    """Return the error code of what gunicorn could not read."""
    if isinstance(error, LimitRequestLine):
        return "uri_too_long"
    if isinstance(error, LimitRequestHeaders):
        return "headers_too_large"
    return "invalid_request" if isinstance(error, ParseException) else "server_error"
